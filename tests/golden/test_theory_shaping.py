"""DKS and TAT against the vectors of the authors' own test-suite (google-deepmind/dks, Apache-2.0)."""

import mpmath
import pytest

from steadygrad.theory import activations
from steadygrad.theory.shaping import chain, dks, residual_chain, shaped, tailored_leaky_relu, tat

RESNET = residual_chain([3, 4, 23, 3], 0.6)
DKS = {
    "softplus": ((0.18761008168267976, 0.40688063442262007, -0.9213466151411376, 8.878672543665223), {}),
    "tanh": ((0.07461073057540868, 0.5566915199964182, -0.5034378768692127, 18.002635964442558), {}),
    "relu": ((0.3685360046708044, 1.0, -1.000373858553784, 2.721729988761473), {}),
    "gelu": ((0.07043253126531114, 0.259489297927707, -0.15815378961903598, 20.21158902315857), {}),
    "gelu tanh": ((0.07036271496383567, 0.2586837248593587, -0.15758328114374964, 20.249573305194307), {"approximate": "tanh"}),
}
TAT = {
    "softplus": (0.15011489794748328, 0.5374599901127068, -0.996481014465811, 10.54880187880574),
    "tanh": (0.0580205218578313, 0.5218639804099805, -0.4796430704354356, 22.36066261763117),
}
CHAIN = {  # (η, depth): (negative slope, √(2/(1 + a²)) where the table gives it)
    (0.9, 20): (0.181380, 1.391509),
    (0.9, 50): (0.430523, 1.298948),
    (0.9, 100): (0.570440, 1.228404),
    (0.9, 200): (0.679600, 1.169668),
    (0.9, 500): (0.786240, 1.111738),
    (0.9, 1000): (0.844350, 1.080552),
    (0.8, 10): (0.147696, None),
    (0.8, 50): (0.548274, None),
    (0.8, 100): (0.662027, None),
    (0.8, 1000): (0.880596, None),
}
SEVEN_PLACES = 1.5e-7  # the authors compare to 7 decimals, and bisect their targets to 1e-8
SIX_DIGITS = 0.51e-6
# The authors integrate across the jump of ReLU's slope, at z = −2.7, with nodes 3e-4 apart: C′(1) is uncertain by 3e-4/2·n(2.7)
# = 1.5e-6, and dC′/dα = 0.13 makes that 1.2e-5 of α = 0.37, 3.2e-5 relatively. Ours is held against the closed form below.
RELU = 3.2e-5


@pytest.mark.parametrize("name", DKS)
def test_dks(name: str) -> None:
    expected, parameters = DKS[name]
    found = dks(activations.get(name.split()[0], **parameters), RESNET, slope=1.2)
    shape = (found.in_scale, found.in_shift, found.out_shift, found.out_scale)
    assert shape[:3] == pytest.approx(expected[:3], abs=RELU if name == "relu" else 1e-6)
    assert shape[3] == pytest.approx(expected[3], rel=RELU if name == "relu" else 1e-6)


def test_dks_of_relu_in_closed_form() -> None:
    """φ = max(αz + 1, 0), t = 1/α: E[φ] = α·n(t) + N(t), E[φ²] = (1 + α²)·N(t) + α·n(t), E[φ′²] = α²·N(t)."""
    found = dks(activations.get("relu"), RESNET, slope=1.2)
    local = _local_slope(1.2)
    a, t = mpmath.mpf(found.in_scale), 1 / mpmath.mpf(found.in_scale)
    mean = a * mpmath.npdf(t) + mpmath.ncdf(t)
    variance = (1 + a**2) * mpmath.ncdf(t) + a * mpmath.npdf(t) - mean**2
    assert float(a**2 * mpmath.ncdf(t) / variance) == pytest.approx(local, abs=1e-10)
    assert found.out_shift == pytest.approx(-float(mean), rel=1e-12)
    assert found.out_scale == pytest.approx(float(1 / mpmath.sqrt(variance)), rel=1e-9)


def _local_slope(slope: float) -> float:
    """s with RESNET(1, s·x) = slope, by a root finder of its own."""
    return float(mpmath.findroot(lambda s: RESNET(mpmath.mpf(1), lambda x: s * x) - slope, (1.0001, 1.05), solver="anderson", tol=1e-20))


@pytest.mark.parametrize("name", TAT)
def test_tat(name: str) -> None:
    found = tat(activations.get(name), RESNET, curvature=0.2)
    assert (found.in_scale, found.in_shift, found.out_shift) == pytest.approx(TAT[name][:3], abs=1e-6)
    assert found.out_scale == pytest.approx(TAT[name][3], rel=1e-6)


def test_tailored_leaky_relu() -> None:
    assert tailored_leaky_relu(RESNET, correlation=0.75) == pytest.approx((0.6291800290346146, 1.196996549778802), abs=SEVEN_PLACES)


@pytest.mark.parametrize(("eta", "depth"), CHAIN)
def test_tailored_leaky_relu_in_plain_networks(eta: float, depth: int) -> None:
    slope, scale = tailored_leaky_relu(chain(depth), correlation=eta)
    expected, factor = CHAIN[eta, depth]
    assert slope == pytest.approx(expected, abs=SIX_DIGITS)
    assert factor is None or scale == pytest.approx(factor, abs=SIX_DIGITS)


@pytest.mark.parametrize(("method", "name", "values"), [
    ("dks", "softplus", (0.5205088334781294, -0.6970897398761904)),
    ("dks", "tanh", (0.6910746968773931, -0.5122335409369118)),
    ("dks", "relu", (0.6053339463256114, -0.6486764456443863)),
    ("tat", "softplus", (0.6923574763139374, -0.4935166367766701)),
    ("tat", "tanh", (0.6860178437500071, -0.49030275427738146)),
    ("tat", "gelu", (0.6922429517529013, -0.49198103131465193)),
])  # fmt: skip
def test_values_of_shaped_activations(method: str, name: str, values: tuple[float, float]) -> None:
    """φ̂(±0.6) at ζ = 12, Q′(1) = 0.97 (DKS) and τ = 4.5 (TAT), which the authors compare to 8 decimals."""
    phi = activations.get(name)
    shape = dks(phi, RESNET, slope=12.0, length_slope=0.97) if method == "dks" else tat(phi, RESNET, curvature=4.5)
    found = shaped(phi, shape).phi([0.6, -0.6])
    if (method, name) == ("tat", "tanh"):  # an odd φ has two solutions, −φ̂(−x) is the other: here the authors' search met that
        found = -found[::-1]
    assert found == pytest.approx(values, abs=RELU if name == "relu" else 2e-7)
