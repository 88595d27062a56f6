"""The injected faults: their split, their form, and what counts as hurting."""

import json
import math

import pytest
import torch
from benchmarks.faulty_programs.split import half_of, recomputed_split
from benchmarks.injected_faults import hurts
from benchmarks.injected_faults.bases import BASES
from benchmarks.injected_faults.injection import inject
from benchmarks.injected_faults.operators import OPERATORS
from benchmarks.injected_faults.score import by_operator
from benchmarks.injected_faults.split import SPLIT_FILE


def test_the_committed_split_is_what_the_hash_gives() -> None:
    assert json.loads(SPLIT_FILE.read_text()) == recomputed_split(list(BASES))


@pytest.mark.slow
def test_faults_name_a_cause_and_a_place_and_harmless_changes_none() -> None:
    for operator in OPERATORS.values():
        program = inject(BASES["moons-logit"], operator)
        assert operator.says
        if program is not None:
            assert program.healthy == operator.harmless
            assert program.healthy or all(cause.starts for cause in program.causes)
            assert program.half == half_of("moons-logit")


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if i % 9 == 0 else pytest.mark.slow) for i, n in enumerate(OPERATORS)])
def test_a_change_leaves_its_base_as_it_was_and_gives_a_finite_loss_or_none(name: str) -> None:
    base = BASES["moons-logit"]
    before = base.setting.case(0)
    program = inject(base, OPERATORS[name])
    if program is not None:
        case = program.build()
        case.loss_fn(case.model(case.inputs), case.targets)
        after = base.setting.case(0)
        assert all(a.equal(b) for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True))
        assert before.inputs.equal(after.inputs)


def test_hurting_is_learning_less_than_three_quarters_of_what_the_base_learns() -> None:
    assert not hurts.learned_less(0.78, healthy=0.9, floor=0.4)  # 0.38 of 0.5
    assert hurts.learned_less(0.77, healthy=0.9, floor=0.4)
    assert hurts.learned_less(math.nan, healthy=0.9, floor=0.4)


def test_weights_eight_times_too_large_are_eight_times_too_large() -> None:
    base, changed = BASES["digits-mlp"].setting.case(0).model, inject(BASES["digits-mlp"], OPERATORS["weights-times-eight"]).build().model
    assert torch.allclose(changed[0].weight, 8.0 * base[0].weight)


def test_rows_are_counted_by_operator() -> None:
    class Row:
        id, cause, start, alarmed = "a/climbing", True, False, True

    assert by_operator({"faulty": [Row, Row]}) == {"climbing": [2, 0, 2, 2]}
