"""`steadygrad init` of a model larger than its memory, killed without warning: slow, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

pytestmark = pytest.mark.slow

LAYERS, WIDTH = 16, 3072  # 600 megabytes in tensors of 36
MODEL = f"""
from torch import nn
def net():
    return nn.Sequential(*(layer for _ in range({LAYERS}) for layer in (nn.Linear({WIDTH}, {WIDTH}, bias=False), nn.ReLU())))
"""
RUN = """
import resource, sys
from steadygrad.cli import main
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    main()
finally:
    print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def start(folder: Path, name: str) -> subprocess.Popen:
    (folder / "model.py").write_text(MODEL)
    command = [sys.executable, "-c", RUN, "init", "model.py:net", "-o", name, "--scheme", "he", "--input", f"2x{WIDTH}", "--format", "json"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def done(folder: Path, name: str) -> int:
    try:
        return int(json.loads((folder / f"{name}.partial.json").read_text())["done"])
    except (OSError, ValueError):
        return 0


def test_memory_for_the_largest_tensor_and_kills_at_any_moment(tmp_path: Path) -> None:
    """Peak resident memory grows by four tensors at most while sixteen are written; after each kill −9 there is no file of the final name."""
    whole = start(tmp_path, "whole.safetensors")
    before, after = map(int, whole.communicate()[1].split()[-2:])
    assert whole.returncode == 0
    assert (after - before) * 1024 < 4 * WIDTH * WIDTH * 4 + 128 * 2**20  # and what planning imports

    for kills in (1, 7, 12):
        process = start(tmp_path, "killed.safetensors")
        while done(tmp_path, "killed.safetensors") < kills and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL and not (tmp_path / "killed.safetensors").exists()
        assert done(tmp_path, "killed.safetensors") >= kills
    last = start(tmp_path, "killed.safetensors")
    last.communicate()
    assert last.returncode == 0
    assert (tmp_path / "killed.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["killed.safetensors", "model.py", "whole.safetensors"]
    with safe_open(tmp_path / "killed.safetensors", "pt") as file:
        assert len(list(file.keys())) == LAYERS
