"""`assert_trainable` for test suites, as a function and as a pytest fixture of the same name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from steadygrad.report.record import Report


def assert_trainable(model: Any, inputs: Any = None, targets: Any = None, loss_fn: Callable[..., Any] | None = None, **settings: Any) -> "Report":
    """Check a model and fail with the report when it cannot be trained; takes what `steadygrad.check` takes.

    Returns:
        The report, for further assertions.

    Raises:
        AssertionError: some finding is an error; its text is the report.
    """
    from steadygrad.door import check

    report = check(model, inputs, targets, loss_fn, **settings)
    if not report.ok:
        raise AssertionError(f"{report.name} will not train\n\n{report}")
    return report


@pytest.fixture(name="assert_trainable")
def _assert_trainable() -> Callable[..., "Report"]:
    """`steadygrad.assert_trainable`."""
    return assert_trainable
