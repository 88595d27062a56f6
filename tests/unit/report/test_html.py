"""What the page says and how often; names that try to be markup stay text."""

import html

import torch
from torch import nn

from steadygrad.door import check
from steadygrad.report.html import _spans, render
from steadygrad.rules.catalog.dead_units import _biased
from steadygrad.rules.catalog.frozen_at_random import _body, _default
from steadygrad.rules.specimens import classification, mlp


def shown(message: str) -> str:
    return str(_spans(message))


def test_backticks_become_code() -> None:
    assert shown("`relu` in `2` is off") == "<code>relu</code> in <code>2</code> is off"
    assert shown("a lone ` stays") == "a lone ` stays"


def test_what_stands_between_backticks_stays_text() -> None:
    assert shown("`<img onerror=x>` & <b>") == "<code>&lt;img onerror=x&gt;</code> &amp; &lt;b&gt;"
    assert "<b>" not in shown("`</code><b>`") and shown("`</code><b>`").count("<code>") == 1


def test_the_reason_is_said_once() -> None:
    for case, answer in ((_biased(-20.0), "Will not train."), (classification(_body(_default())), "Trainable, with 1 warning.")):
        report = check(case)
        page = render(report)
        assert page.count(shown(report.findings[0].message)) == 1 and f"</span> {answer}</p>" in page
        assert page.index(shown(report.findings[0].message)) < page.index("<figure")
        assert report.verdict.startswith(f"{answer[:-1]}: {report.findings[0].message}")


def test_a_healthy_page_has_the_whole_verdict() -> None:
    report = check(classification(mlp(16, 64, 64, 4)))
    assert html.escape(report.verdict) in render(report)


def test_a_hostile_module_name_is_text_in_every_message() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    net = nn.Sequential()
    net.add_module(hostile, nn.Linear(16, 64))
    net.add_module("`<script>`", nn.Linear(64, 64))
    net.add_module("head", nn.Linear(64, 4))
    net[0].requires_grad_(False)
    net[1].requires_grad_(False)
    torch.manual_seed(0)
    page = render(check(classification(net), name=f"</title>{hostile}"))
    assert "S107" in page and "<img" not in page and "<script>`" not in page
