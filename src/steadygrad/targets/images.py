"""Generated images and class labels for architectures of the image libraries."""

from collections.abc import Sequence

import torch

from steadygrad.errors import InputError

PIXELS = 8 * 256 * 256  # of one batch, so that a step of a large architecture fits into 16 GB
LARGE, HUGE = 50_000_000, 150_000_000  # parameters


def batch_for(size: Sequence[int], parameters: int = 0) -> int:
    """Images per batch: 8 up to 256 × 256 pixels, fewer above so that pixels stay the same; at most 4 for large models, 2 for huge ones; at least 2.

    Example:
        >>> batch_for((3, 224, 224)), batch_for((3, 384, 384)), batch_for((3, 1024, 1024)), batch_for((3, 224, 224), 86_000_000)
        (8, 3, 2, 4)
    """
    most = 8 if parameters <= LARGE else 4 if parameters <= HUGE else 2
    return max(2, min(most, PIXELS // (size[-1] * size[-2])))


def images(size: Sequence[int], seed: int = 0, batch_size: int | None = None) -> torch.Tensor:
    """Standard normal images of shape (batch, *size), size = (channels, height, width)."""
    return torch.randn(batch_size or batch_for(size), *size, generator=torch.Generator().manual_seed(seed))


def labels(batch: int, classes: int, seed: int = 0) -> torch.Tensor:
    """A uniform class below `classes` for each image."""
    return torch.randint(0, classes, (batch,), generator=torch.Generator().manual_seed(seed + 1))


def as_images(inputs: object, name: str, dimensions: int = 4) -> torch.Tensor:
    """`inputs` as one batch of images or clips.

    Raises:
        InputError: it is not one float tensor with that many dimensions.
    """
    if isinstance(inputs, torch.Tensor) and inputs.ndim == dimensions and inputs.is_floating_point():
        return inputs
    got = tuple(inputs.shape) if isinstance(inputs, torch.Tensor) else type(inputs).__name__
    form = "8x3x224x224" if dimensions == 4 else "2x3x16x112x112"
    raise InputError(f"`{name}` takes one batch of {dimensions} dimensions such as --input {form}, got {got}")
