"""The moves of least squares: nothing near them does better, and they stay within reach."""

import numpy as np
import pytest

from steadygrad.planner import bands as squares


def bands(seed: int) -> list[squares.Band]:
    draw = np.random.default_rng(seed)
    return [squares.Band(4.0 * draw.normal(size=40), draw.normal(size=(40, 12)), 2.0, 10.0),
            squares.Band(6.0 * draw.normal(size=30), draw.normal(size=(30, 12)), 3.0),
            squares.Band(draw.normal(size=5), draw.normal(size=(5, 12)), 1.0, 10.0, np.zeros(5))]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("reach", [0.3, 2.0, 50.0])
def test_nothing_near_is_better(seed: int, reach: float) -> None:
    """A convex function has no other minimum; on the way there, bounds are crossed again and again."""
    found = bands(seed)
    x = squares.least(found, 12, reach)
    assert np.abs(x).max() <= reach

    def cost(x: np.ndarray) -> float:
        """The middles are of no interest here: the best of each band."""
        ridge = np.concatenate([np.full(12, squares.REST), np.full(3, 1e-9)])
        best = 0.0
        for band in found:
            low, high = -100.0, 100.0
            for _ in range(60):
                left, right = (2.0 * low + high) / 3.0, (low + 2.0 * high) / 3.0
                low, high = (low, right) if np.sum(band.off(x, left) ** 2) < np.sum(band.off(x, right) ** 2) else (left, high)
            best += 0.5 * band.weight**2 * float(np.sum(band.off(x, low) ** 2))
        return best + 0.5 * float(ridge[:12] @ x**2)

    least, draw = cost(x), np.random.default_rng(0)
    for size in (0.3, 0.03):
        for _ in range(20):
            assert cost(np.clip(x + size * draw.normal(size=12), -reach, reach)) > least * (1.0 - 1e-3)
