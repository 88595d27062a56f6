"""The baseline: four plain thresholds on one step, as most training monitors ship them.

    python -m benchmarks.faulty_programs.baseline ID        # what it says of one program

In this order, the first that fires is its verdict: a non-finite activation, loss or gradient; the gradient norm of a
layer above 1e3 (exploding) or below 1e-6 (vanishing); more than 0.9 of a layer's activation zero (dead). It names the
first layer in forward order. Each alarm is one symptom with many causes, so it is counted right for any of the
families it could mean: a reading in its favour.
"""

import argparse
import math

from benchmarks.faulty_programs.measurements import Numbers, step_zero
from benchmarks.faulty_programs.programs import CATALOGUE
from benchmarks.faulty_programs.verdict import Verdict

from steadygrad.case import Case

VANISHING, EXPLODING, DEAD_SHARE = 1e-6, 1e3, 0.9
MEANINGS = {
    "non-finite": frozenset({"exploding_activation", "numeric_log"}),
    "exploding gradient": frozenset({"exploding_activation", "init_scale", "input_scale", "lr_high"}),
    "vanishing gradient": frozenset({"saturating_activation", "init_scale", "output_constant"}),
    "dead activation": frozenset({"dead_units"}),
}


def gradient_norms(numbers: Numbers) -> dict[str, float]:
    """Layer → gradient norm over its parameters, in forward order; layers without a gradient are left out."""
    squares: dict[str, float] = {}
    for key, value in numbers.items():
        if key.endswith(".gradient_norm"):
            layer = key.removesuffix(".gradient_norm").rpartition(".")[0]
            squares[layer] = squares.get(layer, 0.0) + value**2
    # Frozen parameters have no gradient, which is written as NaN; a computed NaN shows in the loss as well.
    return {layer: math.sqrt(square) for layer, square in squares.items() if not math.isnan(square)}


def alarms(numbers: Numbers) -> list[tuple[str, str]]:
    """Every (alarm, layer) in order of precedence, then of the forward pass."""
    broken = [key.removesuffix(".nonfinite") for key, v in numbers.items() if key.endswith(".nonfinite") and v > 0]
    if not broken and not math.isfinite(numbers["loss"]):
        broken = ["loss"]
    norms = gradient_norms(numbers)
    zeros = {key.removesuffix(".zero_share"): v for key, v in numbers.items() if key.endswith(".zero_share")}
    return [
        *(("non-finite", layer) for layer in broken),
        *(("exploding gradient", layer) for layer, norm in norms.items() if norm > EXPLODING),
        *(("vanishing gradient", layer) for layer, norm in norms.items() if norm < VANISHING),
        *(("dead activation", layer) for layer, share in zeros.items() if share > DEAD_SHARE),
    ]


def judge(case: Case) -> Verdict:
    """The first alarm as a verdict; every alarm is an error."""
    found = alarms(step_zero(case))
    if not found:
        return Verdict()
    name, layer = found[0]
    return Verdict(MEANINGS[name], layer, alarmed=True, said=f"{name} at {layer}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("id", choices=CATALOGUE)
    print(judge(CATALOGUE[parser.parse_args().id].build()))


if __name__ == "__main__":
    main()
