"""Values read again on a known graph are those of the trace, bit for bit; departures are noticed."""

import pytest
import torch
from torch import nn

from steadygrad.graph.trace import trace
from steadygrad.graph.wrappers import parameter_records
from steadygrad.probes import statistics
from steadygrad.probes.meter import Meter
from steadygrad.probes.values import Values


class Square(torch.autograd.Function):
    """Gets its gradient function only after its inside has run."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.second(Square.apply(self.first(x)).relu_())


class Branches(nn.Module):
    """Does one op more for large inputs."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x):
        y = self.layer(x)
        return y.tanh() if float(x.detach().abs().max()) > 100 else y


def models():
    torch.manual_seed(0)
    conv = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    return [
        (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), torch.randn(7, 6)),
        (conv, torch.randn(3, 2, 6, 6)),
        (block, torch.randn(4, 5, 8)),
        (nn.LSTM(6, 4), torch.randn(5, 3, 6)),
        (Custom(), torch.randn(7, 6)),
    ]


def loss_of(outputs):
    return (outputs[0] if isinstance(outputs, tuple) else outputs).square().mean()


def step(model, x, values):
    torch.manual_seed(1)
    with values.forward():
        loss = loss_of(model(x))
    torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)


@pytest.mark.parametrize("case", range(5))
@pytest.mark.parametrize("detail", ["moments", "full"])
def test_they_are_those_of_the_trace(case, detail):
    model, x = models()[case]
    meter, records = Meter(detail, len(x)), parameter_records(model)
    torch.manual_seed(1)
    traced = trace(model, x, None, loss_of, meter, records)
    parameters = dict(model.named_parameters())
    gradients = dict(zip(parameters, torch.autograd.grad(traced.loss, list(parameters.values()), allow_unused=True), strict=True))
    expected = meter.signals, meter.gradients.found
    with Values(traced, meter, parameters, detail=detail) as values:
        for _ in range(2):
            step(model, x, values)
            assert not values.departed and not values.unseen
            for ours, theirs in zip((values.signals, values.gradients), expected, strict=True):
                assert {k: raw.reading().to_dict() for k, raw in ours.items()} == {k: raw.reading().to_dict() for k, raw in theirs.items()}
            assert {k: raw.reading().moments for k, raw in values.parameters.items()} == {k: statistics.moments(p) for k, p in parameters.items()}
            found = {k: raw.reading().moments for k, raw in values.parameter_gradients.items()}
            assert found == {k: statistics.moments(g) for k, g in gradients.items() if g is not None}
    assert not any(parameter._backward_hooks for parameter in parameters.values())


def test_rows_of_weights_are_read_along_their_units():
    model = nn.Sequential(nn.Linear(3, 4, bias=False))
    with torch.no_grad():
        model[0].weight[2] = model[0].weight[0]
    x, meter = torch.randn(5, 3), Meter()
    values = Values(trace(model, x, observer=meter), meter, dict(model.named_parameters()), detail="units")
    with values.forward():
        model(x)
    reading = values.parameters["0.weight"].reading()
    assert reading.rows.duplicate_groups == ((0, 2),) and (reading.rows.rows, reading.rows.size) == (4, 3)
    assert reading.units is None and reading.samples is None  # rows say what is asked of weights, at a third of the memory


def test_parameters_nobody_used_are_read_too():
    model, x, meter = nn.Linear(3, 2), torch.ones(4, 3), Meter()
    model.spare = nn.Parameter(torch.full((5,), 2.0))
    with Values(trace(model, x, observer=meter), meter, dict(model.named_parameters())) as values:
        with values.forward():
            loss = model(x).sum()
        loss.backward()
        loss = None
        assert values.parameters["spare"].reading().moments.sum == 10.0
        assert values.parameter_gradients.keys() == {"weight", "bias"}
        with values.forward():
            loss = model(x).sum()
        loss.backward()  # `.grad` holds both by now
    assert values.parameter_gradients["bias"].reading().moments.sum == 8.0 and float(model.bias.grad.sum()) == 16.0


def test_a_model_that_does_something_else_is_not_read_on():
    model, x, meter = Branches(), torch.randn(4, 6), Meter()
    values = Values(trace(model, x, None, loss_of, meter), meter, dict(model.named_parameters()))
    step(model, 1000 * x, values)
    assert values.departed.endswith("is `tanh`") and len(values.signals) < len(meter.signals)
    step(model, x, values)
    assert values.departed == "" and values.signals.keys() == meter.signals.keys()
    with values.forward():
        model(x)
    assert values.departed == "fewer ops ran"


def test_what_no_function_is_seen_to_make_is_named():
    model = nn.Sequential(nn.Linear(3, 3), torch.jit.trace(nn.Tanh(), torch.randn(2, 3)))
    meter = Meter()
    traced = trace(model, torch.randn(4, 3), observer=meter)
    values = Values(traced, meter, dict(model.named_parameters()))
    assert [traced.graph.nodes[index].kind for index in values.unseen] == ["opaque"]
