"""The literature of initialization: what is here under which name, and what is not, with the reason."""

from steadygrad.schemes import SCHEMES

HERE = {
    "zeros, ones, constant": "zeros, ones, constant, given",
    "uniform, normal with fixed width": "uniform, normal",
    "truncated normal, absolute bounds": "torch.trunc_normal_",
    "truncated normal, bounds in standard deviations": "truncated_normal",
    "identity": "identity",
    "partial identity": "identity, dirac",
    "dirac (DiracNets)": "dirac",
    "LeCun": "lecun_normal, lecun_uniform",
    "Glorot (Xavier)": "glorot_normal, glorot_uniform",
    "He (Kaiming)": "he_normal, he_uniform",
    "PyTorch's default": "torch_default",
    "Glorot with the geometric mean": "variance_scaling",
    "variance scaling": "variance_scaling",
    "MSRAPrelu": "mxnet.msraprelu",
    "sparse (Martens)": "sparse, sparse_columns",
    "orthogonal (Saxe)": "orthogonal",
    "delta-orthogonal": "delta_orthogonal",
    "scaled-corrected uniform orthogonal (SUO)": "scaled_orthogonal",
    "looks-linear (mirrored)": "looks_linear",
    "complex Glorot and He (Trabelsi)": "complex_glorot, complex_he",
    "zero-gamma": "zeros",
    "SkipInit": "rezero",
    "ReZero": "rezero",
    "LayerScale": "layer_scale",
    "Stable ResNet": "stable_branch",
    "ZerO": "zer_o",
    "DS-Init": "ds_init",
    "GPT-2 residual scaling": "gpt2_residual",
    "SmallInit and Wang init": "small_init, wang_init",
    "BERT and GPT, 0.02": "normal, truncated_normal",
    "LoRA": "lora_a, lora_b",
    "Switch transformer, scale 0.1": "variance_scaling",
    "fairseq attention (query, key, value at gain 1/√2)": "variance_scaling",
    "vision transformer presets of timm, by role": "truncated_normal, glorot_uniform, lecun_normal, normal, class_prior",
    "muP": "he_normal, mup_output",
    "spectral condition": "spectral",
    "recurrent layers, gate by gate": "per_gate",
    "stacked experts": "stacked",
    "torch's recurrent default": "uniform",
    "Keras' recurrent default": "glorot_uniform, orthogonal, forget_bias",
    "forget-gate bias": "forget_bias",
    "chrono": "chrono",
    "uniform gate": "uniform_gate",
    "IRNN": "identity",
    "fused recurrent vector (RNNFused)": "fused_rnn",
    "HiPPO": "hippo_legs",
    "S4D": "s4d, s4d_real_log",
    "Mamba time steps": "time_step_bias",
    "LRU ring": "lru_nu, lru_theta",
    "SIREN": "siren_first, siren_hidden",
    "ICNR": "icnr",
    "bilinear upsampling": "bilinear",
    "spatial transformer identity": "stn_identity",
    "prior bias (focal loss)": "prior_bias",
    "negative log of the classes": "class_prior",
    "short-time Fourier transform": "stft",
    "norm scales, PReLU slopes, temperatures": "ones, constant",
}

GRAPH = "couples several layers: a recipe over the graph"
RECIPE = GRAPH + ", steadygrad.plan(…, scheme={!r})"
DATA = "needs a batch of data"
PARAMETRIZATION = "changes the layer, not only its first numbers"

NOT_HERE = {
    "table of gains": "not a scheme: exact gains are theory.gaussian.forward_gain's, torch's own table is in aliases.torch.calculate_gain",
    "computed gain": "not a scheme: the gain that any scheme takes (theory.gaussian.forward_gain)",
    "scaled weight standardization": PARAMETRIZATION,
    "equalized learning rate": PARAMETRIZATION + "; its draw is normal(1.0)",
    "orthogonal convolution (BCOP, Cayley)": PARAMETRIZATION,
    "Stiefel-optimised ReLU": "no formula we have verified; one preprint of 2025",
    "LSUV": RECIPE.format("lsuv"),
    "within-layer and between-layer (Krähenbühl)": DATA + "; of that kind, plan(…, scheme='lsuv')",
    "weight-norm data init": DATA + "; of that kind, plan(…, scheme='lsuv'), which sets through the parametrization",
    "ActNorm": DATA,
    "GradInit": DATA + " and labels",
    "MetaInit": DATA + " and second derivatives",
    "AutoInit": GRAPH + "; what scheme='auto' does with closed forms for more ops",
    "Admin": RECIPE.format("admin"),
    "Sylvester solver": DATA,
    "Fixup": RECIPE.format("fixup"),
    "NFNet scaling": PARAMETRIZATION + ": x + α·f(x/β); theory.normalizer_free.stream_scales has β",
    "RISOTTO": GRAPH + "; not verified",
    "T-Fixup": RECIPE.format("t_fixup"),
    "DeepNorm": RECIPE.format("deepnorm"),
    "SubLN (Magneto)": "adds norms; its factor √(ln 2N) for values, outputs and feed-forward is variance_scaling(ln 2N, 'fan_avg')",
    "mimetic": "two weights are the factors of one drawn product, but here a tensor's numbers depend on its own name alone: the same "
    "whatever shard or order it is drawn in",
    "impulse attention": "no formula we have verified",
    "unit scaling, u-muP": PARAMETRIZATION + "; its draw is normal(1.0)",
    "DKS, TAT": "change the activations: theory.shaping has them; their weights are scaled_orthogonal(delta=True) at gain 1",
    "edge of chaos": "not a scheme: theory.maps gives the gains and bias variances",
    "unitary recurrent networks": PARAMETRIZATION,
    "RWKV": "one model's own rule, layer by layer; not verified",
    "Fourier features, WIRE, FINER": "fixed features and activations; their weights take the schemes above; ranges not verified",
    "hypernetworks": GRAPH + ": the variance of generated weights",
    "growth (Net2Net, bert2BERT, LiGO)": "needs a trained network",
}


def catalogue_table() -> list[str]:
    """A Markdown row for each scheme of the catalogue.

    Example:
        >>> catalogue_table()[2].startswith("| `glorot_normal` | Var[w] = gain²")
        True
    """
    rows = (f"| `{item.name}` | {_cell(item.formula)} | {_cell(item.fails)} | {_cell(item.source)} |" for item in SCHEMES)
    return ["| scheme | formula | fails | source |", "|---|---|---|---|", *rows]


def literature_table() -> list[str]:
    """A Markdown row for each scheme of the literature: its names here, or why it is not here.

    Example:
        >>> literature_table()[-1]
        '| growth (Net2Net, bert2BERT, LiGO) | – needs a trained network |'
    """
    here = [f"| {known} | {', '.join(f'`{name}`' for name in names.split(', '))} |" for known, names in HERE.items()]
    return ["| in the literature | here |", "|---|---|", *here, *(f"| {known} | – {reason} |" for known, reason in NOT_HERE.items())]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
