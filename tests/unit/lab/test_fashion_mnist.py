"""Fashion-MNIST: named folders, the cache, no network, wrong files. Real files where STEADYGRAD_DATA points at them."""

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.lab import fashion_mnist


def small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Four tiny files in the format, with their own checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, arrays, sums = np.random.default_rng(0), {}, {}
    for name in fashion_mnist.SHA256:
        shape = (3, 28, 28) if "images" in name else (3,)
        arrays[name] = rng.integers(0, 10, shape, dtype=np.uint8)
        body = gzip.compress(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}i", *shape) + arrays[name].tobytes(), mtime=0)
        (folder / name).write_bytes(body)
        sums[name] = hashlib.sha256(body).hexdigest()
    monkeypatch.setattr(fashion_mnist, "SHA256", sums)
    return arrays


@pytest.mark.parametrize("way", ["argument", "inside", "variable", "cache"])
def test_files_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.delenv(fashion_mnist.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = {"argument": tmp_path / "d", "inside": tmp_path / "d" / "fashion-mnist", "variable": tmp_path / "e", "cache": tmp_path / "steadygrad" / "fashion-mnist"}[way]
    arrays = small(place, monkeypatch)
    if way == "variable":
        monkeypatch.setenv(fashion_mnist.VARIABLE, str(place))
    data = fashion_mnist.load(tmp_path / "d" if way in ("argument", "inside") else None)
    assert data.train_x.shape == (3, 1, 28, 28) and data.test_y.tolist() == arrays["t10k-labels-idx1-ubyte.gz"].tolist()
    pixel = float(arrays["train-images-idx3-ubyte.gz"][1, 5, 7]) / 255.0
    assert abs(float(data.train_x[1, 0, 5, 7]) - (pixel - 0.2860) / 0.3530) < 1e-6


def test_neither_data_nor_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fashion_mnist.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(fashion_mnist, "MIRROR", "https://localhost:9/")
    with pytest.raises(InputError, match="must be on disk or within reach: .* Without a network give --data FOLDER, or set STEADYGRAD_DATA"):
        fashion_mnist.load()


def test_a_download_is_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path / "there", monkeypatch)
    asked: list[str] = []

    def answer(address: str, timeout: float) -> object:
        asked.append(address)
        return (tmp_path / "there" / address.rpartition("/")[2]).open("rb")

    monkeypatch.delenv(fashion_mnist.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist.urllib.request, "urlopen", answer)
    fashion_mnist.load()
    fashion_mnist.load()
    assert len(asked) == 4 and all(address.startswith("https://") for address in asked)
    (tmp_path / "there" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"something else")
    (fashion_mnist.cache_folder() / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="must be the original file, sha256"):
        fashion_mnist.load()
    assert not list(fashion_mnist.cache_folder().glob(".*"))


def test_wrong_and_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"must lie in the folder of --data or STEADYGRAD_DATA, .* got `.*none`, which has not"):
        fashion_mnist.load(tmp_path / "none")
    small(tmp_path, monkeypatch)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"x")
    with pytest.raises(InputError, match=r"`train-labels-idx1-ubyte.gz` must be the original file, sha256 .* got .* remove it and run again"):
        fashion_mnist.load(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="must be a readable file, got"):
        fashion_mnist.load(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get(fashion_mnist.VARIABLE), reason="STEADYGRAD_DATA names no folder")
def test_the_real_files() -> None:
    """Pixel mean and standard deviation as published: 0.2860, 0.3530."""
    data = fashion_mnist.load()
    assert data.train_x.shape == (60_000, 1, 28, 28) and data.test_x.shape == (10_000, 1, 28, 28)
    assert data.train_y.bincount().tolist() == [6000] * 10 and data.test_y.bincount().tolist() == [1000] * 10
    assert abs(float(data.train_x.double().mean())) < 2e-4 and abs(float(data.train_x.double().std()) - 1.0) < 2e-4
