"""One file per rule, one line here each; ordered by code."""

from steadygrad.registry import Catalogue
from steadygrad.rules.catalog.attenuating_activation import AttenuatingActivation
from steadygrad.rules.catalog.correlation_collapse import CorrelationCollapse
from steadygrad.rules.catalog.dead_units import DeadUnits
from steadygrad.rules.catalog.exploding_gradient import ExplodingGradient
from steadygrad.rules.catalog.no_gradient import NoGradient
from steadygrad.rules.catalog.saturation import Saturation
from steadygrad.rules.catalog.signal_drift import SignalDrift
from steadygrad.rules.catalog.symmetric_units import SymmetricUnits
from steadygrad.rules.catalog.vanishing_gradient import VanishingGradient
from steadygrad.rules.catalog.weight_scale import WeightScale
from steadygrad.rules.rule import Rule

RULES: Catalogue[type[Rule]] = Catalogue(
    "rules",
    (
        SymmetricUnits,
        WeightScale,
        Saturation,
        DeadUnits,
        SignalDrift,
        CorrelationCollapse,
        AttenuatingActivation,
        VanishingGradient,
        ExplodingGradient,
        NoGradient,
    ),
    keys=("code", "slug"),
)
