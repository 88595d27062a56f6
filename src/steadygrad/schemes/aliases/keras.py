"""keras.initializers, Keras 3: classes and functions of the same meaning."""

from collections.abc import Callable, Sequence
from math import prod

from steadygrad.randomness.law import Fans
from steadygrad.schemes.elementary import constant, normal, ones, truncated_normal, uniform, zeros
from steadygrad.schemes.fixed_kernels import stft
from steadygrad.schemes.identity import identity
from steadygrad.schemes.orthogonal import orthogonal
from steadygrad.schemes.scheme import Scheme
from steadygrad.schemes.variance_scaling import variance_scaling

DISTRIBUTIONS = {"normal": "truncated_normal", "untruncated_normal": "normal"}

DIFFERENCES = {
    "fans": "of kernels (*k, in, out): stride and groups ignored; a transposed convolution's kernel is (*k, out, in), so its fans are swapped; "
    "stacked and attention kernels of three axes are taken for convolutions unless input_axes and output_axes are given",
    "glorot_normal": "a normal truncated at ±2 and widened to the exact variance, as every 'normal' of variance scaling",
    "truncated_normal": "not widened: the entries have standard deviation 0.8796·stddev; the torch backend (3.15.1) lets values up to 2.7·stddev through",
    "random_uniform": "the default ±0.05 knows no width",
    "random_normal": "the default 0.05 knows no width",
    "orthogonal": "one matrix for all four gates of an LSTM's fused recurrent kernel",
    "identity": "matrices only",
    "seed": "an initializer with an integer or no seed returns the same numbers at each call: layers that share one are identical",
}


def fans(shape: Sequence[int]) -> Fans:
    """As Keras counts them: shape (*kernel, in, out), whatever the use.

    Example:
        >>> fans((3, 3, 16, 32))
        Fans(fan_in=144.0, fan_out=288.0)
    """
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return Fans(size, size)
    kernel = prod(shape[:-2])
    return Fans(float(shape[-2] * kernel), float(shape[-1] * kernel))


def constant_value(value: float = 0.0) -> Scheme:
    """Every entry is value."""
    return constant(value)


def scaled_identity(gain: float = 1.0) -> Scheme:
    """gain·I."""
    return identity(gain)


def random_normal(mean: float = 0.0, stddev: float = 0.05) -> Scheme:
    """N(mean, stddev²)."""
    return normal(stddev, mean)


def truncated(mean: float = 0.0, stddev: float = 0.05) -> Scheme:
    """N(mean, stddev²) cut at ±2·stddev, uncorrected."""
    return truncated_normal(stddev, 2.0, mean)


def random_uniform(minval: float = -0.05, maxval: float = 0.05) -> Scheme:
    """U(minval, maxval)."""
    return uniform(minval, maxval)


def scaling(scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal") -> Scheme:
    """Variance scale/fan; "normal" means truncated, "untruncated_normal" is the normal."""
    return variance_scaling(scale, mode, DISTRIBUTIONS.get(distribution.lower(), distribution.lower()))


def preset(scale: float, mode: str, distribution: str) -> Callable[[], Scheme]:
    """A variance scaling without arguments."""
    return lambda: variance_scaling(scale, mode, distribution)


def orthogonal_gain(gain: float = 1.0) -> Scheme:
    """gain·Q."""
    return orthogonal(gain)


def fourier(side: str, window: str | None = "hann", scaling: str | None = "density", periodic: bool = False) -> Scheme:
    """STFT kernels; of scipy's windows the Hann window."""
    return stft(side, window or "none", scaling or "none", periodic)


_CLASSES: dict[str, Callable[..., Scheme]] = {
    "Zeros": zeros, "Ones": ones, "Constant": constant_value, "Identity": scaled_identity, "RandomNormal": random_normal, "TruncatedNormal": truncated,
    "RandomUniform": random_uniform, "VarianceScaling": scaling, "GlorotNormal": preset(1.0, "fan_avg", "truncated_normal"),
    "GlorotUniform": preset(1.0, "fan_avg", "uniform"), "LecunNormal": preset(1.0, "fan_in", "truncated_normal"),
    "LecunUniform": preset(1.0, "fan_in", "uniform"), "HeNormal": preset(2.0, "fan_in", "truncated_normal"),
    "HeUniform": preset(2.0, "fan_in", "uniform"), "Orthogonal": orthogonal_gain, "STFT": fourier,
}  # fmt: skip


def _snake(name: str) -> str:
    return name.lower() if name.isupper() else "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


INITIALIZERS: dict[str, Callable[..., Scheme]] = {
    **_CLASSES,
    **{_snake(name): factory for name, factory in _CLASSES.items()},
    "IdentityInitializer": scaled_identity,
    "OrthogonalInitializer": orthogonal_gain,
    "STFTInitializer": fourier,
}
