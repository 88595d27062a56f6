"""Masks that arrive as inputs are meant to hold infinities."""

import torch
from torch import nn

from steadygrad.door import check


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(11, 16), nn.Linear(16, 11)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.table(ids)
        return self.head((x @ x.transpose(1, 2) + mask).softmax(-1) @ x)


def test_an_additive_mask_among_the_inputs_is_no_error() -> None:
    mask = torch.full((6, 6), float("-inf")).triu(1).expand(4, 6, 6)
    report = check(Masked(), (torch.randint(0, 11, (4, 6)), mask))
    assert report.ok, report
