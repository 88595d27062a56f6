"""Every record is rebuilt, its labels name real places, and building leaves no trace."""

import pytest
import torch
from benchmarks.faulty_programs import network as net
from benchmarks.faulty_programs.facts import all_facts
from benchmarks.faulty_programs.initializers import he_normal
from benchmarks.faulty_programs.program import PLACES, Cause, Program, related
from benchmarks.faulty_programs.programs import CATALOGUE
from benchmarks.faulty_programs.split import recorded_split

SMALL = ("DL-SO-34673164", "AT-Blob-model_384108d9", "GRIST-ID_37")


def test_every_record_of_the_split_is_rebuilt_and_described() -> None:
    ids = {i for half in recorded_split().values() for i in half}
    assert set(CATALOGUE) == set(all_facts()) == ids
    for program in CATALOGUE.values():
        assert program.healthy == (program.facts["kind"] == "healthy")
        assert program.facts["source"].startswith("https://")
        assert program.facts["what"]
        assert program.healthy == (program.facts["fault"] == program.facts["repair"] == "")


def test_labels_name_modules_that_exist() -> None:
    for program in CATALOGUE.values():
        if program.healthy:
            continue
        paths = dict(program.faulty.network().named_modules())
        assert any(cause.starts for cause in program.causes), program.id
        for cause in program.causes:
            assert set(cause.starts) <= {*paths, *PLACES}, program.id
            assert all(any(Cause("labels", (), (p,)).carried_by(path) for path in paths) for p in cause.carriers)


@pytest.mark.parametrize("program_id", SMALL)
def test_the_same_seed_gives_the_same_bits_and_moves_no_generator(program_id: str) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (CATALOGUE[program_id].build(seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first.inputs, again.inputs)
    weights = [case.model.fc1.weight for case in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("program_id", SMALL)
def test_program_and_counterpart_share_the_rows_of_the_batch(program_id: str) -> None:
    program = CATALOGUE[program_id]
    assert torch.equal(program.build().inputs, program.fixed().inputs)


def test_a_healthy_program_has_no_counterpart() -> None:
    with pytest.raises(ValueError, match="AT-Circle-simplednn is healthy"):
        CATALOGUE["AT-Circle-simplednn"].fixed()


def test_a_program_refuses_an_unknown_family_and_a_cause_without_counterpart() -> None:
    setting = CATALOGUE["AT-Circle-simplednn"].faulty
    with pytest.raises(ValueError, match="unknown families"):
        Program("x", setting, setting, (Cause("bad_luck"),))
    with pytest.raises(ValueError, match="come together"):
        Program("x", setting, None, (Cause("labels"),))


def test_paths_count_per_kind_and_shapes_flow() -> None:
    layers = (net.conv(4, 3), net.relu, net.max_pool, net.flatten, net.dense(7), net.relu)
    model = net.network((2, 8, 8), *layers)
    assert [*dict(model.named_children())] == ["conv1", "act1", "pool1", "flatten1", "fc1", "act2"]
    assert model.fc1.in_features == 4 * 4 * 4
    assert model.training


def test_he_normal_has_the_wanted_variance_after_the_cut() -> None:
    torch.manual_seed(0)
    weight = he_normal(torch.empty(400, 500), 500, 400)
    # Var of a sample variance of n values with kurtosis below 3 is at most 2σ⁴/n; five standard deviations.
    assert weight.var().item() == pytest.approx(2 / 500, rel=5 * (2 / weight.numel()) ** 0.5)


def test_paths_are_related_when_one_lies_inside_the_other() -> None:
    assert related("fc1", "fc1")
    assert related("body.0.conv", "body.0")
    assert related("body", "body.0")
    assert not related("fc10", "fc1")
    assert not related("", "fc1")
    assert not related("inputs", "fc1")
