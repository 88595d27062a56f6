"""A plain tanh network of 100,000 layers, no skips and no normalization, trained on digits at the rate that was predicted before it ran."""

from steadygrad.lab import digits
from steadygrad.lab.chain.training import Mark, Recipe, Run
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.split import split
from steadygrad.lab.training import guess_error, guessing
from steadygrad.theory.depth_rate import chain_length, chain_sharpness, largest_stable_rate

SAFETY = 0.5  # curvature grows while a network trains


class HundredThousandLayers(Experiment):
    """Orthogonal weights at the critical σ_w, signals of second moment 0.3/√L, half the largest stable rate, a fixed readout."""

    name = "hundred-thousand-layers"
    title = "A plain network of 100,000 layers learns"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("proven", "At q = 0.3/√L the squared singular values of the whole Jacobian have a variance below 0.72 at the start, whatever L is; here 0.71."),
        Claim("measured", "At half the predicted rate 100,000 layers learn the digits, and stay there for 300 steps."),
        Claim("measured", "The published recipe, biases trained at the weights' rate 0.05/L, is past the predicted edge of 0.023/L: it broke."),
    )
    settings = {
        "tiny": {"layers": 200, "batch": 32, "steps": 60, "reach": 0.8},
        "full": {"layers": 100_000, "batch": 32, "steps": 300, "reach": 0.9},
    }

    def measure(self, bench: Bench, *, layers: int, batch: int, steps: int, reach: float) -> Outcome:
        """Run."""
        data = split(*digits.load())
        q, width = chain_length(layers), data.train_x.shape[1]
        sharpness = chain_sharpness(layers, width=width, q=q, classes=data.classes, readout_gain=Recipe.readout_gain, alignment=data.alignment())
        rate = SAFETY * largest_stable_rate(sharpness, batch=batch, momentum=Recipe.momentum)
        run = Run(Recipe(layers, width, q, batch, steps, rate, seed=bench.seed), data, bench.keep)
        marks = run.train(bench.progress)
        test = run.accuracy(data.test_x, data.test_y)
        return Outcome(
            numbers(run, marks, test, reach, steps),
            figure(marks, f"{layers:,} plain tanh layers on digits"),
            f"q = {q:.2e}, rate {rate * layers:.3f}/L; {guessing(data.test_y):.1%} ± {guess_error(data.test_y):.1%} is guessing. " + said(marks),
        )


def numbers(run: Run, marks: list[Mark], test: float, reach: float, steps: int) -> tuple[Number, ...]:
    """Held-out accuracy, that the run was stable to its end, and that gradients came through."""
    best = max(mark.validation for mark in marks)
    error = guess_error(run.data.validation_y, 4.0)
    return (
        Number("test accuracy at the last step, looked at once", test, reach, 0.0, "a bound", "nine in ten held-out digits", "≥"),
        Number("steps with a finite loss", len(run.losses) if run.stable else len(run.losses) - 1, steps, 0.0, "a count", "stable to the end"),
        Number("validation accuracy at the last step", marks[-1].validation, best, error, "4·√(p(1 − p)/n) of the validation part",
            "the best look: it has not broken", "≥"),
        Number("norm of the first layer's gradient over the last's, at the first look", marks[0].first_to_last, 1.0, 2.0,
            "within [⅓, 3] is called isometric here", "dynamical isometry", "≤"),
        Number("norm of the last layer's gradient over the first's, at the first look", 1.0 / marks[0].first_to_last, 1.0, 2.0,
            "within [⅓, 3] is called isometric here", "dynamical isometry", "≤"),
    )  # fmt: skip


def figure(marks: list[Mark], title: str) -> Figure:
    """Accuracy, loss and the gradients' ratio over steps."""
    steps = [mark.step for mark in marks]
    return Figure(title, Axis("step", "updates"), Axis("value", "no unit"), (
        series("validation accuracy", steps, [m.validation for m in marks]), series("training loss, nats", steps, [m.loss for m in marks]),
        series("gradient norm, first over last layer", steps, [m.first_to_last for m in marks])))  # fmt: skip


def said(marks: list[Mark]) -> str:
    """Every look in one line."""
    looks = [f"{m.step}: {m.loss:.3f}, {m.validation:.1%}, {m.first_to_last:.2f}" for m in marks]
    return "Step: loss, validation accuracy, ‖∇first‖/‖∇last‖: " + "; ".join(looks)
