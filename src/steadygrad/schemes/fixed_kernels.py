"""Kernels that are known in advance: bilinear upsampling, short-time Fourier transform."""

from functools import reduce
from math import ceil

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.schemes.scheme import Scheme, one_of

WINDOWS = ("hann", "none")
SCALINGS = ("density", "spectrum", "none")


class bilinear(Scheme):  # noqa: N801 - called like the functions they are known as
    """Linear interpolation in each spatial dimension, channel by channel: Π (1 − |x − centre|/f), f = ⌈k/2⌉, centre = (k − 1)/2.

    For a transposed convolution with stride s, kernel 2s − s mod 2 and padding ⌈(s − 1)/2⌉; depthwise kernels are filled
    throughout, others on the diagonal (channel i to channel i). Caffe's formula, which mxnet copied, has its centre half
    a step off for kernels of size 2, 3, 6, 7 …

    Source: Long, Shelhamer & Darrell 2015, arXiv:1411.4038, section 3.3.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(bilinear().law(Fans(1.0, 1.0)), (1, 1, 4), name="w").tolist()
        [[[0.25, 0.75, 0.75, 0.25]]]
    """

    name = "bilinear"
    formula = "w[i, i] = Π (1 − |x − (k − 1)/2|/⌈k/2⌉), 0 between channels"
    source = "Long, Shelhamer & Darrell 2015, arXiv:1411.4038, section 3.3"
    assumes = "a transposed convolution of stride s with kernel 2s − s mod 2"
    fails = "kernels that the stride does not divide evenly: the image gets a pattern"
    scales = False
    needs = "(channels, 1, *kernel), or as many inputs as outputs"
    shape = (6, 1, 4, 4)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""

        def function(shape: Shape, draw: Draw) -> Values:
            if len(shape) < 3 or shape[1] not in (1, shape[0]):
                raise InputError(f"`{self.name}` must be drawn into (channels, 1, *kernel) or (channels, channels, *kernel), got shape {tuple(shape)}")
            kernel = reduce(np.multiply.outer, [1.0 - np.abs(np.arange(k) - (k - 1) / 2.0) / ceil(k / 2) for k in shape[2:]])
            diagonal = np.ones(shape[:2]) if shape[1] == 1 else np.eye(shape[0])
            return np.multiply.outer(diagonal, kernel)

        return Computed(self.name, function)


class stft(Scheme):  # noqa: N801
    """The real or imaginary part of a windowed Fourier transform, as a 1-d convolution (bins, 1, length) of stride hop.

        w[f, 0, t] = window[t]/norm · cos(−2π·t·f/N)  (or sin),  N = 2·(bins − 1)

    norm = √Σ window² for "density", Σ|window| for "spectrum".

    Args:
        side: "real" or "imag".
        window: "hann" or "none".
        scaling: "density", "spectrum" or "none".
        periodic: the window of length + 1 without its last entry, as for spectral analysis.

    Source: keras.initializers.STFTInitializer, Keras 3, whose kernels are (length, 1, bins).

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(stft("real", window="none", scaling="none").law(Fans(1.0, 1.0)), (3, 1, 4), name="w")[1, 0].round(6).tolist()
        [1.0, 0.0, -1.0, -0.0]
    """

    name = "stft"
    formula = "w[f, 0, t] = window[t]/norm · cos(−2π·t·f/N) or sin, N = 2·(bins − 1)"
    source = "keras.initializers.STFTInitializer, Keras 3"
    assumes = "a convolution over one input channel; the imaginary part in a second one"
    fails = "more than one input channel; lengths above N, which alias"
    scales = False
    needs = "(bins, 1, length)"
    shape = (9, 1, 16)

    def __init__(self, side: str = "real", window: str = "hann", scaling: str = "density", periodic: bool = False) -> None:
        self.side = one_of(side, ("real", "imag"), "side", self.name)
        self.window = one_of(window, WINDOWS, "window", self.name)
        self.scaling = one_of(scaling, SCALINGS, "scaling", self.name)
        self.periodic = periodic

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""

        def function(shape: Shape, draw: Draw) -> Values:
            if len(shape) != 3 or shape[1] != 1:
                raise InputError(f"`{self.name}` must be drawn into (bins, 1, length), got shape {tuple(shape)}")
            bins, _, length = shape
            angle = -2.0 * np.pi * np.outer(np.arange(bins), np.arange(length)) / max(2 * (bins - 1), 1)
            wave = np.cos(angle) if self.side == "real" else np.sin(angle)
            return (wave * self._window(length))[:, None, :]

        return Computed(self.name, function)

    def _window(self, length: int) -> Values:
        if self.window == "none":
            return np.ones(length)  # scaling goes with a window
        steps = length if self.periodic else max(length - 1, 1)
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / steps) if length > 1 else np.ones(1)
        norm = {"density": float(np.sqrt(np.sum(window**2))), "spectrum": float(np.sum(np.abs(window))), "none": 1.0}[self.scaling]
        return window / norm

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Both sides, both norms."""
        return cls(), cls("imag", scaling="spectrum", periodic=True)
