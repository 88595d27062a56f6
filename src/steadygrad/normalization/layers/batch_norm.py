"""Batch normalization as a layer: the bookkeeping around the math."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from steadygrad.normalization.functional.batch import Normalize, scale_and_shift, standardize
from steadygrad.normalization.functional.conventions import MomentumOf, Variance, convert_momentum
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.validate import count, fraction, one_of, positive, several, signal

HALVES = (torch.float16, torch.bfloat16)


class BatchNorm(_BatchNorm):
    """y = γ·(x − μ)/√(σ² + eps) + β with statistics per channel, for inputs (N, C) to (N, C, D, H, W).

    Names in the state_dict are torch's (weight, bias, running_mean, running_var, num_batches_tracked), and isinstance
    tests for torch's batch norms hold. Unlike torch's layer:

    - a batch with a NaN or infinity never enters the running statistics (`GradScaler` skips its step; here it is skipped too);
    - γ, β and statistics stay in float32 under .half() and .bfloat16(): 65504 is no bound for a variance;
    - `accumulate=k` moves the running statistics once per k micro-batches, by the exactly pooled mean and variance, as one
      batch k times as large would. Outputs still use the micro-batch's own statistics, so gradients are not those of the
      large batch; nothing short of a second forward can make them so. A half-filled pool is not saved;
    - backward works although another forward, DDP's broadcast or a checkpoint moved the running statistics since.

    Args:
        num_features: C; see LazyBatchNorm for later.
        eps: added to the variance, > 0.
        momentum: weight of the new (`momentum_of="new"`) or the old value; None for the mean over all batches. The
            attribute `momentum` always holds torch's convention.
        affine, center, scale: β is there with affine and center, γ with affine and scale.
        track_running_stats: without, batch statistics serve in eval mode too.
        use_global_stats: running statistics serve in train mode too, and do not move.
        normalize: "both", "mean" (mean-only) or "variance" (variance-only).
        variance: which variance is kept, "unbiased" (torch) or "biased" (the chapter, MXNet).
        accumulate: micro-batches per update of the running statistics.

    Raises:
        InputError: a setting or input that cannot be used, among them one value per channel in train mode.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, *, center: bool = True, scale: bool = True, use_global_stats: bool = False,
        normalize: Normalize = "both", momentum_of: MomentumOf = "new", variance: Variance = "unbiased", accumulate: int = 1,
        device: Any = None, dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        where = type(self).__name__
        positive(where, "eps", eps)
        if fraction(where, "momentum", momentum) is not None:
            momentum = convert_momentum(momentum, momentum_of, "new")  # type: ignore[arg-type]
        super().__init__(num_features, eps, momentum, False, track_running_stats, device=device, dtype=dtype)
        self.affine = affine and (center or scale)
        self.weight = nn.Parameter(torch.ones(num_features, device=device, dtype=dtype)) if affine and scale else None
        self.bias = nn.Parameter(torch.zeros(num_features, device=device, dtype=dtype)) if affine and center else None
        self.use_global_stats = use_global_stats
        self.normalize = one_of(where, "normalize", normalize, ("both", "mean", "variance"))
        self.variance = one_of(where, "variance", variance, ("unbiased", "biased"))
        self.accumulate = count(where, "accumulate", accumulate)
        self._pool: Moments | None = None
        self._pooled = 0

    def reset_parameters(self) -> None:
        """γ = 1, β = 0, statistics of no batch."""
        self.reset_running_stats()
        self._pool, self._pooled = None, 0
        for parameter, value in ((self.weight, 1.0), (self.bias, 0.0)):
            if parameter is not None:
                nn.init.constant_(parameter, value)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize `input`, and in train mode learn its statistics."""
        signal(f"{type(self).__name__}({self.num_features})", input, self.num_features)
        if not self.uses_batch():
            return self._by_running(input)
        self._check_count(input)
        return self._by_batch(input)

    def uses_batch(self) -> bool:
        """Whether this forward takes its statistics from the batch."""
        return (self.training and not self.use_global_stats) or self.running_mean is None

    def _check_count(self, input: torch.Tensor) -> None:
        several(f"{type(self).__name__}({self.num_features})", input.numel() // max(self.num_features, 1), input.shape)

    def _by_running(self, input: torch.Tensor) -> torch.Tensor:
        mean, var = self.running_mean, self.running_var
        assert mean is not None and var is not None
        if torch.is_grad_enabled():  # autograd keeps these; the layer may move before backward
            mean, var = mean.clone(), var.clone()
        if self.normalize == "both":
            return F.batch_norm(input, mean, var, self.weight, self.bias, False, 0.0, self.eps)
        return scale_and_shift(standardize(input, mean, var, self.eps, self.normalize), self.weight, self.bias)

    def _by_batch(self, input: torch.Tensor) -> torch.Tensor:
        if self._usual(input):
            return self._by_kernel(input)
        if self.normalize == "both":
            output, batch = fused(input, self.weight, self.bias, self.eps)
            values = input.numel() // self.num_features
            if self.accumulate == 1 and self.variance == "unbiased":  # nothing to convert
                self._move((batch * 0).sum() == 0, *batch.unbind())
                return output
            moments = Moments.from_unbiased(values, *batch.unbind())
        else:
            moments = Moments.of(input)
            output = scale_and_shift(standardize(input, moments.mean, moments.biased, self.eps, self.normalize), self.weight, self.bias)
        self._learn(moments)
        return output

    def _usual(self, input: torch.Tensor) -> bool:
        """Torch's own conventions on a processor. On other devices a look at a number would wait for them, compiled it would break the graph."""
        as_torch = self.normalize == "both" and self.accumulate == 1 and self.variance == "unbiased" and self.momentum is not None
        if not (as_torch and self.training and type(input) is torch.Tensor and input.is_cpu) or torch.compiler.is_compiling():
            return False
        mean = self.running_mean
        return mean is not None and mean.dtype == (torch.float32 if input.dtype in HALVES else input.dtype)

    def _by_kernel(self, input: torch.Tensor) -> torch.Tensor:
        """Torch's kernel moves the statistics itself; after a batch that is not finite they are put back."""
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        mean, var = self.running_mean.data, self.running_var.data  # what moves them later, DDP say, is nothing to this backward
        before = torch.cat((mean, var))
        output = F.batch_norm(input, mean, var, self.weight, self.bias, True, self.momentum, self.eps)  # type: ignore[arg-type]
        # one product tells, but where it overflows
        if math.isfinite(torch.dot(mean, var).item()) or bool(torch.cat((mean, var)).isfinite().all()):
            self.num_batches_tracked.add_(1)
        else:
            for running, old in zip((mean, var), before.chunk(2), strict=True):
                running.data.copy_(old)
        return output

    @torch.no_grad()
    def _learn(self, moments: Moments) -> None:
        """Take in one batch, or one more micro-batch."""
        if not self.training or self.running_mean is None:
            return
        keep = moments.finite
        if self.accumulate > 1:
            moments = moments.only_if(keep)
            self._pool = moments if self._pool is None else self._pool.merge(moments)
            self._pooled += 1
            if self._pooled < self.accumulate:
                return
            moments, self._pool, self._pooled = self._pool, None, 0
            keep = moments.count > 0
        self._move(keep, moments.mean, moments.unbiased if self.variance == "unbiased" else moments.biased)

    @torch.no_grad()
    def _move(self, keep: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Running statistics towards new ones, where `keep` says that these are finite."""
        if not self.training or self.running_mean is None or self.running_var is None:
            return
        step: Any = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(keep)
            step = 1.0 / self.num_batches_tracked.clamp(min=1).to(self.running_mean.dtype) if step is None else step
        for running, new in ((self.running_mean, mean), (self.running_var, variance)):
            running.lerp_(torch.where(keep, new.to(running.dtype), running), step)

    def _apply(self, fn: Any, recurse: bool = True) -> "BatchNorm":
        """Moves between devices and precisions, but not below float32."""

        def careful(tensor: torch.Tensor) -> torch.Tensor:
            moved = fn(tensor)
            if moved.dtype in HALVES and tensor.dtype not in HALVES:
                return tensor.to(device=moved.device) if moved.device.type != "meta" else moved.to(tensor.dtype)
            return moved

        return super()._apply(careful, recurse)

    def extra_repr(self) -> str:
        """Torch's line, and what differs from the defaults."""
        defaults = {"use_global_stats": False, "normalize": "both", "variance": "unbiased", "accumulate": 1}
        changed = "".join(f", {name}={getattr(self, name)!r}" for name, usual in defaults.items() if getattr(self, name) != usual)
        return super().extra_repr() + changed


def fused(x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Torch's kernel, and the batch's mean and unbiased variance as rows of (2, C).

    With momentum 1 and zeros to start from, what the kernel writes as running statistics are the batch's own.
    """
    batch = torch.zeros(2, x.shape[1], dtype=torch.float32 if x.dtype in HALVES else x.dtype, device=x.device)
    mean, variance = batch.unbind()
    return F.batch_norm(x, mean, variance, weight, bias, True, 1.0, eps), batch
