"""Three roads to each width: the law, its formula as text, and numbers worked out by hand."""

import json
import math
import re
from pathlib import Path

import pytest

from steadygrad.randomness.law import Fans, Independent
from steadygrad.schemes import SCHEMES, Scheme, from_json

GOLDEN = json.loads(Path(__file__).with_name("schemes.json").read_text())
FANS, GAIN = Fans(*GOLDEN["fans"]), math.sqrt(GOLDEN["gain_squared"])

SYMBOLS = {"²": "**2", "·": "*", "−": "-", "√(": "sqrt(", "1e-5": "0.00001"}
TEMPLATES = {  # what a formula may look like, and the mean square it says
    r"Var\[(?:Re )?w\] = (?:Var\[Im w\] = )?(?P<value>[^;]+)$": lambda value: value,
    r"w ~ U\(−a, a\), a = (?P<value>[^;]+)$": lambda value: value**2 / 3.0,
    r"[wb] = (?P<value>[^;\[(]+(\([^;\[]*\)[^;\[]*)?)$": lambda value: value**2,
    r"w ~ N\(0, \((?P<value>.+)\)²\)$": lambda value: value**2,
    r"w ~ N\(0, (?P<value>[^()]+(\([^()]*\))?)\)$": lambda value: value,
}


def evaluated(text: str, scheme: Scheme) -> float:
    """The number a piece of a formula stands for, at FANS and GAIN."""
    text = re.sub(r"√([a-z_]+)", r"√(\1)", text)
    for symbol, code in SYMBOLS.items():
        text = text.replace(symbol, code)
    modes = {
        "fan_in": FANS.fan_in, "fan_out": FANS.fan_out, "fan_avg": (FANS.fan_in + FANS.fan_out) / 2.0, "fan_geo_avg": math.sqrt(FANS.fan_in * FANS.fan_out),
    }  # fmt: skip
    names = {"sqrt": math.sqrt, "min": min, "log": math.log, "gain": GAIN, **modes, "fan": modes.get(getattr(scheme, "mode", ""), math.nan)}
    return float(eval(text, {"__builtins__": {}}, {**names, **scheme.arguments()}))


def said(scheme: Scheme) -> float | None:
    """The mean square that the formula says, or None where it says no single number."""
    for pattern, mean_square in TEMPLATES.items():
        found = re.match(pattern, scheme.formula)
        if found:
            try:
                return mean_square(evaluated(found["value"], scheme))
            except (NameError, SyntaxError, TypeError):
                return None
    return None


SPECIMENS = [specimen for item in SCHEMES for specimen in item.specimens()]
READABLE = [specimen for specimen in SPECIMENS if said(specimen) is not None]


def test_every_width_has_a_formula_that_can_be_read_or_a_number() -> None:
    """What has neither is no width: tables, parts, laws of two ends; their own tests stand in tests/unit/schemes."""
    numbered = {json.loads(text)[0] for text in GOLDEN["rms"]}
    without = {s.name for s in SPECIMENS if s not in READABLE} - numbered
    assert without == {"given", "stacked", "per_gate", "icnr", "fused_rnn", "bilinear", "stft", "hippo_legs", "s4d", "s4d_real_log", "time_step_bias",
                       "lru_nu", "lru_theta", "forget_bias", "uniform_gate", "chrono", "stn_identity"}  # fmt: skip
    assert len({s.name for s in READABLE}) >= 28


@pytest.mark.parametrize("scheme", READABLE, ids=repr)
def test_the_formula_as_text_gives_the_width_of_the_law(scheme: Scheme) -> None:
    assert scheme.law(FANS, GAIN).rms((100, 784)) ** 2 == pytest.approx(said(scheme), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("text", GOLDEN["rms"])
def test_the_width_worked_out_by_hand(text: str) -> None:
    assert from_json(text).law(FANS, GAIN).rms((100, 784)) == pytest.approx(GOLDEN["rms"][text], rel=1e-6)


def test_uniform_formulas_are_uniform_laws() -> None:
    for scheme in SPECIMENS:
        law = scheme.law(FANS, GAIN)
        if "~ U(−a, a)" in scheme.formula:
            assert isinstance(law, Independent) and law.kind == "uniform" and law.mean == 0.0
