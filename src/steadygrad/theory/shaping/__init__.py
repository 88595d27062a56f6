"""Activations shaped so that plain deep networks behave well: φ̂(x) = γ·(φ(α·x + β) + δ).

DKS keeps the network's correlation map near the identity by its slope at 1, TAT by its curvature at 1 (or, for leaky ReLU, by
its value at 0). Both solve for the scalars from what a single activation may do so that every subnetwork stays in bounds.
Sources: Martens et al. 2021, arXiv:2110.01765 (DKS); Zhang, Botev & Martens 2022, ICLR, "Deep Learning without Shortcuts" (TAT).
"""

from steadygrad.theory.shaping.dks import dks
from steadygrad.theory.shaping.shape import Shape, shaped
from steadygrad.theory.shaping.subnetworks import chain, residual_chain
from steadygrad.theory.shaping.tat import tailored_leaky_relu, tat

__all__ = ["Shape", "chain", "dks", "residual_chain", "shaped", "tailored_leaky_relu", "tat"]
