"""Shared by all tests: one thread, and markers that need something absent skip with the reason."""

import shutil

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("chromium") is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="no chromium on this machine: apt-get install chromium chromium-driver"))
