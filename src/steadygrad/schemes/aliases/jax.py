"""jax.nn.initializers, which flax re-exports."""

from collections.abc import Callable, Sequence
from math import prod

from steadygrad.errors import InputError
from steadygrad.randomness.law import Fans
from steadygrad.schemes.elementary import constant, normal, ones, truncated_normal, uniform, zeros
from steadygrad.schemes.orthogonal import delta_orthogonal, orthogonal
from steadygrad.schemes.scheme import Scheme
from steadygrad.schemes.variance_scaling import variance_scaling

DIFFERENCES = {
    "fans": "stride and groups ignored; in_axis, out_axis and batch_axis must be given by hand for anything but (*k, in, out)",
    "uniform": "U(0, scale): positive only, with a mean that adds up over the fan-in",
    "normal": "the default 0.01 knows no width",
    "truncated_normal": "not widened: the entries have standard deviation 0.8796·stddev",
    "glorot_normal": "a normal truncated at ±2 and widened to the exact variance, as he_normal and lecun_normal",
    "variance_scaling": "fan_geo_avg keeps neither signal nor gradient; complex weights are drawn from a disk or a truncated modulus",
    "delta_orthogonal": "even kernels are centred at (k − 1)//2, here at k//2; refuses more inputs than outputs",
}


def fans(shape: Sequence[int]) -> Fans:
    """As jax counts them by default: shape (*kernel, in, out), whatever the use.

    Raises:
        InputError: fewer than two axes.

    Example:
        >>> fans((3, 3, 16, 32))
        Fans(fan_in=144.0, fan_out=288.0)
    """
    if len(shape) < 2:
        raise InputError(f"jax counts fans of at least two axes, got shape {tuple(shape)}")
    kernel = prod(shape[:-2])
    return Fans(float(shape[-2] * kernel), float(shape[-1] * kernel))


def positive_uniform(scale: float = 1e-2) -> Scheme:
    """U(0, scale)."""
    return uniform(0.0, scale)


def small_normal(stddev: float = 1e-2) -> Scheme:
    """N(0, stddev²)."""
    return normal(stddev)


def truncated(stddev: float = 1e-2, lower: float = -2.0, upper: float = 2.0) -> Scheme:
    """N(0, stddev²) between lower·stddev and upper·stddev, uncorrected."""
    return truncated_normal(stddev, upper, lower=lower)


def scaling(scale: float, mode: str, distribution: str) -> Scheme:
    """Variance scale/fan in four modes; "normal" is the normal."""
    return variance_scaling(scale, mode, distribution)


def preset(scale: float, mode: str, distribution: str) -> Callable[[], Scheme]:
    """A variance scaling without arguments."""
    return lambda: variance_scaling(scale, mode, distribution)


def scaled(scale: float = 1.0) -> Scheme:
    """scale·Q."""
    return orthogonal(scale)


def scaled_delta(scale: float = 1.0) -> Scheme:
    """scale·Q at the middle tap."""
    return delta_orthogonal(scale)


INITIALIZERS: dict[str, Callable[..., Scheme]] = {
    "zeros": zeros, "ones": ones, "zeros_init": zeros, "ones_init": ones, "constant": constant, "uniform": positive_uniform, "normal": small_normal,
    "truncated_normal": truncated, "variance_scaling": scaling, "orthogonal": scaled, "delta_orthogonal": scaled_delta,
    **{name: preset(1.0, "fan_avg", "uniform") for name in ("glorot_uniform", "xavier_uniform")},
    **{name: preset(1.0, "fan_avg", "truncated_normal") for name in ("glorot_normal", "xavier_normal")},
    **{name: preset(2.0, "fan_in", "uniform") for name in ("he_uniform", "kaiming_uniform")},
    **{name: preset(2.0, "fan_in", "truncated_normal") for name in ("he_normal", "kaiming_normal")},
    "lecun_uniform": preset(1.0, "fan_in", "uniform"), "lecun_normal": preset(1.0, "fan_in", "truncated_normal"),
}  # fmt: skip
