"""The arithmetic of the scores, the visibility test and the baseline, on cases with a known answer."""

import json
import math
from types import SimpleNamespace

import pytest
from benchmarks.faulty_programs import baseline, score, visible
from benchmarks.faulty_programs.measurements import step_zero
from benchmarks.faulty_programs.program import FAMILIES, Cause
from benchmarks.faulty_programs.programs import CATALOGUE
from benchmarks.faulty_programs.reproduce import learned
from benchmarks.faulty_programs.verdict import Verdict
from benchmarks.faulty_programs.wilson import Z_95, wilson

import steadygrad
from steadygrad.case import Case
from steadygrad.rules.finding import Finding


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 1), (20, 29)])
def test_wilson_bounds_solve_the_score_equation(k: int, n: int) -> None:
    """Each bound p inside (0, 1) satisfies (p̂ − p)² = z² p (1 − p) / n."""
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            assert (k / n - bound) ** 2 == pytest.approx(Z_95**2 * bound * (1 - bound) / n, rel=1e-9)


def test_wilson_without_trials_knows_nothing_and_refuses_more_successes_than_trials() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="k = 3, n = 2"):
        wilson(3, 2)


def test_a_number_differs_only_beyond_the_noise() -> None:
    known = [1.0, 1.1, 0.9, 1.05, 0.95]  # range 0.2: nothing within 0.6 of [0.9, 1.1] counts
    assert not visible.differs([1.69] * 5, known)
    assert visible.differs([1.71] * 5, known)
    assert visible.differs([0.29] * 5, known)
    assert not visible.differs([1.71, 1.71, 1.71, 1.71, 1.0], known)
    assert not visible.differs([1.09] * 5, [1.0] * 5)
    assert visible.differs([1.11] * 5, [1.0] * 5)
    assert visible.differs([math.nan] * 5, known)
    assert not visible.differs([math.nan] * 5, [math.nan] * 5)


@pytest.mark.parametrize("program_id", ["AT-Blob-model_384108d9", "DL-SO-48221692", "GRIST-ID_38"])
def test_a_fault_is_visible_and_a_counterpart_does_not_differ_from_itself(program_id: str) -> None:
    row = visible.compare(CATALOGUE[program_id])
    assert row["visible"]
    assert row["control"] == {}


def test_a_healthy_program_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="AT-Circle-simplednn is healthy"):
        visible.compare(CATALOGUE["AT-Circle-simplednn"])


def test_an_optimizer_that_lacks_the_head_is_a_structural_difference() -> None:
    program = CATALOGUE["TC-forum-84911"]
    assert "head.weight" in visible.structural_differences(program.build(), program.fixed())["frozen"][0]


def test_measuring_leaves_the_case_as_it_was() -> None:
    case = CATALOGUE["NL-SO-45378493"].build()
    before = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    first, again = step_zero(case), step_zero(case)
    assert repr(first) == repr(again)
    assert all(tensor.equal(before[name]) for name, tensor in case.model.state_dict().items())
    assert all(parameter.grad is None for parameter in case.model.parameters())
    assert not case.optimizer.state


def test_the_baseline_names_the_worst_alarm_at_the_first_layer() -> None:
    calm = {"loss": 1.0, "a.nonfinite": 0.0, "b.zero_share": 0.2, "a.weight.gradient_norm": 1.0}
    assert baseline.alarms(calm) == []
    loud = calm | {"b.zero_share": 0.95, "b.weight.gradient_norm": 800.0, "b.bias.gradient_norm": 700.0}
    assert baseline.alarms(loud) == [("exploding gradient", "b"), ("dead activation", "b")]
    assert baseline.alarms(calm | {"a.weight.gradient_norm": 1e-7}) == [("vanishing gradient", "a")]
    assert baseline.alarms(calm | {"loss": math.inf}) == [("non-finite", "loss")]


def test_the_baseline_sees_overflow_and_is_silent_on_a_small_healthy_net() -> None:
    assert baseline.judge(CATALOGUE["AT-Circle-model_9e7361d4"].build()).where.startswith("act")
    assert baseline.judge(CATALOGUE["AT-Circle-simplednn"].build()) == Verdict()


CAUSES = (Cause("input_scale", ("inputs", "fc1"), ("fc*",)), Cause("lr_high", ("optimizer",)), Cause("architecture"))


@pytest.mark.parametrize(
    ("family", "where", "expected"),
    [
        ("input_scale", "inputs", (True, True)),
        ("input_scale", "fc3", (False, True)),
        ("lr_high", "inputs", (False, False)),
        ("lr_high", "optimizer", (True, True)),
        ("architecture", "fc1", (True, True)),
        ("labels", "optimizer", (False, False)),
        ("labels", "fc1", (True, True)),
    ],
)
def test_the_place_is_judged_by_the_cause_that_was_named(family: str, where: str, expected: tuple[bool, bool]) -> None:
    assert score.located(Verdict(frozenset({family}), where), CAUSES) == expected


def test_a_detector_that_crashes_has_alarmed_and_named_nothing() -> None:
    def broken(case: Case) -> Verdict:
        raise RuntimeError("no")

    assert score.ask(broken, CATALOGUE["GRIST-ID_37"].build()) == Verdict(alarmed=True, said="raised RuntimeError: no")


@pytest.mark.parametrize(("slug", "families"), [("input-scale", {"input_scale"}), ("unheard-of", set())])
def test_the_cause_of_a_report_becomes_a_verdict(monkeypatch: pytest.MonkeyPatch, slug: str, families: set[str]) -> None:
    findings = [Finding("S102", "dead", "note", "fc", "unused"), Finding("D101", slug, "error", "inputs", "too large")]
    report = SimpleNamespace(findings=findings, ok=False)
    monkeypatch.setattr(steadygrad, "check", lambda *args, **options: report, raising=False)
    verdict = score.steadygrad_verdict(CATALOGUE["GRIST-ID_37"].build(), {"input-scale": "input_scale"})
    assert (verdict.families, verdict.where, verdict.alarmed) == (families, "inputs", True)
    assert verdict.said.startswith(f"error D101 {slug} at inputs")


def test_families_name_only_known_families() -> None:
    assert set(json.loads((score.FOLDER / "families.json").read_text()).values()) <= set(FAMILIES)


def test_shared_counterparts_are_counted_once() -> None:
    programs = [CATALOGUE[f"TDC-{fault}-deepCNN"] for fault in ("clean", "high_lr", "low_lr")]
    assert [name for name, *_ in score.healthy_settings(programs)] == ["TDC-clean-deepCNN"]


def test_a_program_learned_when_four_of_five_seeds_beat_guessing_by_the_margin() -> None:
    assert learned([0.6, 0.6, 0.6, 0.6, 0.1], 0.5)
    assert not learned([0.6, 0.6, 0.6, 0.54, 0.1], 0.5)
    assert not learned([math.nan] * 5, 0.5)
