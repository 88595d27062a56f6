"""What every norm of the catalogue must do; a new line there is tested here without touching this file."""

import copy
import io

import numpy as np
import pytest
import torch

from steadygrad.normalization import NORMS, Norm, fold

EVERY = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.name)
CHANNELS = 4


def layer_of(norm: Norm, seed: int = 1) -> torch.nn.Module:
    """In float64, with parameters off their starting values."""
    layer = norm.build(CHANNELS).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return layer


def input_of(norm: Norm, shape: tuple[int, ...] = (8, CHANNELS, 3, 2), seed: int = 0) -> torch.Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x * torch.tensor([0.7, 1.1, 1.6, 0.9]).double().view(1, -1, *(1,) * (len(shape) - 2)) + 0.5
    return x.movedim(1, -1).contiguous() if norm.features_last else x


def shapes(norm: Norm) -> list[tuple[int, ...]]:
    return ([] if norm.positions else [(8, CHANNELS)]) + [(8, CHANNELS, 5), (8, CHANNELS, 3, 2), (8, CHANNELS, 2, 3, 2)]


@EVERY
def test_is_its_definition(norm: Norm) -> None:
    for shape in shapes(norm):
        layer, x = layer_of(norm), input_of(norm, shape)
        state = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
        y = layer.train()(x)
        # whitening's eigenvectors and Newton-Schulz steps meet to κ·eps; all others to a few roundings
        np.testing.assert_allclose(y.detach().numpy(), norm.define(x.numpy(), state), rtol=1e-9, atol=1e-9, err_msg=str(shape))
        assert y.dtype == x.dtype and y.shape == x.shape


@EVERY
def test_gradients(norm: Norm) -> None:
    x = input_of(norm, (8, CHANNELS, 2), seed=3).requires_grad_()
    layer = layer_of(norm)
    names = [name for name, _ in layer.named_parameters()]

    def call(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        twin = copy.deepcopy(layer)  # buffers move during a forward
        return torch.func.functional_call(twin, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, (x, *(p.detach().clone().requires_grad_() for p in layer.parameters())))
    layer(x)
    layer.eval()
    assert torch.autograd.gradcheck(layer, (x,))


@EVERY
def test_normalizes_over_the_axes_it_names(norm: Norm) -> None:
    layer = layer_of(norm).train()
    x = input_of(norm)
    place = (0, 0, 0, 0)
    moved = x.clone()
    moved[place] += 2.5
    before, after = copy.deepcopy(layer)(x), copy.deepcopy(layer)(moved)
    changed = (before - after).abs().detach() > 1e-9
    if norm.features_last:
        changed = changed.movedim(-1, 1)
    whole = {"channels", "features"} & set(norm.axes)
    assert bool(changed[1].any()) == ("batch" in norm.axes)
    assert bool(changed[0, 1].any()) == bool(whole or "group" in norm.axes)
    assert bool(changed[0, 3].any()) == bool(whole)
    assert bool(changed[0, 0, 1:].any()) == ("positions" in norm.axes)


@EVERY
def test_scale_of_the_input_is_lost_exactly_when_it_says_so(norm: Norm) -> None:
    x = input_of(norm) * (1e4 if norm.scale_free else 1)  # where it is lost, eps must be nothing beside it
    y, scaled = copy.deepcopy(layer_of(norm))(x), copy.deepcopy(layer_of(norm))(3 * x)
    # eps 1e-5 beside a variance of 1e8 and above
    assert torch.allclose(y, scaled, rtol=1e-9, atol=1e-9) == norm.scale_free


@EVERY
def test_train_and_eval_mode(norm: Norm) -> None:
    layer, x = layer_of(norm), input_of(norm)
    with torch.no_grad():
        trained = copy.deepcopy(layer).train()(x)
    state = copy.deepcopy(layer.state_dict())
    evaluated = layer.eval()(x)
    assert torch.equal(trained, evaluated) != norm.two_modes
    for name, value in layer.state_dict().items():
        assert torch.equal(value, state[name]), "eval mode learns nothing"


@EVERY
def test_state_round_trip_and_resume(norm: Norm) -> None:
    straight, first = layer_of(norm), layer_of(norm)
    straight(input_of(norm, seed=1)), first(input_of(norm, seed=1))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = norm.build(CHANNELS).double()
    second.load_state_dict(torch.load(file, weights_only=True))
    x = input_of(norm, seed=2)
    assert torch.equal(straight(x), second(x))
    assert torch.equal(straight.eval()(x), second.eval()(x))


@EVERY
def test_a_nonfinite_batch_leaves_no_trace_in_buffers(norm: Norm) -> None:
    layer, x = layer_of(norm), input_of(norm)
    layer(x)
    state = copy.deepcopy(layer.state_dict())
    for bad in (float("nan"), float("inf")):
        poisoned = x.clone()
        poisoned[2, 1, 1, 1] = bad
        layer(poisoned)
    for name, value in layer.state_dict().items():
        assert torch.equal(value, state[name]), name


@EVERY
def test_half_precision_in_half_precision_out(norm: Norm) -> None:
    layer, x = norm.build(CHANNELS), input_of(norm).float()
    y = layer(x)
    low = copy.deepcopy(norm.build(CHANNELS))
    with torch.autocast("cpu", torch.bfloat16):
        z = low(x.bfloat16())
    # the input's rounding, 2⁻⁹ relative, on values up to 5 and normalized by σ ≥ 0.7; whitening mixes channels
    assert z.isfinite().all() and (z.float() - y).abs().max() < 0.15


@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm.folds], ids=lambda norm: norm.name)
def test_folded_is_unfolded(norm: Norm) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, CHANNELS, 2), layer_of(norm)).double()
    for seed in range(3):
        net(torch.randn(8, 3, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1)
    x = torch.randn(8, 3, 4, 3, dtype=torch.float64)
    folding = fold(net, x)
    assert folding.folded == (("1", "0", "before"),) and type(folding.model[1]) is torch.nn.Identity
    torch.testing.assert_close(folding.model(x), net.eval()(x), rtol=1e-10, atol=1e-10)


@EVERY
def test_docstring_says_formula(norm: Norm) -> None:
    assert type(norm.build(CHANNELS)).__doc__


@EVERY
@pytest.mark.slow
def test_compiles(norm: Norm) -> None:
    layer, twin, x = norm.build(CHANNELS), norm.build(CHANNELS), input_of(norm).float()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), twin(x), rtol=1e-4, atol=1e-5)
    for name, value in twin.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@EVERY
@pytest.mark.slow
def test_exports_with_a_batch_of_any_size(norm: Norm) -> None:
    layer, x = norm.build(CHANNELS), input_of(norm).float()
    layer(x)
    exported = torch.export.export(layer.eval(), (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},)).module()
    for batch in (x, x[:5]):
        torch.testing.assert_close(exported(batch), layer(batch), rtol=1e-5, atol=1e-5)
    torch.export.export(norm.build(CHANNELS), (x,))  # train mode too: no branch depends on data


@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm.name != "probability"], ids=lambda norm: norm.name)  # searchsorted has no ONNX
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_runs_as_onnx(norm: Norm, tmp_path) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    layer, x = norm.build(CHANNELS), input_of(norm).float()
    layer(x)
    torch.onnx.export(layer.eval(), (x,), dynamo=True, verbose=False).save(tmp_path / "norm.onnx")
    session = runtime.InferenceSession(tmp_path / "norm.onnx")
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(got, layer(x).detach().numpy(), rtol=1e-5, atol=1e-5)
