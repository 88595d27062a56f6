"""A part of a tensor has the bits it has in the whole, whatever the law and however it is cut."""

import numpy as np
import pytest

from steadygrad.randomness import blocks, dirac, each, normal, orthogonal, repeated, sparse, table, uniform
from steadygrad.randomness.assembly import Source
from steadygrad.randomness.shards import draw_part, regular_rows

LAWS = {
    "normal": normal(1.0),
    "blocks": blocks(normal(1.0), uniform(-1.0, 1.0), sizes=(5, 7)),
    "inner": blocks(normal(1.0), orthogonal(), axis=1),
    "each": each(blocks(normal(1.0), normal(2.0))),
    "orthogonal": orthogonal(),
    "sparse": sparse(1.0, 0.5),
    "dirac": dirac(),
    "repeated": repeated(normal(1.0), 3),
    "table": table(np.arange(6.0).reshape(6, 1)),
}
SHAPE = (12, 6, 4)


def cuts() -> list[list[np.ndarray]]:
    generator = np.random.default_rng(0)
    regular = [[np.arange(3, 9), np.arange(6), np.arange(4)], [np.arange(12), np.arange(2, 5), np.arange(4)], [np.arange(12), np.arange(6), np.arange(1, 3)]]
    both = [[np.arange(4), np.arange(1, 2), np.arange(2, 4)], [np.array([0, 1, 2, 7, 8]), np.arange(6), np.array([0, 3])]]
    random = [[np.sort(generator.choice(size, generator.integers(1, size + 1), replace=False)) for size in SHAPE] for _ in range(6)]
    return [*regular, *both, *random, [np.arange(0), np.arange(6), np.arange(4)]]


@pytest.mark.parametrize("indices", cuts(), ids=lambda cut: "x".join(str(len(axis)) for axis in cut))
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_part_of_the_whole(law, indices) -> None:
    source = Source("layers.0.weight", 3, "float32")
    part = np.empty([len(axis) for axis in indices], np.float32)
    draw_part(law, part, source, SHAPE, indices)
    assert part.tobytes() == source.draw(law, SHAPE)[np.ix_(*indices)].tobytes()


@pytest.mark.parametrize("axis", [0, 1])
def test_one_sharded_axis_is_one_call(axis: int) -> None:
    indices = [np.arange(2, 5) if k == axis else np.arange(size) for k, size in enumerate((8, 8))]
    assert len(list(regular_rows((8, 8), indices))) == 1
