"""Whether numbers can be told from a fresh draw of an initialization that libraries use."""

import math
from collections.abc import Iterator

import torch

from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.probes.statistics import Moments
from steadygrad.randomness.law import Fans, Independent
from steadygrad.schemes import glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, normal, torch_default, truncated_normal
from steadygrad.schemes.aliases.torch import fans as as_torch_counts

ENTRIES = 1 << 14
"""Entries the distribution is read from: rounding to bfloat16, 2⁻⁹, moves √n·D by no more than a quarter."""
LEVEL = 1e-3
"""Share of fresh draws that each of the two tests calls something else."""
DISTANCE = math.sqrt(-0.5 * math.log(0.5 * LEVEL))
"""Largest √n·D at that level, from Kolmogorov's P(√n·D > d) ≈ 2·exp(−2d²): 1.95."""
DEVIATIONS = 3.2905
"""Largest deviation of the second moment in standard errors at that level, two-sided."""
KURTOSIS = {"uniform": 1.8, "normal": 3.0, "truncated_normal": 3.0}
"""E[x⁴]/E[x²]²; of the truncated law it is smaller."""
FAN_SCHEMES = (
    *((scheme, 1.0) for scheme in (torch_default(), lecun_normal(), glorot_uniform(), glorot_normal())),
    *((scheme(mode), math.sqrt(2.0)) for scheme in (he_normal, he_uniform) for mode in ("fan_in", "fan_out")),
)
ONE = Fans(1.0, 1.0)
FIXED_LAWS = tuple((repr(scheme), scheme.law(ONE)) for scheme in (normal(0.02), truncated_normal(0.02)))


def fresh_law(graph: SignalGraph, name: str, value: torch.Tensor, moments: Moments) -> str:
    """The scheme a parameter's numbers cannot be told from a fresh draw of, "" for none.

    Two tests at level `LEVEL` each: the Kolmogorov–Smirnov distance D of up to `ENTRIES` entries to the scheme's law, and
    the second moment of all entries. A uniform law has bounds besides, which one entry beyond them refutes: a trained
    weight leaves them soon. Too few entries refute nothing; those who ask weigh by entries.

    Source: Kolmogorov 1933; Massey 1951 for the distance; Var[x²] = (κ − 1)·E[x²]² for the second moment.
    """
    if not value.is_floating_point() or value.layout is not torch.strided or moments.nonfinite or not moments.q > 0.0:
        return ""
    entries = value.detach().flatten()[:: -(-value.numel() // ENTRIES)].cpu().double().sort().values  # few enough, and not every device has float64
    slack = 1.0 + torch.finfo(value.dtype).eps
    for scheme, law in _laws(graph, name):
        if law.kind == "uniform" and moments.absmax > law.scale * slack:
            continue
        error = math.sqrt((KURTOSIS[law.kind] - 1.0) / moments.count)
        if abs(moments.q / law.std**2 - 1.0) <= DEVIATIONS * error and distance(entries, law) <= DISTANCE:
            return scheme
    return ""


def distance(entries: torch.Tensor, law: Independent) -> float:
    """√n·D of n sorted entries: D = max |F_n(x) − F(x)|, from both sides of each step of F_n."""
    n, expected = len(entries), _cumulative(entries / law.scale, law)
    steps = torch.arange(n + 1, dtype=torch.float64, device=entries.device) / n
    return math.sqrt(n) * float(torch.maximum((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def _cumulative(x: torch.Tensor, law: Independent) -> torch.Tensor:
    if law.kind == "uniform":
        return ((x + 1.0) / 2.0).clamp(0.0, 1.0)
    below = torch.special.ndtr(x)
    if law.kind == "normal":
        return below
    ends = torch.special.ndtr(torch.tensor([law.lower, law.bound], dtype=torch.float64))
    return ((below - ends[0]) / (ends[1] - ends[0])).clamp(0.0, 1.0)


def _laws(graph: SignalGraph, name: str) -> Iterator[tuple[str, Independent]]:
    for node, use in graph.uses_of(name):
        for fans in dict.fromkeys(_fans(node, use)):
            for scheme, gain in FAN_SCHEMES if use.role != "bias" else FAN_SCHEMES[:1]:
                law = scheme.law(fans, gain)
                if isinstance(law, Independent):
                    yield scheme.name, law
        if use.role != "bias":
            yield from FIXED_LAWS


def _fans(node: Node, use: ParameterUse) -> Iterator[Fans]:
    """Of the use, as torch counts them from the shape (strides left out, stacked gates as one), and of the weights beside it.

    torch draws a bias, and all weights of a recurrent layer, with the bound of a weight beside it.
    """
    if use.fans is not None:
        yield use.fans
    if len(use.shape) > 1:
        yield as_torch_counts(use.shape)
    for other in node.uses:
        if other is not use and other.fans is not None and (use.role == "bias" or other.role == "recurrent"):
            yield other.fans
