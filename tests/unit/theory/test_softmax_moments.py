"""Averages over softmax weights, against draws of logits."""

import numpy as np
import pytest

from steadygrad.theory.softmax_moments import participation, sensitivity


@pytest.mark.parametrize("size", [2, 49, 1024])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 4.0, 12.0, 60.0])
def test_averages_are_those_of_drawn_logits(spread: float, size: int) -> None:
    """Also of wide ones, where a ratio of expectations says that one weight is all and nothing comes back to logits."""
    logits = np.random.default_rng(0).normal(size=(3000, size)) * spread**0.5
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    squares = (weights**2).sum(1)
    back = (weights**2 * (1.0 - 2.0 * weights + squares[:, None])).sum(1)
    assert participation(spread, size) == pytest.approx(squares.mean(), rel=0.05)
    assert sensitivity(spread, size) == pytest.approx(back.mean(), rel=0.1)


def test_causal_rows_have_as_many_logits_as_they_see() -> None:
    sizes = range(1, 33)
    assert participation(1.0, 32, causal=True) == pytest.approx(np.mean([participation(1.0, n) for n in sizes]))
    assert sensitivity(1.0, 32, causal=True) == pytest.approx(np.mean([sensitivity(1.0, n) for n in sizes]))
