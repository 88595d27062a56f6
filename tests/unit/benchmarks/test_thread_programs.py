"""The collections of thread programs: their splits, their records, and that every program runs from both sides of its answer."""

import json
from pathlib import Path

import pytest
import torch
from benchmarks import thread_programs, thread_programs_three, thread_programs_two
from benchmarks.faulty_programs.program import PLACES, Cause
from benchmarks.faulty_programs.reproduce import guessing
from benchmarks.faulty_programs.split import recomputed_split
from benchmarks.thread_programs import data, losses, measure
from benchmarks.thread_programs.programs import CATALOGUE
from benchmarks.thread_programs.thread import Thread, all_facts
from benchmarks.thread_programs_three import losses as losses_three
from benchmarks.thread_programs_three import modules as modules_three
from benchmarks.thread_programs_three.programs import CATALOGUE as CATALOGUE_THREE
from benchmarks.thread_programs_two import judges
from benchmarks.thread_programs_two import losses as losses_two
from benchmarks.thread_programs_two.programs import CATALOGUE as CATALOGUE_TWO

COLLECTIONS = {
    Path(package.__file__).parent: catalogue
    for package, catalogue in ((thread_programs, CATALOGUE), (thread_programs_two, CATALOGUE_TWO), (thread_programs_three, CATALOGUE_THREE))
}
EACH = pytest.mark.parametrize("folder", COLLECTIONS, ids=lambda folder: folder.name)
PROGRAMS = pytest.mark.parametrize("program", [program for catalogue in COLLECTIONS.values() for program in catalogue.values()], ids=lambda p: p.id)


@EACH
def test_the_committed_split_is_what_the_hash_gives(folder: Path) -> None:
    assert json.loads((folder / "split.json").read_text()) == recomputed_split(list(COLLECTIONS[folder]))


@EACH
def test_every_program_is_described_and_every_description_has_a_program(folder: Path) -> None:
    assert set(COLLECTIONS[folder]) == set(all_facts(folder))
    for facts in all_facts(folder).values():
        assert set(facts) == {"id", "source", "what", "fault", "repair", "assumed"}
        assert all(facts.values())
        assert facts["source"].startswith("http")
    assert all(program.facts["id"] == program.id for program in COLLECTIONS[folder].values())


def test_no_thread_is_in_two_collections() -> None:
    addresses = [facts["source"] for folder in COLLECTIONS for facts in all_facts(folder).values()]
    assert len(addresses) == len(set(addresses))
    assert len({program for catalogue in COLLECTIONS.values() for program in catalogue}) == len(addresses)


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
    row = measure.recorded(program.folder / "results" / "measured.json")[program.id]
    assert row["visible"] != program.facts["assumed"].endswith("nothing differs at step 0")
    assert row["wins"] <= 5


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


def test_focal_loss_is_the_papers_and_epsilon_keeps_it_finite() -> None:
    p, y = torch.tensor([[0.9], [0.2]]), torch.tensor([[1.0], [0.0]])
    # −¼ · 0.1² · log 0.9 − ¾ · 0.2² · log 0.8
    assert losses_two.focal(p, y).item() == pytest.approx(0.25 * 0.01 * 0.1053605 + 0.75 * 0.04 * 0.2231436, rel=1e-5)
    sure_and_wrong = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    assert losses_two.focal(*sure_and_wrong).isinf() and losses_two.focal_with_epsilon(*sure_and_wrong).isfinite()


def test_broadcast_weights_cancel_and_the_detached_loss_is_the_same_number() -> None:
    outputs, targets = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.rand(6, 3, generator=torch.Generator().manual_seed(1))
    one = torch.cat([targets[:, :2], torch.full((6, 1), targets[:, 2].mean().item())], 1)
    assert losses_two.broadcast_likelihood(outputs, targets).item() == pytest.approx(losses_two.weighed_likelihood(outputs, one).item(), rel=1e-5)
    outputs, targets = torch.randn(6, 5, generator=torch.Generator().manual_seed(2)), torch.tensor([[0.0, 1.0], [3.0, 0.5]] * 3)
    assert losses_two.actor_and_critic(outputs, targets).item() == losses_two.actor_and_critic_apart(outputs, targets).item()


def test_quantiles_along_the_outputs_are_least_at_the_quantiles() -> None:
    draws = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    quantiles = draws.sort(1).values
    assert losses_two.quantiles_along_outputs(quantiles, draws) < losses_two.quantiles_along_outputs(quantiles.flip(1), draws)
    # broadcast along the draws, the shares do not know which output is meant: its order tells nothing
    assert losses_two.quantiles_along_draws(quantiles, draws).item() == pytest.approx(losses_two.quantiles_along_draws(quantiles.flip(1), draws).item())


def test_a_judge_that_wraps_r_squared_is_guessed_at_zero() -> None:
    grey = CATALOGUE_TWO["SO-vae-grey-noise"]
    truth = grey.faulty.data(0).truth
    assert guessing(grey.faulty, truth) == 0.0
    assert judges.r_squared_of_first(3)(torch.cat([truth[:, :3], truth], 1), truth[:, :3]) == 1.0
    assert judges.r_squared_up_to_scale(0.5 * truth, truth) == pytest.approx(1.0)


def test_a_softmax_of_one_unit_costs_nothing_and_its_loss_has_no_gradient() -> None:
    z = torch.randn(6, 1, requires_grad=True)
    loss = losses_three.categorical_cross_entropy(z.softmax(1), torch.tensor([[0.0], [1.0]] * 3))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert not z.grad.any()
    scores, classes = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    known = torch.nn.functional.cross_entropy(scores, classes).item()
    assert losses_three.categorical_cross_entropy(scores.softmax(1), torch.eye(4)[classes]).item() == pytest.approx(known, rel=1e-5)


def test_equal_factors_stay_equal_and_their_loss_is_the_sum_of_squares() -> None:
    factors, x = modules_three.Factors(drawn=False), torch.tensor([[1.0], [2.0]])
    # (x/2 + 1/2)² is 1 and 2.25; (1 − 9)² + (2.25 − 18)² = 312.0625
    loss = losses_three.sum_of_squares(factors(x), torch.tensor([[9.0], [18.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(312.0625)
    assert torch.equal(factors.first.weight.grad, factors.second.weight.grad)


def test_silence_has_no_logarithm_without_epsilon() -> None:
    assert not modules_three.Loudness(0.0)(torch.zeros(2, 1, 128)).isfinite().any()
    assert modules_three.Loudness(1e-7)(torch.zeros(2, 1, 128)).isfinite().all()
