"""Weights that are several weights."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans, Independent


def test_every_gate_is_orthogonal() -> None:
    law = schemes.per_gate(schemes.orthogonal()).law(Fans(16.0, 64.0))
    for gate in draw(law, (64, 16), name="weight_hh_l0").reshape(4, 16, 16):
        assert np.allclose(gate @ gate.T, np.eye(16), atol=1e-5)


def test_fused_projections_have_the_variance_of_separate_ones() -> None:
    fused = schemes.per_gate(schemes.glorot_uniform(), gates=3).law(Fans(64.0, 192.0))
    separate = schemes.glorot_uniform().law(Fans(64.0, 64.0))
    assert isinstance(fused.laws[0], Independent)
    assert fused.rms((192, 64)) == pytest.approx(separate.std, rel=1e-15)


def test_stacked_experts_are_independent() -> None:
    one, other = draw(schemes.stacked(schemes.orthogonal()).law(Fans(8.0, 8.0)), (2, 8, 8), name="experts")
    assert np.allclose(one @ one.T, np.eye(8), atol=1e-5) and not np.allclose(one, other, atol=0.1)


@pytest.mark.parametrize("factor", [2, 3])
def test_icnr_and_pixel_shuffle_upsample_to_nearest_neighbours(factor: int) -> None:
    w = torch.from_numpy(draw(schemes.icnr(factor=factor).law(Fans(27.0, 27.0)), (4 * factor**2, 3, 3, 3), name="w"))
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    up = F.pixel_shuffle(F.conv2d(x, w, padding=1), factor)
    small = F.conv2d(x, w[:: factor**2], padding=1)
    assert torch.allclose(up, F.interpolate(small, scale_factor=factor, mode="nearest"), atol=1e-5)


def test_fused_rnn_fills_the_vector_in_cudnn_s_order() -> None:
    """Two bidirectional LSTM layers with projection: sizes counted apart, gate by gate orthogonal, forget biases in place."""
    scheme = schemes.fused_rnn("lstm", 2, 6, bidirectional=True, projection=4)
    first, second, biases = 24 * 5 + 24 * 4 + 4 * 6, 24 * 8 + 24 * 4 + 4 * 6, 8 * 24
    size = 2 * first + 2 * second + biases
    w = draw(scheme.law(Fans(1.0, 1.0)), (size,), name="rnn")
    recurrent = w[24 * 5 : 24 * 9].reshape(4, 6, 4)
    for gate in recurrent:
        assert np.allclose(gate.T @ gate, np.eye(4), atol=1e-5)
    tail = w[-biases:].reshape(4, 2, 4, 6)  # (layer, direction), input or hidden, gate, unit
    assert (tail[:, 0, 1] == 1.0).all() and tail.sum() == 4 * 6
    with pytest.raises(InputError, match=r"`fused_rnn` must be drawn into one axis of 1056 \+ 48·inputs entries, got shape \(1297,\)"):
        draw(scheme.law(Fans(1.0, 1.0)), (size + 1,), name="rnn")


def test_fused_rnn_uses_the_schemes_it_is_given() -> None:
    scheme = schemes.by_name("mxnet.rnnfused", "gru", 1, 3, i2h_weight_initializer=schemes.constant(2.0), h2h_bias_initializer=schemes.ones())
    w = draw(scheme.law(Fans(1.0, 1.0)), (9 * 2 + 9 * 3 + 18,), name="rnn")
    assert (w[:18] == 2.0).all() and (np.abs(w[18:45]) < 0.07).all() and (w[45:54] == 0.0).all() and (w[54:] == 1.0).all()
    plain = draw(schemes.fused_rnn("rnn_tanh", 1, 4).law(Fans(1.0, 1.0)), (4 * 3 + 16 + 8,), name="rnn")
    assert (plain[-8:] == 0.0).all() and np.allclose(plain[12:28].reshape(4, 4) @ plain[12:28].reshape(4, 4).T, np.eye(4), atol=1e-5)
