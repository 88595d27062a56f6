"""Fashion-MNIST: from a folder that is named, else from the user's cache, else downloaded; its checksums are always compared.

Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; MIT licence, Zalando SE. No file is ever unpickled: the format is idx, bytes in row-major order.
"""

import gzip
import hashlib
import os
import struct
import tempfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from steadygrad.errors import InputError

MIRROR = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
VARIABLE = "STEADYGRAD_DATA"
SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
MEAN, STD = 0.2860, 0.3530  # of the training pixels over 255


class FashionMnist(NamedTuple):
    """Images (n, 1, 28, 28), standardized with the training pixels' mean and standard deviation, and labels 0 … 9."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def load(folder: Path | None = None) -> FashionMnist:
    """60,000 training and 10,000 test images.

    Args:
        folder: holds the four .gz files, or a folder `fashion-mnist` with them; the environment's STEADYGRAD_DATA without one. Where neither
            is set they are downloaded once into the user's cache.

    Raises:
        InputError: files are missing or not the original ones, or there is neither data nor network.
    """
    place = _given(folder)
    read = {name: _read(place / name if place is not None else _cached(name), name) for name in SHA256}
    images = [_standardized(read[f"{part}-images-idx3-ubyte.gz"]) for part in ("train", "t10k")]
    labels = [torch.from_numpy(read[f"{part}-labels-idx1-ubyte.gz"].astype(np.int64)) for part in ("train", "t10k")]
    return FashionMnist(images[0], labels[0], images[1], labels[1])


def cache_folder() -> Path:
    """Where downloads are kept: `steadygrad` in XDG_CACHE_HOME or LOCALAPPDATA, else in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(home) if home else Path.home() / ".cache") / "steadygrad" / "fashion-mnist"


def _given(folder: Path | None) -> Path | None:
    """The folder with the files that the user named, None if none was named."""
    named = folder or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is None:
        return None
    for place in (named / "fashion-mnist", named):
        if (place / "train-images-idx3-ubyte.gz").is_file():
            return place
    wanted = ", ".join(SHA256)
    raise InputError(f"Fashion-MNIST must lie in the folder of --data or {VARIABLE}, or in its `fashion-mnist`, as {wanted}; got `{named}`, which has not")


def _cached(name: str) -> Path:
    path = cache_folder() / name
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with urllib.request.urlopen(MIRROR + name, timeout=30) as answer:  # noqa: S310 - a constant https address
                body = answer.read()
            _check(body, name, MIRROR)
            handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            Path(partial).replace(path)
        except OSError as error:
            raise InputError(
                f"Fashion-MNIST must be on disk or within reach: `{path}` is not there, and {MIRROR}{name} got {error}. "
                f"Without a network give --data FOLDER, or set {VARIABLE}, to a folder with {', '.join(SHA256)}"
            ) from error
    return path


def _check(body: bytes, name: str, where: str) -> None:
    seen = hashlib.sha256(body).hexdigest()
    if seen != SHA256[name]:
        raise InputError(f"`{name}` must be the original file, sha256 {SHA256[name]}, got {seen} from {where}; remove it and run again")


def _read(path: Path, name: str) -> np.ndarray:
    """The array in one idx file: 2 zero bytes, type 8 (uint8), the number of axes, each length as a big-endian int32, then the bytes."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputError(f"`{path}` must be a readable file, got {error}") from error
    _check(body, name, str(path))
    raw = gzip.decompress(body)
    axes = raw[3]
    shape = struct.unpack(f">{axes}i", raw[4 : 4 + 4 * axes])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _standardized(images: np.ndarray) -> torch.Tensor:
    return ((torch.from_numpy(images.astype(np.float32)) / 255.0 - MEAN) / STD).unsqueeze(1)
