"""mxnet.initializer: all fifteen classes, of which eleven make schemes. Release 1.9 has RNNFused under its older name FusedRNN."""

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any

from steadygrad.errors import InputError
from steadygrad.randomness.law import Fans
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.elementary import constant, given, normal, ones, uniform, zeros
from steadygrad.schemes.fixed_kernels import bilinear
from steadygrad.schemes.fused_rnn import fused_rnn
from steadygrad.schemes.gates import forget_bias as gate_bias
from steadygrad.schemes.orthogonal import orthogonal
from steadygrad.schemes.outputs import stn_identity
from steadygrad.schemes.scheme import Scheme, one_of
from steadygrad.schemes.variance_scaling import variance_scaling

MODES = {"avg": "fan_avg", "in": "fan_in", "out": "fan_out"}
DISTRIBUTIONS = {"uniform": "uniform", "gaussian": "normal"}

DIFFERENCES = {
    "fans": "ignores groups and stride; a transposed convolution's fans are swapped; vectors are refused",
    "xavier": "magnitude 3 is the square of a uniform law's bound: with rnd_type='gaussian' it gives three times Glorot's variance; "
    "magnitude 3 and 'avg' is Glorot's uniform law only because Var[U(±c)] = c²/3",
    "msraprelu": "averages the fans where He et al. take one; slope 0.25 by default",
    "uniform": "the default ±0.07 knows no width",
    "normal": "the default 0.01 knows no width",
    "orthogonal": "singular vectors with the signs LAPACK happens to give, so not Haar-distributed; rand_type='uniform' (the default) takes a uniform "
    "matrix's, whose moments are wrong besides. Here both are Haar. The default scale 1.414 is √2 rounded",
    "bilinear": "fills every pair of channels, which upsamples their sum unless the kernel is depthwise; the centres of sizes 2, 3, 6, 7 … are "
    "half a step off (measured with 1.9.1). Here: the kernel it was meant to be",
    "lstmbias": "takes the forget gate for the second of four; set in both bias vectors it counts twice",
    "rnnfused": "replaces given initializers by defaults and takes the defaults for given ones; here those given are used",
    "mixed": "its error for a name no pattern matches does not say which name; here it does",
    "initializer": "without a known suffix an error; weight_quantize and bias_quantize draw integers, which no law here does",
}


def fans(shape: Sequence[int]) -> Fans:
    """As mxnet counts them: shape (out, in, *kernel), whatever the use.

    Raises:
        InputError: fewer than two axes.

    Example:
        >>> fans((64, 1, 3, 3))
        Fans(fan_in=9.0, fan_out=576.0)
    """
    if len(shape) < 2:
        raise InputError(f"mxnet's Xavier must be given at least two axes, got shape {tuple(shape)}")
    kernel = prod(shape[2:])
    return Fans(float(shape[1] * kernel), float(shape[0] * kernel))


def value(value: Any) -> Scheme:
    """A number for all entries, or an array of them."""
    return constant(float(value)) if isinstance(value, int | float) else given(value)


def scaled_uniform(scale: float = 0.07) -> Scheme:
    """U(±scale)."""
    return uniform(-scale, scale)


def small_normal(sigma: float = 0.01) -> Scheme:
    """N(0, sigma²)."""
    return normal(sigma)


def scaled_orthogonal(scale: float = 1.414, rand_type: str = "uniform") -> Scheme:
    """scale·Q, Haar-distributed for both kinds."""
    one_of(rand_type, ("uniform", "normal"), "rand_type", "mxnet.orthogonal")
    return orthogonal(scale)


def xavier(rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3.0) -> Scheme:
    """U(±√(magnitude/fan)), or N(0, magnitude/fan)."""
    one_of(rnd_type, tuple(DISTRIBUTIONS), "rnd_type", "mxnet.xavier")
    one_of(factor_type, tuple(MODES), "factor_type", "mxnet.xavier")
    return variance_scaling(magnitude / 3.0 if rnd_type == "uniform" else magnitude, MODES[factor_type], DISTRIBUTIONS[rnd_type])


def msra_prelu(factor_type: str = "avg", slope: float = 0.25) -> Scheme:
    """N(0, 2/((1 + slope²)·fan))."""
    return xavier("gaussian", factor_type, 2.0 / (1.0 + slope**2))


def lstm_bias(forget_bias: float = 1.0) -> Scheme:
    """The forget gate's bias."""
    return gate_bias(forget_bias)


def rnn_fused(
    mode: str, num_layers: int, state_size: int, bidirectional: bool = False, projection_size: int | None = None,
    i2h_weight_initializer: Scheme | None = None, h2h_weight_initializer: Scheme | None = None, i2h_bias_initializer: Scheme | None = None,
    h2h_bias_initializer: Scheme | None = None, h2r_weight_initializer: Scheme | None = None,
) -> Scheme:  # fmt: skip
    """A flat vector of weights and biases; weights U(±0.07) and biases 0 where no scheme is given."""
    weight, bias = scaled_uniform(), zeros()
    return fused_rnn(
        mode, num_layers, state_size, bidirectional, projection_size or 0, i2h_weight_initializer or weight, h2h_weight_initializer or weight,
        h2r_weight_initializer or weight, i2h_bias_initializer or bias, h2h_bias_initializer or bias,
    )  # fmt: skip


def initializer(weight: Scheme) -> Mixed:
    """What mxnet's base class does with names: weights by `weight`, and by suffix 0 or 1 for everything else.

    Example:
        >>> initializer(small_normal()).scheme("batchnorm0_gamma")
        ones()
    """
    rules: list[tuple[str, Scheme]] = [("upsampling.*", bilinear()), ("stn_loc.*weight$", zeros()), ("stn_loc.*bias$", stn_identity())]
    rules += [(".*weight$", weight), (".*bias$", zeros()), (".*gamma$", ones()), (".*beta$", zeros()), (".*min$", zeros()), (".*max$", ones())]
    return Mixed([*rules, (".*moving_var$", ones()), (".*moving_(mean|inv_var|avg)$", zeros())])


def caffe_centre(size: int) -> float:
    """Where Caffe's and mxnet's bilinear formula has its centre, in taps: right only where size and ⌈size/2⌉ are both even or both odd.

    Example:
        >>> [caffe_centre(size) - (size - 1) / 2 for size in (2, 3, 4, 5)]
        [-0.5, 0.5, 0.0, 0.0]
    """
    factor = ceil(size / 2)
    return (2 * factor - 1 - factor % 2) / 2.0


INITIALIZERS: dict[str, Callable[..., Scheme]] = {
    "zero": zeros, "zeros": zeros, "one": ones, "ones": ones, "constant": value, "uniform": scaled_uniform, "normal": small_normal,
    "orthogonal": scaled_orthogonal, "xavier": xavier, "msraprelu": msra_prelu, "bilinear": bilinear, "lstmbias": lstm_bias, "rnnfused": rnn_fused,
}  # fmt: skip

CLASSES: dict[str, Any] = {
    "InitDesc": str, "Initializer": initializer, "Load": Load, "Mixed": Mixed, "Zero": zeros, "One": ones, "Constant": value, "Uniform": scaled_uniform,
    "Normal": small_normal, "Orthogonal": scaled_orthogonal, "Xavier": xavier, "MSRAPrelu": msra_prelu, "Bilinear": bilinear, "LSTMBias": lstm_bias,
    "RNNFused": rnn_fused,
}  # fmt: skip
