"""torch.nn.init, PyTorch 2.13."""

from collections.abc import Callable, Sequence
from math import prod, sqrt

from steadygrad.errors import InputError
from steadygrad.randomness.law import Fans
from steadygrad.schemes.elementary import constant, normal, ones, truncated_normal, uniform, zeros
from steadygrad.schemes.identity import dirac, identity
from steadygrad.schemes.orthogonal import orthogonal
from steadygrad.schemes.scheme import Scheme
from steadygrad.schemes.sparse import sparse_columns
from steadygrad.schemes.variance_scaling import variance_scaling

GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0, "conv_transpose3d": 1.0,
    "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": sqrt(2.0), "selu": 0.75,
}  # fmt: skip

DIFFERENCES = {
    "fans": "ignores groups and stride: fan_out of a depthwise convolution is groups times too large, and a transposed convolution's fans are swapped",
    "calculate_gain": "tanh 5/3 (exact at q = 1: 1.5925), sigmoid 1 (exact: 1.8462), selu 3/4 (exact: 1, self-normalising); none for GELU, SiLU, Mish",
    "uniform_": "the default U(0, 1) is not centred",
    "trunc_normal_": "a and b are absolute values, not standard deviations: at std 0.02 the default ±2 cuts nothing",
    "xavier_normal_": "a fused query-key-value weight counts fan_out = 3·d",
    "kaiming_normal_": "the default nonlinearity is leaky_relu with slope a = 0, which is ReLU",
    "kaiming_uniform_": "as kaiming_normal_; layers call it with a = √5, which is the bound 1/√fan_in and no activation's slope (`torch_default`)",
    "orthogonal_": "one matrix for all groups and gates together; a flattened kernel is not an isometry of the convolution",
    "sparse_": "zeros are counted by column, Martens' by unit; its mask ignores the generator argument and reads the global stream",
    "dirac_": "extra output channels stay 0 and so equal each other",
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """torch.nn.init.calculate_gain's table; exact gains of any activation are `theory.gaussian.forward_gain`.

    Raises:
        InputError: an activation the table lacks.

    Example:
        >>> round(calculate_gain("leaky_relu", 0.1), 6)
        1.407195
    """
    if nonlinearity == "leaky_relu":
        return sqrt(2.0 / (1.0 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise InputError(f"torch.nn.init.calculate_gain knows {', '.join(GAINS)} and leaky_relu, got {nonlinearity!r}; theory has exact gains")
    return GAINS[nonlinearity]


def fans(shape: Sequence[int]) -> Fans:
    """As torch counts them: shape (out, in/groups, *kernel), whatever the use.

    Raises:
        InputError: fewer than two axes.

    Example:
        >>> fans((64, 1, 3, 3))  # depthwise: one output channel reaches 9 outputs, not 576
        Fans(fan_in=9.0, fan_out=576.0)
    """
    if len(shape) < 2:
        raise InputError(f"torch counts fans of at least two axes, got shape {tuple(shape)}")
    kernel = prod(shape[2:])
    return Fans(float(shape[1] * kernel), float(shape[0] * kernel))


def uniform_(a: float = 0.0, b: float = 1.0) -> Scheme:
    """U(a, b)."""
    return uniform(a, b)


def normal_(mean: float = 0.0, std: float = 1.0) -> Scheme:
    """N(mean, std²)."""
    return normal(std, mean)


def trunc_normal_(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Scheme:
    """N(mean, std²) cut at the absolute values a and b, uncorrected."""
    return truncated_normal(std, (b - mean) / std, mean, lower=(a - mean) / std)


def constant_(val: float) -> Scheme:
    """Every entry is val."""
    return constant(val)


def xavier_uniform_(gain: float = 1.0) -> Scheme:
    """U(±gain·√(6/(fan_in + fan_out)))."""
    return variance_scaling(gain * gain, "fan_avg", "uniform")


def xavier_normal_(gain: float = 1.0) -> Scheme:
    """N(0, gain²·2/(fan_in + fan_out))."""
    return variance_scaling(gain * gain, "fan_avg", "normal")


def kaiming_uniform_(a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Scheme:
    """U(±gain·√(3/fan)), gain of the nonlinearity."""
    return variance_scaling(calculate_gain(nonlinearity, a) ** 2, mode, "uniform")


def kaiming_normal_(a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Scheme:
    """N(0, gain²/fan), gain of the nonlinearity."""
    return variance_scaling(calculate_gain(nonlinearity, a) ** 2, mode, "normal")


def orthogonal_(gain: float = 1.0) -> Scheme:
    """gain·Q."""
    return orthogonal(gain)


def dirac_(groups: int = 1) -> Scheme:
    """The identity at the middle tap."""
    return dirac(1.0, groups)


def sparse_(sparsity: float, std: float = 0.01) -> Scheme:
    """N(0, std²) with ⌈sparsity·rows⌉ zeros per column."""
    return sparse_columns(sparsity, std)


INITIALIZERS: dict[str, Callable[..., Scheme]] = {
    "uniform": uniform_, "normal": normal_, "trunc_normal": trunc_normal_, "constant": constant_, "ones": ones, "zeros": zeros, "eye": identity,
    "dirac": dirac_, "xavier_uniform": xavier_uniform_, "xavier_normal": xavier_normal_, "kaiming_uniform": kaiming_uniform_,
    "kaiming_normal": kaiming_normal_, "orthogonal": orthogonal_, "sparse": sparse_,
}  # fmt: skip
