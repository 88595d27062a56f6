"""How a plan is searched for: no scales are run twice, and signals are always moved for alone before gradients hold them beyond their bound."""

import math
from types import SimpleNamespace

import pytest

from steadygrad.planner import refine
from steadygrad.planner.moves import ALONE


@pytest.fixture
def design() -> SimpleNamespace:
    return SimpleNamespace(moments={"w": 1.0}, reasons={"w": ""}, graph=SimpleNamespace(nodes=()), growth=dict)


def search(design: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, moves, spreads) -> list[float]:
    """log E[w²] of every run of a search in which spreads are `spreads(log E[w²])`."""
    ran: list[float] = []

    def run() -> float:
        ran.append(math.log(design.moments["w"]))
        return ran[-1]

    monkeypatch.setattr(refine, "learn", lambda *_: None)
    monkeypatch.setattr(refine, "forget", lambda *_: None)
    monkeypatch.setattr(refine, "spreads", spreads)
    monkeypatch.setattr(refine, "moves", moves)
    refine.refine(design, run, None, lambda _: None)
    return ran


def test_no_scales_are_run_twice(design: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves that go as far with norms as without, and make it worse unless they are short."""
    ran = search(
        design, monkeypatch, lambda design, walk, seen, reach, rooms, last: {"w": math.exp(reach)}, lambda x: (5.0, 200.0 + 1e3 * max(abs(x - 0.1) - 0.2, 0.0))
    )
    assert len(ran) > 3 and len({round(x, 9) for x in ran}) == len(ran)


def test_signals_are_moved_for_alone_where_the_search_is_stuck(design: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last moves for both are too short to be worth a run, long before the last round."""
    tried: list[object] = []

    def moves(design, walk, seen, reach, rooms, last) -> dict[str, float]:
        tried.append(rooms)
        return {"w": math.exp(-1.0 if rooms is ALONE else 0.15 / len(tried))}

    ran = search(design, monkeypatch, moves, lambda x: (9.0 if x < -0.5 else 20.0 + 20.0 * x, 1e4))
    assert ALONE in tried and design.moments["w"] == pytest.approx(math.exp(-1.0)) and len(ran) <= 1 + refine.ROUNDS
