"""The trace sees every op with its parameters' uses, whatever way they are written."""

from dataclasses import dataclass

import pytest
import torch
import torch.utils.checkpoint
from torch import nn

from steadygrad.door import check
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import trace


def traced(forward, *inputs: torch.Tensor, **parameters: torch.Tensor) -> SignalGraph:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, value in parameters.items():
                setattr(self, name, value if isinstance(value, nn.Module) else nn.Parameter(value))

        def forward(self, *args):
            return forward(self, *args)

    return trace(Model(), tuple(inputs)).graph


def only(graph: SignalGraph, op: str) -> Node:
    (node,) = [n for n in graph.nodes if n.op == op]
    return node


X = torch.randn(5, 8)


@pytest.mark.parametrize(
    ("forward", "shape", "fans"),
    [
        (lambda m, x: nn.functional.linear(x, m.w), (3, 8), (8.0, 3.0)),
        (lambda m, x: x @ m.w, (8, 3), (8.0, 3.0)),
        (lambda m, x: (m.w @ x.T).T, (3, 8), (8.0, 3.0)),
        (lambda m, x: torch.einsum("bi,oi->bo", x, m.w), (3, 8), (8.0, 3.0)),
        (lambda m, x: torch.matmul(x, m.w.t()), (3, 8), (8.0, 3.0)),
        (lambda m, x: torch.addmm(torch.zeros(3), x, m.w), (8, 3), (8.0, 3.0)),
    ],
)
def test_one_matrix_in_six_spellings(forward, shape: tuple[int, int], fans: tuple[float, float]) -> None:
    graph = traced(forward, X, w=torch.randn(shape))
    (use,) = [u for n in graph.nodes if n.kind == "affine" for u in n.uses]
    assert (use.parameters, use.role, (use.fans.fan_in, use.fans.fan_out)) == (("w",), "weight", fans)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=4), (2, 8, 16, 16)),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), (2, 8, 16, 16)),
        (nn.ConvTranspose2d(8, 12, 4, stride=2, groups=2), (2, 8, 16, 16)),
        (nn.ConvTranspose1d(6, 4, 5, stride=3), (2, 6, 40)),
        (nn.Conv3d(4, 6, 2), (1, 4, 6, 6, 6)),
    ],
)
def test_fans_of_convolutions_count_real_products(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """With all-one weights and inputs an inner output is the number of products (fan_in); gradients count fan_out."""
    graph = trace(layer, torch.randn(shape)).graph
    (use,) = [u for n in graph.nodes for u in n.uses if u.role == "weight"]
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    x = torch.ones(shape, requires_grad=True)
    y = layer(x)
    (g,) = torch.autograd.grad(y.sum(), x)
    inner = tuple(slice(s // 4, -(s // 4)) for s in y.shape[2:])
    inner_x = tuple(slice(s // 4, -(s // 4)) for s in x.shape[2:])
    period = layer.stride[0]
    crop = tuple(slice(s.start, s.start + (y.shape[2 + i] // 2) // period * period) for i, s in enumerate(inner))
    assert float(y[(slice(None), slice(None), *crop)].detach().mean()) == pytest.approx(use.fans.fan_in, rel=0.02)
    crop_x = tuple(slice(s.start, s.start + max((x.shape[2 + i] // 2) // period * period, 1)) for i, s in enumerate(inner_x))
    assert float(g[(slice(None), slice(None), *crop_x)].mean()) == pytest.approx(use.fans.fan_out, rel=0.02)


def test_arithmetic_with_parameters_is_scale_shift_and_join() -> None:
    graph = traced(lambda m, x: (x * m.g + m.b) + x, X, g=torch.ones(8), b=torch.zeros(8))
    assert [n.kind for n in graph.nodes[1:]] == ["scale", "shift", "join"]
    assert graph.nodes[-1].inputs == (2, 0)


def test_in_place_ops_and_views_keep_the_thread() -> None:
    def forward(m, x):
        y = nn.functional.linear(x, m.w)
        y[:, :2].relu_()
        y += 1.0
        return y.view(-1)

    graph = traced(forward, X, w=torch.randn(4, 8))
    assert [n.op for n in graph.nodes] == ["input", "linear", "getitem", "relu", "add", "view"]
    assert graph.nodes[4].inputs == (3,) and graph.nodes[4].in_place


def test_modules_called_many_times_and_tied_weights() -> None:
    def forward(m, x):
        for _ in range(3):
            x = m.layer(x)
        return nn.functional.linear(x, m.layer.weight.t())

    graph = traced(forward, X, layer=nn.Linear(8, 8))
    assert [(n.where, n.call) for n in graph.nodes if n.op == "linear"][:3] == [("layer", 0), ("layer", 1), ("layer", 2)]
    assert len(list(graph.uses_of("layer.weight"))) == 4
    assert next(u for n, u in graph.uses_of("layer.weight") if n.index == graph.nodes[-1].index).derived


def test_parametrized_weights_name_what_they_come_from() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(8, 3))
    (use,) = [u for n in trace(layer, X).graph.nodes for u in n.uses if u.role == "weight"]
    assert use.derived and len(use.parameters) == 2 and use.fans.fan_in == 8.0


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(cell: type[nn.Module]) -> None:
    graph = trace(cell(8, 6, num_layers=2, bidirectional=True), torch.randn(4, 3, 8)).graph
    roles = [u.role for n in graph.nodes for u in n.uses]
    assert (roles.count("recurrent"), roles.count("weight"), roles.count("bias")) == (4, 4, 8)
    assert {u.fans.fan_in for n in graph.nodes for u in n.uses if u.role == "recurrent"} == {6.0}


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_blocks_are_seen_as_if_they_were_not(reentrant: bool) -> None:
    class Model(nn.Module):
        def __init__(self, checkpointed: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.stem, self.block, self.head = nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.3)), nn.Linear(8, 2)
            self.checkpointed = checkpointed

        def forward(self, x):
            h = self.stem(x)
            return self.head(torch.utils.checkpoint.checkpoint(self.block, h, use_reentrant=reentrant) if self.checkpointed else self.block(h))

    x, y = torch.randn(16, 8), torch.arange(16) % 2
    function = torch.utils.checkpoint.CheckpointFunction
    reports = []
    for model in (Model(True), Model(False)):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        reports.append(check(model, x, y, nn.functional.cross_entropy, optimizer=optimizer, depth="full"))
    assert reports[0].layers == reports[1].layers and reports[0].not_seen == reports[1].not_seen
    assert set(reports[0].full) == {"curvature", "jacobian", "mode-gap", "rehearsal"}
    assert [r.where for r in reports[0].layers if r.op == "linear" and r.gradient_q] == ["stem", "block.0", "head"]
    assert torch.utils.checkpoint.CheckpointFunction is function


def test_a_checkpoint_function_called_by_itself_still_gives_gradients_to_parameters() -> None:
    apply = torch.utils.checkpoint.CheckpointFunction.apply

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.block, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.head(apply(self.block, True, self.stem(x)))

    report = check(Model(), torch.randn(16, 8))
    assert [r.where for r in report.layers if r.op == "linear" and r.gradient_q] == ["stem", "block", "head"]
    assert report.ok and not any("gradient" in f.slug for f in report.findings)


def test_outputs_of_any_shape() -> None:
    @dataclass
    class Out:
        logits: torch.Tensor
        extra: dict

    graph = traced(lambda m, x: Out(x @ m.w, {"aux": [x.sum(), None, "text"]}), X, w=torch.randn(8, 2))
    assert [graph.nodes[i].op for i in graph.outputs] == ["matmul", "sum"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex64])
def test_other_dtypes(dtype: torch.dtype) -> None:
    layer = nn.Linear(8, 4, dtype=dtype)
    report = check(layer, torch.randn(6, 8, dtype=dtype))
    assert report.layers[0].dtype == str(dtype).removeprefix("torch.") and report.layers[0].gradient_q > 0.0


def test_embeddings_attention_and_masks() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.attention, self.head = nn.Embedding(11, 16), nn.MultiheadAttention(16, 4, batch_first=True), nn.Linear(16, 11)

        def forward(self, ids):
            x = self.table(ids)
            scores = (x @ x.transpose(1, 2)).masked_fill(torch.ones(6, 6).triu(1).bool(), float("-inf")).softmax(-1)
            y, _ = self.attention(x, x, x, need_weights=False)
            return self.head(scores @ x + y)

    report = check(Model(), torch.randint(0, 11, (4, 6)))
    ops = [r.op for r in report.layers]
    assert report.ok and {"embedding", "attention", "softmax"} <= set(ops) and not report.not_seen


def test_scripted_modules_fall_back_and_say_so() -> None:
    inner = torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
    report = check(nn.Sequential(inner, nn.Linear(8, 2)), X)
    assert any("TorchScript" in line for line in report.not_seen)
    assert report.layers[0].kind == "opaque"


def test_custom_functions_become_opaque_nodes() -> None:
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.from_numpy(x.detach().numpy() * 2.0)

        @staticmethod
        def backward(ctx, g):
            return g * 2.0

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.last(Wrapped()(self.first(x)))

    class Wrapped(nn.Module):
        def forward(self, x):
            return Odd.apply(x)

    report = check(Model(), X)
    assert [r.op for r in report.layers] == ["linear", "Wrapped", "linear"]
    assert report.layers[0].gradient_q > 0.0


def test_lazy_modules_stay_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))
    assert check(model, X).parameter_count == 8 * 16 + 16 + 16 * 2 + 2
    assert isinstance(model[0].weight, nn.UninitializedParameter)


def test_signals_equal_what_the_model_computes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    x, y = X.double(), torch.randn(5, 2, dtype=torch.float64)
    report = check(model, x, y, nn.functional.mse_loss)
    hidden = model[0](x).detach().requires_grad_(True)
    loss = nn.functional.mse_loss(model[2](model[1](hidden)), y)
    (gradient,) = torch.autograd.grad(loss, hidden)
    row = report.layers[0]
    assert row.q == pytest.approx(float(hidden.detach().square().mean()), rel=1e-12)
    assert row.gradient_q == pytest.approx(float(gradient.square().mean()), rel=1e-12)


def test_compiled_models_run_uncompiled_and_say_so() -> None:
    model = torch.compile(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)))
    report = check(model, X)
    assert [r.where for r in report.layers] == ["0", "1", "2"]
    assert any("compiled model" in line for line in report.not_seen)


def test_stacked_experts_in_groups_are_weights_with_fans_of_one_matrix() -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = nn.Parameter(torch.randn(4, 24, 16)), nn.Parameter(torch.randn(4, 24, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            ends = torch.tensor([8, 16, 24, 32], dtype=torch.int32)
            x = nn.functional.grouped_mm(x.bfloat16(), self.up.bfloat16().transpose(1, 2), offs=ends)
            return nn.functional.grouped_mm(x, self.down.bfloat16(), offs=ends).float()

    found = {use.parameters[0]: (node.op, use.fans.fan_in, use.fans.fan_out) for node in trace(Experts(), torch.randn(32, 16)).graph.nodes for use in node.uses}
    assert found == {"up": ("grouped_mm", 16.0, 24.0), "down": ("grouped_mm", 24.0, 8.0)}


def test_a_tensor_that_only_lends_its_dtype_or_shape_is_not_read() -> None:
    """`norm(x).type_as(x)` reads norm(x) alone: a gradient past the norm would be made up."""

    class Like(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.relu(x)
            return torch.tanh(y).type_as(y) + torch.sigmoid(y[:, :1]).expand_as(y)

    graph = trace(Like(), torch.randn(2, 3)).graph
    for op, made in (("type_as", "tanh"), ("expand_as", "sigmoid")):
        node = next(n for n in graph.nodes if n.op == op)
        assert [graph.nodes[i].op for i in node.inputs] == [made]
