"""Length and correlation maps of wide plain networks, their fixed points, and the critical line.

    q_l = σ_w² E[φ(√q_{l−1} z)²] + σ_b²            length map
    c_l = (σ_w² E[φ(u₁)φ(u₂)] + σ_b²)/q*           correlation map
    χ₁  = σ_w² E[φ′(√q* z)²]                        its slope at c = 1; gradients grow by χ₁ per layer (squared)

Weights are N(0, σ_w²/fan_in), biases N(0, σ_b²), all independent, width → ∞.
Source: Poole et al. 2016, arXiv:1606.05340, eq. 3–8; Schoenholz et al. 2017, arXiv:1611.01232, eq. 4–9.
"""

from steadygrad.theory.maps.correlation import c_star, correlation_map, correlation_slope, first_crossing
from steadygrad.theory.maps.criticality import (
    CriticalPoint,
    centred_chi_1,
    centred_critical_variance,
    chi_1,
    critical_point,
    half_stable_point,
)
from steadygrad.theory.maps.length import UNSTABLE, FixedPoint, length_map, length_slope, q_star
from steadygrad.theory.maps.saturation import saturation_threshold

__all__ = [
    "UNSTABLE",
    "CriticalPoint",
    "FixedPoint",
    "c_star",
    "centred_chi_1",
    "centred_critical_variance",
    "chi_1",
    "correlation_map",
    "correlation_slope",
    "critical_point",
    "first_crossing",
    "half_stable_point",
    "length_map",
    "length_slope",
    "q_star",
    "saturation_threshold",
]
