"""The 8×8 handwritten digits, shipped with the package."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch

TRAIN = 1437


class Digits(NamedTuple):
    """Standardized images as rows of 64 features, and labels; train and test parts."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def load() -> Digits:
    """1,437 training and 360 test images in a fixed random order, standardized over all training pixels.

    Example:
        >>> load().train_x.shape
        torch.Size([1437, 64])
    """
    with (files("steadygrad.lab") / "data" / "digits.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        images, labels = data["images"], data["labels"]
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.from_numpy(images[order].reshape(len(images), 64).astype(np.float32))
    y = torch.from_numpy(labels[order].astype(np.int64))
    x = (x - x[:TRAIN].mean()) / x[:TRAIN].std()
    return Digits(x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:])
