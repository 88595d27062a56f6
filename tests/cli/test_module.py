"""`python -m steadygrad` is the command."""

import subprocess
import sys


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "steadygrad", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "Usage: steadygrad" in done.stdout
