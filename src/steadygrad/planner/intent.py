"""What a model's author set on purpose, and a plan leaves alone unless told otherwise."""

import math

from steadygrad.graph.signal_graph import Parameter, ParameterUse
from steadygrad.probes.evidence import ParameterReading

FAR = 6.0  # standard errors by which a bias's mean must be off zero to be a choice
ENOUGH = 16  # entries from which a mean says something: four random ones may all be alike
STATE_SPACE = ("A_log", "log_A_real", "dt_bias", "inv_dt", "log_dt", "A_imag", "A_real", "Lambda", "nu_log", "theta_log", "gamma_log")


def intention(parameter: Parameter, uses: list[ParameterUse], reading: ParameterReading | None) -> str:
    """Why this parameter keeps its numbers, in words; "" where nothing speaks for it."""
    if not parameter.requires_grad:
        return "frozen"
    if parameter.name.rpartition(".")[2] in STATE_SPACE or (parameter.name.endswith(".D") and len(parameter.shape) == 1):
        return "a state-space parameter, which has its own scheme"
    if reading is None or not reading.value.moments.finite:
        return ""
    numbers, roles = reading.value.moments, {use.role for use in uses}
    if numbers.q == 0.0:
        if roles & {"weight", "scale", "other", "recurrent"}:
            return "zero on purpose: a branch that starts silent"
        return ""
    spread = math.sqrt(max(numbers.q - numbers.mean**2, 0.0))
    constant = spread <= 1e-6 * abs(numbers.mean)
    if roles <= {"scale"} and constant and numbers.mean != 1.0:
        return f"a constant {numbers.mean:.3g} on purpose"
    off_zero = parameter.numel >= ENOUGH and abs(numbers.mean) > FAR * spread / math.sqrt(parameter.numel)
    alone = parameter.numel == 1 and abs(numbers.mean) > 1.0  # more than torch's default can be
    if roles == {"bias"} and (alone or off_zero or (constant and parameter.numel > 1)):
        return f"a bias of mean {numbers.mean:.3g} on purpose"
    return ""
