"""Sparse rows, identities and ZerO's Hadamard matrices."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from steadygrad import schemes
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes.identity import hadamard as first_of_hadamard


@pytest.mark.parametrize(("connections", "inputs"), [(15, 784), (1, 49), (7, 100), (20, 9)])
def test_each_unit_has_exactly_its_connections(connections: int, inputs: int) -> None:
    w = draw(schemes.sparse(connections).law(Fans(float(inputs), 30.0)), (30, inputs), name="w")
    assert (np.count_nonzero(w, axis=1) == min(connections, inputs)).all()


def test_martens_weights_are_standard_normal_at_gain_root_15() -> None:
    w = draw(schemes.sparse().law(Fans(784.0, 400.0), 15.0**0.5), (400, 784), name="w")
    values = w[w != 0]
    assert np.mean(values**2) == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / values.size))


def test_sparse_columns_counts_zeros_as_torch_does() -> None:
    w = draw(schemes.by_name("torch.sparse_", sparsity=0.1).law(Fans(6.0, 25.0)), (25, 6), name="w")
    assert ((w == 0).sum(axis=0) == 3).all()


def test_zer_o_is_the_authors_matrix() -> None:
    for rows, columns in ((3, 7), (5, 5), (8, 3), (11, 6), (1, 1)):
        w = draw(schemes.zer_o().law(Fans(1.0, 1.0)), (rows, columns), "float64", name="w")
        order = 2 ** int(np.ceil(np.log2(rows)))
        expected = np.eye(rows, columns) if rows <= columns else hadamard(order)[:rows, :columns] / np.sqrt(order)
        assert np.allclose(w, expected, atol=1e-15)


def test_zer_o_widens_without_losing_directions() -> None:
    columns = first_of_hadamard(16, 5)
    assert np.allclose(columns.T @ columns, np.eye(5), atol=1e-15)
    kernel = draw(schemes.zer_o().law(Fans(1.0, 1.0)), (16, 5, 3, 3), "float64", name="w")
    assert np.allclose(kernel[:, :, 1, 1], columns) and np.count_nonzero(kernel) == 80


def test_wrapped_dirac_copies_inputs() -> None:
    w = draw(schemes.dirac(groups=2, wrap=True).law(Fans(6.0, 6.0)), (8, 2, 3), name="w")
    assert w[:, :, 1].tolist() == [[1.0, 0.0], [0.0, 1.0]] * 4
