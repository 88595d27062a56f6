"""A plan is measured before it is handed out: the walk learns from the run, moves follow it, and the best that was seen stays."""

import math

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner import moves as moving
from steadygrad.planner import refine, study
from steadygrad.planner.ends import at_leaves
from steadygrad.planner.moves import ALONE, _counts, _tables, moves
from steadygrad.planner.sight import see
from steadygrad.planner.spread import activation_spread, gradient_spread, matrices, spreads
from steadygrad.planner.trial import learn
from steadygrad.planner.updates import sizes
from steadygrad.planner.verification import observe

WIDTH = 32


class Steep(nn.Module):
    """sinh(3x) between two weights: theory does not know it, and what it was seen to do at small weights says little of unit signals."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up, self.down, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.down(torch.sinh(3.0 * self.up(self.norm(x))))))


def batch() -> torch.Tensor:
    return torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(0))


def model() -> Steep:
    torch.manual_seed(0)
    return Steep()


def designed(net: nn.Module, x: torch.Tensor) -> study.Study:
    made = study.Study(net, see(net, x), x, {}, {})
    made.design.finish()
    return made


def test_the_walk_gives_back_what_was_measured() -> None:
    """Every op that makes one tensor, forward and, relative to the output, backward: to rounding."""
    net, x = model(), batch()
    made = designed(net, x)
    seen = made.run(net, x, 0)
    walk = learn(made.design, seen)
    scale = seen.gradients[seen.graph.outputs[0]].moments.q
    checked = 0
    for node in seen.graph.nodes:
        if node.index in seen.signals and node.inputs and node.kind != "loss":
            assert walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=1e-9)
        if node.index in walk.gradients and node.index in seen.gradients and node.inputs:
            assert float(walk.gradients[node.index].g[0]) == pytest.approx(seen.gradients[node.index].moments.q / scale, rel=1e-9)
            checked += 1
    assert checked == 7  # all but the input


def test_moves_do_what_they_say_to_first_order() -> None:
    """Run again with the scales moved: signals as far apart as the solver's band says, but for what first order leaves out."""
    net, x = model(), batch()
    made = designed(net, x)
    before = made.run(net, x, 0)
    factors = moves(made.design, learn(made.design, before), before)
    for name, factor in factors.items():
        assert 1.0 / 6.0 - 1e-9 <= factor <= 6.0 + 1e-9
        made.design.moments[name] *= factor
    after = made.run(net, x, 0)
    assert factors and activation_spread(before) > 2.0 * activation_spread(after)


def test_what_measures_far_apart_comes_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = model(), batch()
    weights = [p.detach().clone() for p in net.parameters()]
    state = torch.get_rng_state()
    plan = sg.plan(net, x)
    assert torch.equal(state, torch.get_rng_state()) and all(torch.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))
    again = sg.plan(net, x)
    assert [row.after for row in plan.rows] == [row.after for row in again.rows]  # deterministic
    assert any("moved as measured" in note for note in plan.notes) and any("as measured" in row.reason for row in plan.rows)
    plan.apply_(net)
    refined = observe(net, x)
    with monkeypatch.context() as patched:
        patched.setattr(study.Study, "refine", lambda *_: None)
        sg.plan(net, x).apply_(net)
    closed = observe(net, x)
    assert activation_spread(closed) > refine.SIGNALS
    assert activation_spread(refined) <= refine.SIGNALS and gradient_spread(refined) <= refine.GRADIENTS


def test_networks_without_norms_and_plans_without_a_batch_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(study.Study, "run", never)
    sg.plan(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 4)), batch())
    sg.plan(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)))


def test_a_plan_that_is_worse_than_the_models_own_scales_is_not_handed_out() -> None:
    """Runs that are told to measure badly, whatever the moves: the model's own scales, which are told to measure well, win."""
    net, x = model(), batch()
    made = designed(net, x)
    good, bad = observe(net, x), made.run(net, x, 0)
    own = spreads(good)
    assert refine.excess(own) < refine.excess(spreads(bad))
    told = refine.refine(made.design, lambda: good if made.design.reasons["up.weight"] == "the model's own scale" else bad, own, made.sight.rms)
    assert "own scales" in told[0]
    assert made.design.moments["up.weight"] == pytest.approx(made.sight.rms("up.weight") ** 2)


def test_after_a_move_that_made_it_worse_a_shorter_one_starts_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that are told to measure well at the first scales only: every move is tried from there, of weights a third as far, then of norms too."""
    net, x = model(), batch()
    made = designed(net, x)
    worse = made.run(net, x, 0)
    assert refine.score(spreads(worse)) > refine.ENOUGH
    first, tried = dict(made.design.moments), []

    def moved(design: object, walk: object, seen: object, reach: float, rooms: object, last: bool) -> dict[str, float]:
        tried.append((reach, last, made.design.moments["up.weight"] == first["up.weight"]))
        return {"up.weight": math.exp(reach)}

    monkeypatch.setattr(refine, "moves", moved)
    refine.refine(made.design, lambda: worse, None, made.sight.rms)
    assert len(tried) > 3 and all(started for *_, started in tried)
    assert [last for _, last, _ in tried] == [False, False] + [True] * (len(tried) - 2)
    assert all(b[0] == pytest.approx(a[0] / 3.0) for a, b in zip(tried, tried[1:], strict=False) if a[1] == b[1])
    assert made.design.moments == first


def test_outputs_that_measure_far_off_their_size_get_it() -> None:
    """The same draw, scaled: second moment 1/2 to rounding."""
    net, x = model(), batch()
    made = designed(net, x)
    made.design.moments["head.weight"] *= 1e4
    seen = made.run(net, x, 0)
    factor = refine._outputs(made.design, seen)["head.weight"]
    made.design.moments["head.weight"] *= factor
    node = next(n for n in seen.graph.nodes if n.where == "head")
    assert made.run(net, x, 0).signals[node.index].moments.q == pytest.approx(0.5, rel=1e-4)
    assert not refine._outputs(made.design, made.run(net, x, 0))


def test_masks_are_no_signals() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score, self.value = nn.Linear(WIDTH, 8), nn.Linear(8, WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores = self.score(x)
            return self.value(torch.softmax(scores + torch.where(x[:, :8] > 0.0, scores * 0.0, torch.finfo(x.dtype).min), -1))

    assert activation_spread(observe(Masked(), batch())) < 1e3


@pytest.mark.parametrize(("found", "own", "worse", "beyond"), [((5.0, 50.0), (1.0, 1.0), 0, 0.0), ((20.0, 50.0), (30.0, 1.0), 0, math.log10(2.0)),
                                                              ((20.0, 1e4), (10.0, 10.0), 2, math.log10(2.0) + 1.0),
                                                              ((12.0, 50.0), (11.0, 1.0), 0, math.log10(1.2))])  # fmt: skip
def test_what_is_worse_and_what_is_beyond(found: tuple[float, float], own: tuple[float, float], worse: int, beyond: float) -> None:
    assert refine._worse(found, own) == worse
    assert refine.excess(found) == pytest.approx(beyond)


class Remembering(nn.Module):
    """A recurrence in one op, whose weights are drawn and not scaled, behind attention whose three weights are one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attend = nn.Linear(WIDTH, WIDTH), nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.norm, self.state, self.read, self.head = nn.LayerNorm(WIDTH), nn.LSTM(WIDTH, WIDTH, 2, batch_first=True), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x).unsqueeze(0)
        x = self.norm(x + self.attend(x, x, x, need_weights=False)[0])
        return self.head(torch.relu(self.read(self.state(x)[0])))


def test_gradients_of_every_weight_are_followed_as_measured() -> None:
    """Of recurrences and of parts of one tensor too, whatever else is drawn: what is counted is what is moved for."""
    torch.manual_seed(0)
    net, x = Remembering(), batch()
    made = designed(net, x)
    seen = made.run(net, x, 0)
    counted = matrices(seen)
    walk = learn(made.design, seen)
    followed = sizes(made.design, walk, counted)
    assert counted == set(followed) & counted and {"state.weight_hh_l0", "attend.in_proj_weight"} <= counted
    for name in counted:
        assert float(followed[name][0]) == pytest.approx(seen.parameters[name].gradient.moments.q / at_leaves(seen), rel=1e-9)
    state = next(node for node in made.graph.nodes if node.op == "lstm")
    assert walk.signals[state.index].value == pytest.approx(seen.signals[state.index].moments.q, rel=1e-9)


class Dropping(nn.Module):
    """A branch that no sample of this run takes, as stochastic depth does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.first, self.dropped, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.first(x))
        return self.head(x + x.new_zeros(()) * self.dropped(x))


def test_a_branch_that_was_dropped_in_the_run_is_not_moved_for() -> None:
    net, x = Dropping(), batch()
    made = designed(net, x)
    seen = made.run(net, x, 0)
    walk = learn(made.design, seen)
    names = [name for name in made.design.moments if name.endswith("weight")]
    rows = _tables(made.design, walk, names, _counts(made.design, seen))
    assert len(rows["gradients"]) == 2  # of the first and the head: that of the branch was exactly zero


def test_gradients_that_no_scale_levels_do_not_hold_signals_beyond_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end, after moves for both that made it worse, signals are moved for alone."""
    net, x = model(), batch()
    made = designed(net, x)
    seen = made.run(net, x, 0)
    tried: list[object] = []

    def moved(design: object, walk: object, seen: object, reach: float, rooms: object, last: bool) -> dict[str, float]:
        tried.append(rooms)
        return {"up.weight": math.exp(reach)}

    monkeypatch.setattr(refine, "moves", moved)
    monkeypatch.setattr(refine, "spreads", lambda _: (20.0, 1e4))
    refine.refine(made.design, lambda: seen, None, made.sight.rms)
    assert tried[0] is not ALONE and tried[-1] is ALONE


class Uneven(nn.Module):
    """A weight that is applied at 4,096 places and one at 4, each between norms."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.norms, self.head = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(4)), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layers[0](self.norms[0](x))
        x = self.layers[1](self.norms[1](torch.relu(x))).view(4, -1, WIDTH).mean(1)
        return self.head(self.norms[3](self.layers[2](self.norms[2](x))))


def test_norms_move_where_weights_alone_cannot_level_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """γ after γ/c and W after c·W are one function; gradients of W differ by c. Where weights are predicted to do, norms stay."""
    x = torch.randn(4096, WIDTH, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    net = Uneven()
    made = designed(net, x)
    for name, moment in (("layers.0.weight", 0.16), ("layers.2.weight", 9.0)):  # as far from each other as signals may lie
        made.design.moments[name] *= moment
    seen = made.run(net, x, 0)
    walk = learn(made.design, seen)
    monkeypatch.setattr(moving, "FAR", 1.5)
    room = ((8.0, 1.5),)
    both = moves(made.design, walk, seen, rooms=room, last=True)
    assert any(name.startswith("norms") for name in both) and moves(made.design, walk, seen, rooms=room) == both
    enough = moves(made.design, walk, seen, rooms=((20.0, 5.0),))
    assert enough and not any(name.startswith(("norms", "head")) for name in enough)
    left = gradient_spread(seen)
    for name, factor in both.items():
        made.design.moments[name] *= factor
    assert gradient_spread(made.run(net, x, 0)) < 0.6 * left
