"""Ops that move numbers (views, casts), drop them (dropout), reduce them (pools), and plain elementwise functions."""

from steadygrad.graph.ops.call import Call, Operand, Seen
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
    "fake_quantize_per_tensor_affine", "rsub_scalar", "floor_divide", "__floordiv__", "__mod__", "gumbel_softmax", "conj_physical",
)  # fmt: skip

FOURIER = tuple(f"fft_{inverse}{real}fft{axes}" for inverse in ("", "i") for real in ("", "r", "h") for axes in ("", "2", "n"))
FRESH = frozenset({  # values that do not depend on those of the tensor they are shaped after
    *(f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn", "randint")),
    *(f"new_{kind}" for kind in ("zeros", "ones", "full", "empty", "tensor")),
})  # fmt: skip


def _plain(kind: Kind):
    def describe(call: Call) -> Seen:
        signals, parameters, _ = call.sides()
        return Seen(call.name, kind, signals, [Operand(p, "other") for p in parameters], _options(call, kind))

    return describe


def _options(call: Call, kind: Kind) -> dict[str, object]:
    if kind == "dropout":
        return {"p": call.get(1, "p", 0.5), "training": bool(call.get(2, "training", True))}
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
