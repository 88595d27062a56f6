"""The distribution of a weight, chosen apart from its scale."""

from steadygrad.graph.neighbours import activation_of, preceding_activation
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.planner.blocks import Branch
from steadygrad.randomness.law import Fans, Law, Shape, constant
from steadygrad.schemes.elementary import normal
from steadygrad.schemes.gates import forget_bias
from steadygrad.schemes.glorot import glorot_uniform
from steadygrad.schemes.he import he_normal
from steadygrad.schemes.orthogonal import delta_orthogonal, orthogonal
from steadygrad.schemes.parts import per_gate
from steadygrad.schemes.scheme import Scheme

WIDEST = 4096
"""Largest axis of a matrix that is made orthogonal: beyond, normal entries have the same spectrum but for its edges."""


def of_size(scheme: Scheme, fans: Fans, shape: Shape, rms: float) -> Law:
    """The scheme's law at the gain that gives its entries this root mean square."""
    if rms == 0.0:
        return constant(0.0)
    return scheme.law(fans, rms / scheme.law(fans, 1.0).rms(shape))


def distribution(graph: SignalGraph, node: Node, use: ParameterUse, shape: Shape, branch: Branch | None, normed: bool) -> Scheme:
    """Orthogonal in plain chains, normal elsewhere.

    Around a function that is nearly linear at its working point, all singular values of the Jacobian then stay near 1 (dynamical isometry:
    Saxe et al. 2014, arXiv:1312.6120; Pennington et al. 2017, arXiv:1711.04735; convolutions: Xiao et al. 2018, arXiv:1806.05393). ReLU has
    no isometry at any scale, but the spread of its squared singular values grows by 1 a layer instead of 2 (theory.jacobian.layer_spread).
    Norms and residual sums make the spectrum of one weight matter little.
    """
    phi = activation_of(preceding_activation(graph, node.index))
    plain = branch is None and not normed and use.role == "weight" and not use.derived
    if not plain or max(shape, default=0) > WIDEST:
        return he_normal()
    if len(shape) == 2 and node.index in graph.feeds_weights:
        return orthogonal()
    if phi is not None and (phi.homogeneous or not phi.bounded):
        return he_normal()
    kernel, stride = shape[2:], node.options.get("stride", ())
    fits = len(shape) > 2 and all(k % 2 for k in kernel) and set(stride) == {1} and node.options.get("groups") == 1 and shape[0] >= shape[1]
    return delta_orthogonal() if fits and phi is not None else he_normal()


def recurrent(node: Node, use: ParameterUse, first_bias: bool) -> tuple[Scheme, str]:
    """Per gate: orthogonal from state to state, Glorot from input to state; forget gates open; other biases zero."""
    gates = 1 if use.fans is None else round(use.shape[0] / use.fans.fan_out)  # a projection of the state has none
    if use.role == "bias":
        if node.op.startswith("lstm") and first_bias:
            return forget_bias(), "forget gates start open (Jozefowicz et al. 2015)"
        return normal(0.0), "zero"
    inner: Scheme = orthogonal() if use.role == "recurrent" else glorot_uniform()
    return (per_gate(inner, gates) if gates > 1 else inner), "each gate is a matrix of its own"
