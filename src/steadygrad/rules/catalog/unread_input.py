"""D108: inputs that no output reads."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.reading import Unread
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import Apply, batch, classification, mlp


class UnreadInput(Rule):
    """Most places, channels or features of an input change no output, whatever stands there.

    The slope of the outputs in every entry of the input is taken for four samples. An index along an axis counts as not read when
    all its slopes are exactly 0 and the outputs stay the same with another sample's entries there. Typical: the first state of a
    recurrent layer instead of the last, a slice or crop that takes one channel or a corner, a mask that hides what it should
    show, a first layer whose stride is larger than its kernel.

    Only entries that differ between samples count, so that padding does not. More than half of an axis is a warning.

    Source: the chain rule; Adebayo et al. 2018, arXiv:1810.03292, on what input gradients can tell.
    """

    code = "D108"
    slug = "unread-input"
    title = "most of an input changes nothing"
    priority = 50
    needs_data = True
    explains = ("lr-too-low", "correlation-collapse")
    thresholds = {"share": Threshold(0.5, "more than half: strided layers and crops leave out less on purpose")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per input."""
        for unread in evidence.experiments.get("reading") or ():
            if isinstance(unread, Unread) and len(unread.indices) > self.threshold("share") * unread.length:
                yield self._finding(unread)

    def _finding(self, unread: Unread) -> Finding:
        first, last, count = unread.indices[0], unread.indices[-1], len(unread.indices)
        run = f"{first} to {last}" if count == last - first + 1 and count > 1 else f"{first} first"
        return self.finding(
            "warning",
            "inputs",
            f"{count} of {unread.length} indices along axis {unread.axis} of `{unread.tensor}` ({run}) change no output: the model does not read them.",
            evidence={"tensor": unread.tensor, "axis": unread.axis, "length": unread.length, "unread": count, "first": first, "last": last},
            advice="Look for the slice, index, crop or mask that leaves them out: states[:, 0] where states[:, -1] was meant, x[:, :1], a stride larger than its kernel.",
            snippet="x = inputs[:4].clone().requires_grad_()\nmodel.eval()(x).sum().backward()\nprint(x.grad.abs().sum(0) > 0)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """The first state for the last; one channel of three; a corner; the first token."""
        yield Specimen("first state of a GRU", lambda: classification(_Recurrent(0), batch(64, 12, 8)), where="inputs")
        yield Specimen("one channel of three", lambda: _pictures(lambda x: x[:, :1], 1), where="inputs")
        yield Specimen("a corner of the picture", lambda: _pictures(lambda x: x[:, :, :3, :], 3), where="inputs")
        yield Specimen("the first token", lambda: _words(lambda x: x[:, 0]), where="inputs")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The last state; a maximum over places, which may choose any; padding, which no sample fills; a mean over tokens."""
        yield Specimen("last state of a GRU", lambda: classification(_Recurrent(-1), batch(64, 12, 8)))
        yield Specimen("maximum over many places", lambda: _pictures(lambda x: x, 3))
        yield Specimen("padding", _padded)
        yield Specimen("mean over tokens", lambda: _words(lambda x: x.mean(1)))


class _Recurrent(nn.Module):
    def __init__(self, place: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru, self.head, self.place = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 4), place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(x)[0][:, self.place])


def _pictures(cut: Callable[[torch.Tensor], torch.Tensor], channels: int) -> Case:
    torch.manual_seed(0)
    net = nn.Sequential(Apply(cut), nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), *mlp(8, 4))
    return classification(net, batch(64, 3, 16, 16))


def _words(pool: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    torch.manual_seed(0)
    tokens = torch.randint(0, 50, (64, 12), generator=torch.Generator().manual_seed(2))
    return classification(nn.Sequential(nn.Embedding(50, 16), Apply(pool), *mlp(16, 32, 4)), tokens)


def _padded() -> Case:
    torch.manual_seed(0)
    series = batch(64, 12, 8) * (torch.arange(12) < 4)[:, None]
    return classification(nn.Sequential(Apply(lambda x: x[:, :4].mean(1)), *mlp(8, 32, 4)), series)
