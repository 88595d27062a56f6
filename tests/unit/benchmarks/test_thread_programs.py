"""The thread programs: their split, their records, and that every one runs from both sides of its answer."""

import json

import pytest
import torch
from benchmarks.faulty_programs.program import PLACES, Cause
from benchmarks.faulty_programs.reproduce import guessing
from benchmarks.faulty_programs.split import recomputed_split
from benchmarks.thread_programs import data, losses, measure
from benchmarks.thread_programs.programs import CATALOGUE
from benchmarks.thread_programs.split import SPLIT_FILE
from benchmarks.thread_programs.thread import Thread, all_facts

PROGRAMS = pytest.mark.parametrize("program", CATALOGUE.values(), ids=lambda p: p.id)


def test_the_committed_split_is_what_the_hash_gives() -> None:
    assert json.loads(SPLIT_FILE.read_text()) == recomputed_split(list(CATALOGUE))


def test_every_program_is_described_and_every_description_has_a_program() -> None:
    assert set(CATALOGUE) == set(all_facts())
    for facts in all_facts().values():
        assert set(facts) == {"id", "source", "what", "fault", "repair", "assumed"}
        assert all(facts.values())
        assert facts["source"].startswith("http")


@PROGRAMS
def test_labels_name_modules_that_exist(program: Thread) -> None:
    paths = dict(program.faulty.network().named_modules())
    assert program.causes and all(cause.starts for cause in program.causes)
    for cause in program.causes:
        unregistered = {"cells"}  # the fault of GH-meta-optimizer-11 is that torch does not see them
        assert set(cause.starts) <= {*paths, *PLACES} | unregistered
        assert all(any(Cause("labels", (), (pattern,)).carried_by(path) for path in paths) for pattern in cause.carriers)


@PROGRAMS
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_the_answer_changes_the_program_and_its_first_loss_is_a_number(program: Thread) -> None:
    before, after = program.build(), program.fixed()
    assert after.loss_fn(after.model(after.inputs), after.targets).isfinite()
    assert program.faulty != program.counterpart
    assert len(before.inputs) == len(after.inputs)


@PROGRAMS
def test_what_was_measured_is_recorded_for_every_program(program: Thread) -> None:
    row = measure.recorded()[program.id]
    assert row["visible"] and row["wins"] <= 5


def test_a_constant_answer_scores_the_share_of_the_commonest_class_also_of_sequences() -> None:
    program = CATALOGUE["GH-opennmt-805"]
    truth = program.faulty.data(0).truth
    assert guessing(program.faulty, truth) == pytest.approx(float(truth.flatten().bincount().max() / truth.numel()))


def test_softmax_by_hand_is_cross_entropy_and_contrastive_is_half_the_square() -> None:
    z, y = torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 5
    assert losses.softmax_by_hand(z, y).item() == pytest.approx(torch.nn.functional.cross_entropy(z, y).item(), rel=1e-6)
    pairs = torch.tensor([[[0.0, 0.0], [0.6, 0.8]], [[0.0, 0.0], [0.3, 0.4]]])
    # d = 1 and 0.5: same class costs d²/2, another class (1 − d)²/2
    assert losses.contrastive(0.0)(pairs, torch.tensor([1.0, 0.0])).item() == pytest.approx((1.0 + 0.25) / 4, rel=1e-6)


def test_standardized_data_is_standard() -> None:
    for make in (data.iris(True), data.consumers(True)):
        inputs = make(0).inputs.double()
        assert inputs.mean(0).abs().max() < 1e-6
        assert (inputs.std(0, correction=0) - 1).abs().max() < 1e-6
