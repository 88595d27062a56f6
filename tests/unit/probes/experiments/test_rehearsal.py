"""Twenty steps against the same twenty taken by hand; both modes against both modes by hand."""

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.fingerprint import fingerprint
from steadygrad.pipeline import observe
from steadygrad.rules.specimens import batch, classification, mlp


def by_hand(case: Case, steps: int = 20) -> tuple[list[float], float]:
    losses, promised = [], 0.0
    for step in range(steps + 1):
        torch.manual_seed(0)
        loss = case.loss_fn(case.model(case.inputs), case.targets)
        losses.append(float(loss.detach()))
        if step == steps:
            break
        case.optimizer.zero_grad()
        loss.backward()
        before = [p.detach().clone() for p in case.model.parameters()]
        case.optimizer.step()
        promised += sum(float(((p.detach() - b).double() * p.grad).sum()) for p, b in zip(case.model.parameters(), before, strict=True))
    return losses, promised


def with_everything() -> Case:
    net = mlp(16, 32, 32, 4)
    net = nn.Sequential(net[0], nn.BatchNorm1d(32), net[1], nn.Dropout(0.2), *net[2:])
    return classification(net, optimizer=torch.optim.AdamW(net.parameters(), lr=1e-2))


def test_the_rehearsal_is_the_training() -> None:
    case = with_everything()
    before = fingerprint(case.model, case.optimizer, (case.inputs, case.targets))
    found = observe(case, depth="full").experiments["rehearsal"]
    assert fingerprint(case.model, case.optimizer, (case.inputs, case.targets)) == before
    losses, promised = by_hand(case)
    assert list(found.losses) == losses
    assert found.promised == pytest.approx(promised, rel=1e-6)  # float32 products summed in another order
    assert found.end == sorted(losses[-5:])[2] and found.kept == pytest.approx((losses[0] - found.end) / -promised, rel=1e-6)


def test_training_after_a_full_check_is_the_training_without_one() -> None:
    plain, checked = with_everything(), with_everything()
    torch.manual_seed(7)
    expected = by_hand(plain)
    observe(checked, depth="full")
    torch.manual_seed(7)
    observe(checked, depth="full")
    assert by_hand(checked) == expected
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, checked.model.state_dict()[name]), name


def test_a_divergent_rehearsal_ends_where_it_stops_being_a_number() -> None:
    net = nn.Linear(16, 1)
    case = Case(net, batch(64, 16), batch(64, 1, seed=2) * 1e10, nn.functional.mse_loss, torch.optim.SGD(net.parameters(), lr=1e10))
    found = observe(case, depth="full").experiments["rehearsal"]
    assert not found.finite and len(found.losses) < 21


def test_both_modes_are_both_modes() -> None:
    case = with_everything()
    for _ in range(3):
        case.model(3.0 * case.inputs + 1.0)  # running statistics of other data
    found = observe(case, depth="full").experiments["mode-gap"]
    norm, x = case.model[1], case.model[0](case.inputs).detach()
    train, evaluated = nn.functional.batch_norm(x, None, None, training=True), nn.functional.batch_norm(x, norm.running_mean, norm.running_var)
    (gap,) = found.norms
    assert gap.where == "1" and gap.settled == pytest.approx(1 - 0.9**3)
    # the two outputs' rms difference per channel, over the smaller spread, is the distance the record speaks of
    distance = (train - evaluated).square().mean(0).sqrt() / evaluated.std(0, correction=0).clamp_max(1.0)
    assert gap.distance == pytest.approx(float(distance.median()), rel=1e-4)
    torch.manual_seed(0)
    with torch.no_grad():
        first = case.model.train()(case.inputs)
        loss = case.loss_fn(first, case.targets)
    assert found.train_loss == pytest.approx(float(loss), rel=1e-6)
    assert found.dropouts == ("3",)


def test_eval_mode_sees_the_statistics_the_model_came_with() -> None:
    case = with_everything()
    case.model(case.inputs)
    with torch.no_grad():
        evaluated = case.model.eval()(case.inputs)
        loss = float(case.loss_fn(evaluated, case.targets))
        case.model.train()
        torch.manual_seed(0)
        state = {k: v.clone() for k, v in case.model.state_dict().items()}
        train = case.model(case.inputs)
        case.model.load_state_dict(state)
    found = observe(case, depth="full").experiments["mode-gap"]
    assert found.eval_loss == pytest.approx(loss, rel=1e-6)
    assert found.difference == pytest.approx(float((train - evaluated).norm() / train.norm()), rel=1e-5)
