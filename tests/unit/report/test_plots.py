"""Axes of plots say the numbers that the table of layers says."""

import torch
from torch import nn

import steadygrad as sg
from steadygrad.report import plots
from steadygrad.report.plots import flow_chart, heat_map


def test_layers_have_the_same_number_in_every_plot(monkeypatch) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*(m for _ in range(30) for m in (nn.Linear(8, 8), nn.Tanh())), nn.Linear(8, 2))
    rows = sg.check(net, torch.randn(16, 8)).layers
    chart, heat = flow_chart(rows), heat_map(rows)
    assert chart is not None and heat is not None
    assert [label for _, label in chart.x_ticks][::4] == ["1", str(len(rows))]
    measured = [i + 1 for i, row in enumerate(rows) if row.magnitudes]
    assert [label for _, label in heat.x_ticks][::4] == [str(measured[0]), str(measured[-1])]
    monkeypatch.setattr(plots, "COLUMNS", 7)  # of many layers only some are drawn, and keep their numbers
    few = heat_map(rows)
    assert few is not None and [label for _, label in few.x_ticks][::4] == [str(measured[0]), str(measured[-1])]
