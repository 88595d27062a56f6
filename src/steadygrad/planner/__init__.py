"""From a traced model to what every parameter is drawn from: `plan`, `Plan.apply_`, `initialize_`.

    sight → design (scales, along the signal) → balance (gradients) → laws (distributions) → Plan → application, verification
"""

from steadygrad.planner.plan import Plan, initialize_, plan
from steadygrad.planner.row import Layer, Row
from steadygrad.planner.verification import Verification

__all__ = ["Layer", "Plan", "Row", "Verification", "initialize_", "plan"]
