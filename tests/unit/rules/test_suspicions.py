"""A suspicion gives an alarm its name, and raises none."""

import torch
from torch import nn

from steadygrad import check
from steadygrad.rules.catalog import RULES
from steadygrad.rules.finding import Finding
from steadygrad.rules.judge import judge
from steadygrad.rules.selection import selected
from steadygrad.rules.specimens import classification, mlp

BY_SLUG = {rule.slug: rule for rule in selected(RULES, (), (), {})}


def finding(slug: str, severity: str = "warning", **more: object) -> Finding:
    return Finding(BY_SLUG[slug].code, slug, severity, "0", slug, **more)  # type: ignore[arg-type]


def test_alone_it_is_forgotten() -> None:
    assert judge([finding("weight-scale", suspicion=True)], BY_SLUG) == ()


def test_it_takes_the_place_and_the_severity_of_what_it_explains() -> None:
    (cause,) = judge([finding("lr-too-high", "error"), finding("weight-scale", suspicion=True)], BY_SLUG)
    assert (cause.slug, cause.severity, [s.slug for s in cause.symptoms]) == ("weight-scale", "error", ["lr-too-high"])


def test_it_explains_no_more_than_it_says() -> None:
    found = judge([finding("lr-too-high", "error"), finding("weight-scale", suspicion=True, explains=("saturation",))], BY_SLUG)
    assert [f.slug for f in found] == ["lr-too-high"]


def test_a_surer_cause_comes_first_although_it_stands_lower() -> None:
    found = judge([finding("loss-at-start"), finding("weight-scale", suspicion=True), finding("input-scale")], BY_SLUG)
    assert [(f.slug, [s.slug for s in f.symptoms]) for f in found] == [("input-scale", ["loss-at-start"])]


def test_two_suspicions_do_not_keep_each_other() -> None:
    pair = [finding("weight-scale", suspicion=True), finding("saturation", suspicion=True)]
    assert judge(pair, BY_SLUG) == ()


def test_weights_four_times_too_large_are_named_before_the_rate_that_they_make_too_high() -> None:
    net = mlp(16, 64, 64, 4)
    healthy = classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.05))
    assert check(healthy).cause is None
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(4.0)
    cause = check(healthy).cause or check(healthy).findings[0]
    assert (cause.slug, cause.where) == ("weight-scale", "0")


def test_the_layer_named_is_the_one_that_is_off_and_not_the_first_of_its_chain() -> None:
    net = mlp(16, *[64] * 6, 4)
    with torch.no_grad():
        net[0].weight.mul_(0.8)
        net[6].weight.mul_(1e-4)
    assert check(classification(net)).findings[0].where == "6"


def test_a_product_that_no_float_holds_is_written_as_a_power_of_ten() -> None:
    net = mlp(4, *[4] * 300, 4, activation=nn.Tanh)
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(1e-4 / layer.weight.std() / 2.0)
    message = check(classification(net, torch.randn(16, 4, generator=torch.Generator().manual_seed(0)))).findings[0].message
    assert "multiply to 10^-1" in message
