"""What we say other libraries get wrong, they do."""

import numpy as np
import pytest
import torch

from steadygrad.graph.fans import convolution_fans, matmul_fans
from steadygrad.schemes.aliases import jax, keras, mxnet
from steadygrad.schemes.aliases import torch as torch_names
from steadygrad.theory import activations, gaussian


def test_fans_of_depthwise_convolutions() -> None:
    right = convolution_fans((64, 1, 3, 3), (1, 1), groups=64, transposed=False)
    for count in (torch_names.fans, mxnet.fans):
        wrong = count((64, 1, 3, 3))
        assert wrong.fan_in == right.fan_in and wrong.fan_out == 64 * right.fan_out


def test_fans_of_transposed_convolutions() -> None:
    """48 inputs, 10 outputs, 4 × 4 kernel, stride 2."""
    right = convolution_fans((48, 10, 4, 4), (2, 2), groups=1, transposed=True)
    assert (right.fan_in, right.fan_out) == (48 * 4.0, 10 * 16.0)
    for wrong in (torch_names.fans((48, 10, 4, 4)), mxnet.fans((48, 10, 4, 4)), keras.fans((4, 4, 10, 48))):
        assert (wrong.fan_in, wrong.fan_out) == (right.fan_out, 4 * right.fan_in)


def test_fans_of_stacked_experts() -> None:
    right = matmul_fans((8, 16, 32), weight_is_left=False)
    assert (right.fan_in, right.fan_out) == (16.0, 32.0)
    for wrong in (keras.fans((8, 16, 32)), jax.fans((8, 16, 32))):
        assert (wrong.fan_in, wrong.fan_out) == (8 * 16.0, 8 * 32.0)


def test_gains_of_torch_beside_the_exact_ones() -> None:
    for name, said in (("tanh", 1.5925), ("sigmoid", 1.8462), ("selu", 1.0)):
        assert gaussian.forward_gain(activations.get(name)) == pytest.approx(said, abs=1.5e-4)
        assert abs(torch_names.calculate_gain(name) - said) > 0.07


def test_torch_s_sparse_mask_does_not_listen_to_its_generator() -> None:
    masks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        masks.append(torch.nn.init.sparse_(torch.empty(40, 40), 0.5, generator=torch.Generator().manual_seed(7)) == 0)
    assert not torch.equal(*masks)


def test_torch_s_fused_projection_is_smaller() -> None:
    torch.manual_seed(0)
    fused, single = torch.nn.init.xavier_uniform_(torch.empty(768, 256)), torch.nn.init.xavier_uniform_(torch.empty(256, 256))
    assert (fused.std() / single.std()).item() == pytest.approx(0.5**0.5, rel=0.01)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_singular_vectors_are_not_haar(kind: str) -> None:
    """mxnet's way in two dimensions. Haar: mean 0 and E[q⁴] = 3/8; over 50,000 draws both are more than 10 standard errors away or neither is."""
    generator, n = np.random.default_rng(0), 50_000
    matrices = generator.uniform(-1.0, 1.0, (n, 2, 2)) if kind == "uniform" else generator.standard_normal((n, 2, 2))
    q = np.linalg.svd(matrices)[0][:, 0, 0]
    assert abs(q.mean()) > 10.0 * q.std() / n**0.5
    away = abs(np.mean(q**4) - 0.375) / (np.std(q**4) / n**0.5)
    assert away > 10.0 if kind == "uniform" else away < 5.0
