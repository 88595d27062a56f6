"""Replacing norms with what they learned, and looking at what they have seen."""

import copy

import pytest
import torch
from torch import nn

from steadygrad.errors import InputError, ModelError
from steadygrad.normalization import BatchNorm, GroupNorm, SyncBatchNorm, audit, calibrate, freeze, replace


def network() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6, eps=1e-3, momentum=0.3), nn.ReLU(), nn.Flatten(), nn.Linear(54, 5), nn.BatchNorm1d(5, affine=False))
    for _ in range(3):
        net(torch.randn(8, 2, 5, 5))
    with torch.no_grad():
        net[1].weight.uniform_(0.5, 2)
    return net


@pytest.mark.parametrize("name", ["batch", "sync-batch", "ghost-batch", "batch-renorm"])
def test_replaced_by_ours_eval_mode_is_the_same_and_back(name: str) -> None:
    net, x = network().eval(), torch.randn(4, 2, 5, 5)
    expected, state = net(x), copy.deepcopy(net.state_dict())
    net[1].weight.requires_grad_(False)
    assert replace(net, name) == ["1", "5"]
    assert isinstance(net[1], BatchNorm) and not net.training and not net[1].training and not net[1].weight.requires_grad
    assert net[1].eps == 1e-3 and net[1].momentum == 0.3
    torch.testing.assert_close(net(x), expected, rtol=1e-6, atol=1e-6)
    replace(net, "torch-2d", only=["1"])
    assert type(net[1]) is nn.BatchNorm2d
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in state.items() if name.startswith("1."))


def test_to_groups_carries_gamma_and_beta() -> None:
    net = network()
    weight = net[1].weight.detach().clone()
    replace(net, "group", only=["1"])
    assert isinstance(net[1], GroupNorm) and net[1].num_groups == 3 and torch.equal(net[1].weight, weight)
    assert isinstance(net[5], nn.BatchNorm1d)


class NormAct(nn.BatchNorm2d):
    """A norm that contains its activation, as timm's do."""

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.drop, self.act = nn.Identity(), nn.Hardtanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.drop(super().forward(x)))


@pytest.mark.parametrize("training", [True, False])
def test_a_norms_own_activation_stays(training: bool) -> None:
    net, x = nn.Sequential(nn.Conv2d(2, 6, 3), NormAct(6)), torch.randn(4, 2, 5, 5) * 3
    net(x)
    expected = copy.deepcopy(net).train(training)(x)
    replace(net.train(training), "batch")
    assert [name for name, _ in net[1].named_children()] == ["norm", "drop", "act"] and net[1].training == training
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-6)
    assert replace(net, "torch-2d") == ["1.norm"] and type(net[1].norm) is nn.BatchNorm2d


@pytest.mark.zoo
@pytest.mark.parametrize("name", ["mobilenetv2_035", "efficientnet_b0"])
def test_zoo_architectures_are_replaced_without_a_change(name: str) -> None:
    timm = pytest.importorskip("timm")
    net, x = timm.create_model(name, num_classes=10), torch.randn(4, 3, 64, 64)
    calibrate(net, [x])
    expected = net.eval()(x)
    replace(net, "batch")
    torch.testing.assert_close(net(x), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_shared_norms_stay_shared() -> None:
    norm = nn.BatchNorm1d(3)
    net = nn.Sequential(norm, nn.Sequential(norm))
    replace(net, SyncBatchNorm)
    assert type(net[0]) is SyncBatchNorm and net[1][0] is net[0]


def test_nothing_changes_on_error() -> None:
    net = network()
    with pytest.raises(InputError, match="groups must divide the channels, got 6 groups and 5 channels"):
        replace(net, lambda c: GroupNorm(6, c))
    assert type(net[1]) is nn.BatchNorm2d
    with pytest.raises(InputError, match="`norm` must be one of batch, .*got 'layer'"):
        replace(net, "layer")
    with pytest.raises(InputError, match=r"`0` cannot be replaced, got only=\['0'\]; there are '1', '5'"):
        replace(net, "group", only=["0"])
    with pytest.raises(ModelError, match="replace: the model has no batch norm"):
        replace(nn.Linear(2, 2), "group")


def test_audit_of_a_calibrated_model_says_nothing_and_leaves_no_trace() -> None:
    net, parts = network(), [torch.randn(40, 2, 5, 5) for _ in range(3)]
    calibrate(net, parts)
    state = copy.deepcopy(net.state_dict())
    rows = audit(net, parts)
    assert [r.path for r in rows] == ["1", "5"] and all(r.notes == () for r in rows)
    assert rows[0].values == 360 and rows[1].values == 40 and rows[1].noise == pytest.approx((2 / 39) ** 0.5)
    assert rows[0].mean_drift < 1e-5 and rows[0].var_drift < 1e-5 and rows[0].updates == 3
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
    assert net.training and not any(m._forward_pre_hooks for m in net)


def test_audit_finds_each_defect() -> None:
    x = torch.randn(40, 2, 5, 5)
    net = network()
    calibrate(net, [x])
    with torch.no_grad():
        sigma = net[1].running_var.sqrt()
        net[1].running_mean[2] += 2 * sigma[2]
        net[1].running_var[1] *= 5
        net[1].weight[3] = 0
    net[5].reset_running_stats()
    first, last = audit(net, [x[:20], x[20:]])
    assert first.mean_drift == pytest.approx(2, rel=0.01) and first.var_drift == pytest.approx(1.609, rel=0.01) and first.dead == 1
    assert "2 σ off the population's" in first.notes[0] and "factor of 4.99" in first.notes[1] and "1 channels have γ ≈ 0" in first.notes[2]
    assert last.updates == 0 and "never updated" in last.notes[0] and "20 values per channel" in last.notes[-1] and "±32%" in last.notes[-1]


def test_audit_of_half_range_frozen_and_unreached() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3))
    net.idle = nn.BatchNorm1d(2)
    net.forward = lambda x: net[0](x)
    net[0].running_var.copy_(torch.tensor([1e6, 1e-6, 1.0]))
    freeze(net, only=["0"])
    row, idle = audit(net, [torch.randn(5, 3)])
    assert row.frozen and row.half_range == 2 and any("float16" in note for note in row.notes)
    assert not any("values per channel" in note for note in row.notes)
    assert idle.values == 0 and "not reached by these batches" in idle.notes[-1]
    with pytest.raises(InputError, match="audit: needs at least one batch, got 0"):
        audit(net, [])
    with pytest.raises(ModelError, match="audit: the input of `0` is not finite"):
        audit(net, [torch.full((5, 3), torch.nan)])
    with pytest.raises(InputError, match="audit: the forward raised .* a list of 2"):
        audit(net, [[torch.randn(5, 3), torch.zeros(5)]])
    assert audit(net, [[torch.randn(5, 3), torch.zeros(5)]], inputs=lambda batch: batch[0])[0].values == 5
