"""What a softmax lets through to its logits, against draws of them."""

import numpy as np
import pytest

from steadygrad.theory.softmax_moments import sensitivity


@pytest.mark.parametrize("size", [16, 49, 196])
@pytest.mark.parametrize(("spread", "within"), [(0.1, 1.05), (1.0, 1.6), (2.26, 2.1)])
def test_sensitivity_is_that_of_drawn_logits(spread: float, within: float, size: int) -> None:
    """Never nothing: a zero would hide the weights of queries and keys from whatever levels gradients."""
    logits = np.random.default_rng(0).normal(size=(4000, size)) * spread**0.5
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    drawn = float((weights**2 * (1.0 - 2.0 * weights + (weights**2).sum(1, keepdims=True))).sum(1).mean())
    assert drawn / within < sensitivity(spread, size) < drawn * within
