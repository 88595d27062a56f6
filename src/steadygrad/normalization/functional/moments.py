"""Count, mean and squared deviations of channels, and how two of them become one."""

from dataclasses import dataclass

import torch


def channel_axes(x: torch.Tensor) -> tuple[int, ...]:
    """All axes but axis 1."""
    return (0, *range(2, x.ndim))


def along_channels(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """`values` (C,) in the shape that broadcasts along axis 1 of `x`."""
    return values.view(1, -1, *(1,) * (x.ndim - 2))


@dataclass(frozen=True)
class Moments:
    """n values per channel: their mean, and m2 = Σ (x − mean)².

    Merging is exact for any sizes and any order (Chan, Golub & LeVeque 1983, eq. 2.1): no E[x²] − E[x]², whose
    difference loses all digits once |mean| ≫ σ. The count may be a tensor, and zero.
    """

    count: torch.Tensor
    mean: torch.Tensor
    m2: torch.Tensor

    @classmethod
    def of(cls, x: torch.Tensor, dtype: torch.dtype | None = None) -> "Moments":
        """Per channel (axis 1) of `x`, in two passes."""
        x = x if dtype is None else x.to(dtype)
        axes = channel_axes(x)
        n = x.numel() // max(x.shape[1], 1)
        mean = x.mean(axes) if n else x.new_zeros(x.shape[1])
        return cls(torch.as_tensor(n, device=x.device), mean, (x - along_channels(mean, x)).square().sum(axes))

    @classmethod
    def from_unbiased(cls, count: int, mean: torch.Tensor, variance: torch.Tensor) -> "Moments":
        """From what torch's kernels report."""
        return cls(torch.as_tensor(count, device=mean.device), mean, variance * max(count - 1, 0))

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets of values together."""
        n = self.count + other.count
        share = other.count / n.clamp(min=1).to(self.mean.dtype)
        delta = other.mean - self.mean
        return Moments(n, self.mean + delta * share, self.m2 + other.m2 + delta.square() * share * self.count)

    @property
    def biased(self) -> torch.Tensor:
        """m2 / n."""
        return self.m2 / self.count.clamp(min=1)

    @property
    def unbiased(self) -> torch.Tensor:
        """m2 / (n − 1); of one value: 0, not NaN."""
        return self.m2 / (self.count - 1).clamp(min=1)

    @property
    def finite(self) -> torch.Tensor:
        """One boolean: every number is finite. 0 · x is 0 exactly for finite x, so one sum tells."""
        return (self.mean * 0).sum() + (self.m2 * 0).sum() == 0

    def only_if(self, keep: torch.Tensor) -> "Moments":
        """These moments, or those of no values."""
        zero = self.mean.new_zeros(())
        return Moments(self.count * keep, torch.where(keep, self.mean, zero), torch.where(keep, self.m2, zero))
