"""Many small independent trainings: one after another, or wherever joblib is told to run them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend

Cell = TypeVar("Cell")
Made = TypeVar("Made")


def sweep(function: Callable[[Cell], Made], cells: Sequence[Cell], progress: Callable[[int, int], None] = lambda done, of: None) -> list[Made]:
    """`[function(cell) for cell in cells]`, each with one torch thread, so that the numbers do not depend on where they were made.

    Serial unless a backend is chosen around it: `with joblib.parallel_config("loky", n_jobs=2): …`, or "dask" with a distributed client,
    or "ray" after `ray.util.joblib.register_ray()`. `function` and `cells` must be picklable: a function of a module, plain records.
    `progress` is called as results come in, in order; with ray, at the end.

    Example:
        >>> sweep(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    made = []
    lazily = get_active_backend()[0].supports_return_generator  # ray hands over everything at the end
    for done, result in enumerate(Parallel(return_as="generator" if lazily else "list")(delayed(_alone)(function, cell) for cell in cells), 1):
        made.append(result)
        progress(done, len(cells))
    return made


def _alone(function: Callable[[Any], Any], cell: Any) -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return function(cell)
    finally:
        torch.set_num_threads(threads)
