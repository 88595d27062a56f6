"""A plain chain of tanh layers of one width, trained by momentum SGD with little memory: for depths at which autograd's graph does not fit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from steadygrad.errors import InputError
from steadygrad.lab.chain import definition
from steadygrad.lab.chain.loader import native

SEGMENT = 64  # layers whose slopes are kept before they are turned into updates: few enough for the cache
LANES = 16


class Chain:
    """h_{l+1} = tanh(W_l h_l + b_l) for l < L; every layer n wide, float32.

    Memory: 4·L·(n² (2 or 3) + n·batch) bytes – weights, momenta, with `compensated` what rounding takes from updates, and signals.

    Args:
        weights: (L, n, n), n a multiple of 16; changed in place by `step`.
        biases: (L, n), changed in place.
        batch: samples in a step, a multiple of 16.
        compensated: Kahan summation of updates, for updates below the rounding of weights.
        threads: over which samples, then layers, are shared.

    Raises:
        InputError: other shapes or dtypes.
    """

    def __init__(self, weights: torch.Tensor, biases: torch.Tensor, batch: int, *, compensated: bool = False, threads: int = 1) -> None:
        layers, width = biases.shape
        if weights.shape != (layers, width, width) or {weights.dtype, biases.dtype} != {torch.float32} or width % LANES or batch % LANES:
            raise InputError(
                f"a chain must have float32 weights (L, n, n), biases (L, n), and n and batch multiples of {LANES}, "
                f"got {tuple(weights.shape)} {weights.dtype}, {tuple(biases.shape)} {biases.dtype} and batch {batch}"
            )
        self.weights, self.biases, self.batch, self.threads = weights.contiguous(), biases.contiguous(), batch, max(1, threads)
        self.momenta, self.bias_momenta = torch.zeros_like(weights), torch.zeros_like(biases)
        self.rests = torch.zeros_like(weights) if compensated else None
        self.signals = torch.empty(layers + 1, width, batch)
        self.squares = torch.zeros(layers, dtype=torch.float64)
        self._slopes = torch.empty(min(SEGMENT, layers), width, batch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The last signals (rows, n) of samples x (rows, n), at most `batch` rows."""
        self.signals[0].zero_()
        self.signals[0, :, : len(x)] = x.T
        if native is None:
            definition.forward(self.weights, self.biases, self.signals)
        else:
            layers, width = self.biases.shape
            at = [t.data_ptr() for t in (self.weights, self.biases, self.signals)]
            self._share(partial(native.forward, layers, width, self.batch, *at), self.batch // LANES, LANES)
        return self.signals[-1, :, : len(x)].T.contiguous()

    def step(self, gradient: torch.Tensor, rate: float, bias_rate: float, momentum: float) -> torch.Tensor:
        """One update from ∂loss/∂(last signals) (batch, n) after `forward` of as many samples; returns ∂loss/∂x. Fills `squares`."""
        below = gradient.T.contiguous()
        layers = len(self.weights)
        for first in range((layers - 1) // SEGMENT * SEGMENT, -1, -SEGMENT):
            self._segment(first, min(first + SEGMENT, layers), below, (rate, bias_rate, momentum))
        return below.T

    def _segment(self, first: int, last: int, below: torch.Tensor, rates: tuple[float, float, float]) -> None:
        signals, slopes, squares = self.signals[first : last + 1], self._slopes[: last - first], self.squares[first:last]
        parameters = tuple(t[first:last] for t in (self.weights, self.biases, self.momenta, self.bias_momenta))
        rests = None if self.rests is None else self.rests[first:last]
        if native is None:
            definition.backward(parameters[0], signals, slopes, below)
            definition.update(parameters, rests, signals, slopes, squares, rates)
            return
        sizes = (last - first, self.biases.shape[1], self.batch)
        at = [t.data_ptr() for t in (parameters[0], signals, slopes, below)]
        self._share(partial(native.backward, *sizes, *at), self.batch // LANES, LANES)
        at = [t.data_ptr() for t in parameters] + [0 if rests is None else rests.data_ptr()] + [t.data_ptr() for t in (signals, slopes, squares)]
        self._share(lambda a, b: native.update(*sizes, *at, a, b, *rates), last - first, 1)

    def _share(self, work: Callable[[int, int], object], parts: int, size: int) -> None:
        """Call work(from, to) for `threads` even shares of parts·size columns or layers."""
        threads = min(self.threads, parts)
        cuts = [parts * k // threads * size for k in range(threads + 1)]
        if threads == 1:
            work(0, parts * size)
            return
        with_others = [_pool(threads).submit(work, a, b) for a, b in zip(cuts[1:-1], cuts[2:], strict=True)]
        work(cuts[0], cuts[1])
        for other in with_others:
            other.result()


_POOLS: dict[int, ThreadPoolExecutor] = {}


def _pool(threads: int) -> ThreadPoolExecutor:
    return _POOLS.setdefault(threads, ThreadPoolExecutor(threads - 1))
