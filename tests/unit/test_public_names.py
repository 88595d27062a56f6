"""`steadygrad.check` stays the function, whatever was imported before."""

import subprocess
import sys


def test_check_is_the_function_after_its_module_was_imported() -> None:
    probe = "import steadygrad.door, steadygrad.pipeline, steadygrad as sg; assert callable(sg.check) and sg.check is steadygrad.door.check"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0
