"""What every norm of the catalogue must refuse, with an error that says what to do; never silent zeros or signs."""

import copy
import inspect

import pytest
import torch

from steadygrad.errors import InputError, ModelError
from steadygrad.normalization import NORMS, Norm, audit, calibrate, fold

EVERY = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.name)
CHANNELS = 4
BAD = {"eps": (0, 0.0, -1e-5, float("nan"), float("inf"), None, True), "momentum": (-0.1, 1.5, float("nan"), "0.1")}


def ones(norm: Norm, channels: int = CHANNELS, batch: int = 3, positions: int = 2) -> torch.Tensor:
    """(N, C, L), or (N, L, C) where features are last."""
    x = torch.ones(batch, channels, positions)
    return x.movedim(1, -1).contiguous() if norm.features_last else x


def takes(norm: Norm, name: str) -> bool:
    return name in inspect.signature(type(norm.build(CHANNELS))).parameters


@EVERY
@pytest.mark.parametrize("setting", BAD)
def test_settings_out_of_range(norm: Norm, setting: str) -> None:
    for bad in BAD[setting] if takes(norm, setting) else ():
        with pytest.raises(InputError, match=rf"`{setting}` must .*got {bad!r}; {setting}="):
            norm.build(CHANNELS, **{setting: bad})
    assert takes(norm, setting) or setting == "momentum" or norm.axes == ("none",) or norm.name == "probability", "a norm with a quotient has an eps"
    assert takes(norm, setting) or setting == "eps" or not norm.two_modes, "a norm with running statistics has a momentum"


@EVERY
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_inputs_that_are_not_floating(norm: Norm, dtype: torch.dtype) -> None:
    layer = norm.build(CHANNELS)
    for mode in (True, False):
        with pytest.raises(InputError, match=rf"must be a floating tensor, got {dtype}; call x.float\(\) first"):
            layer.train(mode)(ones(norm).to(dtype))


@EVERY
@pytest.mark.parametrize("channels", [1, CHANNELS + 2])
def test_another_number_of_channels(norm: Norm, channels: int) -> None:
    """One channel would broadcast without a word."""
    if norm.name == "scale":  # one scalar for any number of features
        return
    layer = norm.build(CHANNELS)
    for mode in (True, False):
        with pytest.raises(InputError, match=rf"must (hold {CHANNELS} channels|be \({CHANNELS},\)), got shape \(3, "):
            layer.train(mode)(ones(norm, channels))


@EVERY
def test_one_value_per_statistic_in_train_mode(norm: Norm) -> None:
    """A batch of one, one position, one channel in a group, one feature: the variance of one value is 0."""
    if norm.axes == ("none",):
        return
    across = "batch" in norm.axes
    channels = CHANNELS if across else 2 if "group" in norm.axes else 1
    x = ones(norm, channels, batch=1 if across else 3, positions=3 if norm.features_last else 1)
    layer = norm.build(channels)
    state = copy.deepcopy(layer.state_dict())
    with pytest.raises(InputError, match=r"needs more than 1 value per statistic, got 1 \(input shape .*\); (a batch of one|use|with|normalize|raise|the variance|x/\|x\|)"):
        layer(x)
    assert all(torch.equal(value, state[name]) for name, value in layer.state_dict().items()), "bad input changes nothing"
    if across and not norm.positions:
        assert layer.eval()(x).isfinite().all(), "one sample may be predicted"


@pytest.mark.parametrize("norm", [norm for norm in NORMS if "group" in norm.axes], ids=lambda norm: norm.name)
def test_groups_that_do_not_divide(norm: Norm) -> None:
    with pytest.raises(InputError, match=r"groups must divide the channels, got 2 groups and 5 channels; one of \[1, 5\] would do"):
        norm.build(5)


@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm.folds], ids=lambda norm: norm.name)
def test_statistics_never_collected(norm: Norm) -> None:
    """Eval mode is then γ·x + β, as torch's; every tool that needs statistics says so, and `calibrate` heals it."""
    net, x = torch.nn.Sequential(torch.nn.Conv1d(3, CHANNELS, 2), norm.build(CHANNELS)), torch.randn(8, 3, 6)
    with pytest.raises(ModelError, match=r"fold: `1` never collected statistics .*calibrate first"):
        fold(net, x)
    assert "never updated" in audit(net, [x])[0].notes[0] and "calibrate(model, batches)" in audit(net, [x])[0].notes[0]
    calibrate(net, [x])
    assert fold(net, x).folded and not any("never" in note for note in audit(net, [x])[0].notes)
