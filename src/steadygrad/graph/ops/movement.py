"""Ops that move numbers (views, casts), drop them (dropout), reduce them (pools), and plain elementwise functions."""

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Flow, Gradient, Passage, Signal, mixed
from steadygrad.graph.signal_graph import Kind

VIEWS = (
    "view", "reshape", "flatten", "unflatten", "permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "moveaxis",
    "squeeze", "unsqueeze", "expand", "expand_as", "view_as", "reshape_as", "contiguous", "chunk", "split", "unbind",
    "tensor_split", "split_with_sizes", "select", "narrow", "__getitem__", "index_select", "gather", "take_along_dim",
    "roll", "flip", "rot90", "repeat", "repeat_interleave", "tile", "clone", "detach", "alias", "T", "mT", "H", "mH", "data",
    "real", "imag", "view_as_real", "view_as_complex", "unfold", "fold", "pixel_shuffle", "pixel_unshuffle", "pad",
    "channel_shuffle", "broadcast_to", "as_strided", "diagonal", "tril", "triu", "ravel", "adjoint", "index", "take", "identity",
    "requires_grad", "atleast_1d", "atleast_2d", "atleast_3d", "slice", "hsplit", "vsplit", "dsplit", "resolve_conj",
    "grid_sample", "masked_select", "scatter", "index_add", "index_copy", "index_put", "scatter_add", "__setitem__", "copy",
    "sort", "topk", "diag_embed", "diag", "fill_diagonal", "nan_to_num", "positive", "pin_memory", "affine_grid", "broadcast_tensors",
)  # fmt: skip
CASTS = (
    "to", "float", "double", "half", "bfloat16", "type", "type_as", "cuda", "cpu", "cfloat", "cdouble", "complex", "polar",
)  # fmt: skip
DROPS = (
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout",
    "native_dropout",
)  # fmt: skip
POOLS = (
    "max_pool1d", "max_pool2d", "max_pool3d", "max_pool1d_with_indices", "max_pool2d_with_indices", "boolean_dispatch",
    "max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "fractional_max_pool2d",
    "adaptive_max_pool2d_with_indices", "adaptive_max_pool1d_with_indices", "adaptive_max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d", "fractional_max_pool3d",
    "mean", "sum", "max", "min", "amax", "amin", "var", "std", "var_mean", "std_mean", "norm", "logsumexp", "prod", "median",
    "cumsum", "cumprod", "interpolate", "upsample", "lp_pool1d", "lp_pool2d", "vector_norm", "nanmean", "nansum", "aminmax",
    "linalg_vector_norm", "linalg_norm", "logcumsumexp", "segment_reduce", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool",
)  # fmt: skip
POINTWISE = (
    "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "pow", "__pow__", "__rpow__", "__ipow__", "neg", "__neg__", "negative",
    "reciprocal", "expm1", "tan", "atan", "atan2", "asin", "acos", "sinh", "cosh", "asinh", "acosh", "atanh", "sign",
    "floor", "ceil", "round", "trunc", "frac", "fmod", "remainder", "exp2", "erfc", "erfinv", "sinc", "logit", "heaviside",
    "bernoulli", "nan_to_num", "cdist", "cosine_similarity", "pairwise_distance", "__abs__", "sgn", "conj", "angle", "mod",
    "float_power", "xlogy", "hypot", "logaddexp", "copysign", "clamp_max", "softplus_backward", "i0", "lgamma", "digamma",
    "fake_quantize_per_tensor_affine", "rsub_scalar", "floor_divide", "__floordiv__", "__mod__", "conj_physical",
)  # fmt: skip

INDEXED = ("getitem", "index_select", "take", "gather", "index", "take_along_dim")  # of all that they read but the first, only indices
FOURIER = tuple(f"fft_{inverse}{real}fft{axes}" for inverse in ("", "i") for real in ("", "r", "h") for axes in ("", "2", "n"))
FRESH = frozenset({  # values that do not depend on those of the tensor they are shaped after
    *(f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn", "randint")),
    *(f"new_{kind}" for kind in ("zeros", "ones", "full", "empty", "tensor")),
})  # fmt: skip
LIKE = ("type_as", "to", "expand_as", "view_as", "reshape_as", "broadcast_to")  # of a second tensor only its dtype or shape is read


def _plain(kind: Kind):
    def describe(call: Call) -> Seen:
        signals, parameters, _ = call.sides()
        if call.name in LIKE and any(t is call.args[0] for t in signals):
            signals = [call.args[0]]
        return Seen(call.name, kind, signals, [Operand(p, "other") for p in parameters], _options(call, kind))

    return describe


def _options(call: Call, kind: Kind) -> dict[str, object]:
    if kind == "dropout":
        return {"p": call.get(1, "p", 0.5), "training": bool(call.get(2, "training", True))}
    if call.name == "pad":
        return {"mode": call.get(2, "mode", "constant")}
    if kind == "pool" and "dim" in call.kwargs:
        return {"dim": call.kwargs["dim"]}
    if call.name in ("pow", "__pow__", "__ipow__"):
        exponent = call.get(1, "exponent")
        return {"exponent": float(exponent)} if isinstance(exponent, int | float) else {}
    return {}


def gather(call: Call) -> Seen:
    """Indexing: a view of a signal, or a lookup in a learned table when the indexed tensor is a parameter."""
    source = call.args[0] if call.args else None
    signals, parameters, _ = call.sides()
    if source is not None and any(p is source for p in parameters) and signals:
        return Seen("gather", "affine", signals, [Operand(source, "table", None, source.ndim - 1)])
    return Seen(call.name.strip("_"), "view", signals, [Operand(p, "other") for p in parameters])


OPS = {
    **dict.fromkeys(FOURIER, _plain("pointwise")),
    **dict.fromkeys(POINTWISE, _plain("pointwise")),
    **dict.fromkeys(VIEWS, _plain("view")),
    **dict.fromkeys(CASTS, _plain("cast")),
    **dict.fromkeys(DROPS, _plain("dropout")),
    **dict.fromkeys(POOLS, _plain("pool")),
    **dict.fromkeys(("__getitem__", "index_select", "take", "gather", "index"), gather),
}


def keep(at: Passage) -> Signal | None:
    """Numbers that are moved keep their moments, whatever indices say which."""
    return at.incoming[0] if len(at.incoming) == 1 or (at.incoming and at.node.op in INDEXED) else None


def give_back(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """A slice leaves zeros where it took nothing; a copy gets the sum over its copies."""
    ratio = at.made / max(at.read(), 1)
    if ratio > 1.0:
        ratio *= 1.0 + (ratio - 1.0) * max(gradient.c, 0.0)
    back: list[Gradient | None] = [gradient.times(ratio) for _ in at.incoming]
    return back[:1] if at.node.op in INDEXED else back


def written(at: Passage) -> Signal | None:
    """Numbers written into a part of a tensor: of its q the share of that part is theirs. Into zeros, which are no signal, they bring that share alone."""
    share = _share_written(at)
    if len(at.incoming) == 1:
        return at.incoming[0].times(share if at.read() < at.made else 1.0)
    return mixed((at.incoming[0], at.incoming[-1]), (1.0 - share, share)) if at.incoming else None


def written_back(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """As it is to what was written; nothing to what was there."""
    back: list[Gradient | None] = [gradient for _ in at.incoming]
    return [gradient.times(1.0 - _share_written(at)), *back[1:]] if len(back) > 1 else back


def _share_written(at: Passage) -> float:
    return min(at.read(len(at.shapes) - 1) / max(at.made, 1), 1.0) if at.shapes else 0.0


def cast(at: Passage) -> Signal | None:
    """As it is; of a real signal made complex, imaginary parts of 0 are half of the numbers."""
    x = keep(at)
    becomes = at.node.outputs[0].dtype.startswith("complex") and not at.shapes[0].dtype.startswith("complex") if at.shapes else False
    return x.times(0.5) if x is not None and becomes else x


def padded(at: Passage) -> Signal | None:
    """Zeros beside the signal; or copies of it, when the border is reflected, replicated or taken from the other side."""
    x, ratio = at.incoming[0], at.made / max(at.read(), 1)
    if at.node.options.get("mode", "constant") != "constant":
        return x
    return x.times(1.0 / ratio) if ratio > 1.0 else x


def padded_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """As it is."""
    return [gradient for _ in at.incoming]


def dropped(at: Passage) -> Signal | None:
    """q/(1 − p), entries at two positions less alike."""
    x, p = at.incoming[0], at.node.options.get("p", 0.0)
    if not at.node.options.get("training") or not isinstance(p, float) or not 0.0 < p < 1.0:
        return x
    left = 1.0 - p
    return Signal(x.q / left, x.mean * left, x.c * left, x.b * left, x.above, min(x.share / left, 1.0))


def dropped_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """g/(1 − p)."""
    p = at.node.options.get("p", 0.0)
    on = at.node.options.get("training") and isinstance(p, float) and 0.0 < p < 1.0
    return [Gradient(gradient.g / (1.0 - p), gradient.c * (1.0 - p)) if on else gradient]


SUMS = ("sum", "nansum")
AVERAGES = ("avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "mean")


def pooled(at: Passage) -> Signal | None:
    """A mean over P positions: q·(c + (1 − c)/P). Maxima are measured: how alike neighbours are decides."""
    if at.node.op not in AVERAGES or not at.incoming:
        return None
    x, taken = at.incoming[0], at.read() / max(at.made, 1)
    if taken <= 1.0:
        return x
    alike = min(max(x.c, x.mean, 0.0), 1.0)
    own = alike + (1.0 - alike) / taken
    return Signal(x.q * own, min(x.mean / own, 1.0), min(alike / own, 1.0), min(x.b / own, 1.0))


def reduced(at: Passage, ratio: float) -> Signal:
    """What a pool makes that was seen to change q by `ratio`: a sum over n makes an offset n times as large, a maximum one where there was none."""
    x = at.incoming[0]
    if at.node.op not in SUMS:
        return risen(x, ratio)
    mean = min(x.mean * (at.read() / max(at.made, 1)) ** 2 / ratio, 1.0)
    return Signal(x.q * ratio, mean, max(x.c, mean), max(x.b, mean))


def risen(x: Signal, ratio: float) -> Signal:
    """What a maximum does that was seen to change q by `ratio`: its mean rises, and with it what positions and samples share.

    It is taken for the largest of m independent entries, m being what gives that ratio: of Gaussian ones, or of rectified ones where x is
    what a ReLU left.
    """
    rectified = x.above >= 1.0
    ratios, shares = _largest(rectified)
    if not ratio > 1.0 or (x.mean > 0.0 and not rectified):
        return x.times(ratio)
    mean = max(float(np.interp(ratio, ratios, shares)), x.mean)
    c, b = (min(mean + (1.0 - mean) * max(value - x.mean, 0.0) / max(1.0 - x.mean, 1e-9), 1.0) for value in (x.c, x.b))
    return Signal(x.q * ratio, mean, c, b, x.above)


@lru_cache(maxsize=2)
def _largest(rectified: bool) -> tuple[np.ndarray, np.ndarray]:
    """For the largest of m = 1 … 1000 standard normals, rectified or not: second moment over that of one, and the mean's share of it."""
    z = np.linspace(-9.0, 9.0, 4001)
    distribution = 0.5 * (1.0 + np.array([math.erf(v / math.sqrt(2.0)) for v in z]))
    middle = np.maximum(0.5 * (z[1:] + z[:-1]), 0.0) if rectified else 0.5 * (z[1:] + z[:-1])
    weights = [np.diff(distribution**m) for m in np.geomspace(1.0, 1000.0, 60)]
    means, seconds = np.array([[float(w @ middle), float(w @ middle**2)] for w in weights]).T
    return seconds / seconds[0], means**2 / seconds


def pooled_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """A mean gives each of its P positions g/P², a sum gives each g; a maximum gives one of them g."""
    taken = at.read() / max(at.made, 1)
    if taken <= 1.0 or at.node.op in SUMS:
        return [gradient for _ in at.incoming]
    if at.node.op in AVERAGES:
        alike = gradient.c + (1.0 - gradient.c) / max(at.made / max(at.batch * at.node.outputs[0].shape[1], 1), 1.0) if at.node.outputs[0].shape[1:] else 1.0
        return [Gradient(gradient.g / taken**2, min(alike, 1.0))]
    return [replace(gradient.times(1.0 / taken), chosen=max(round(taken), 1))]


FLOWS = {
    **dict.fromkeys(("__setitem__", "index_put", "index_copy"), Flow(written, written_back)),
    "kind:view": Flow(keep, give_back),
    "kind:cast": Flow(cast, give_back),
    "pad": Flow(padded, padded_backward),
    "kind:dropout": Flow(dropped, dropped_backward),
    "kind:pool": Flow(pooled, pooled_backward),
}
