"""Schemes turn the fans of a use into a law; they never see a tensor.

One line here puts a scheme into the catalogue, the documentation and the contract tests. `by_name` also understands the names
of torch.nn.init, Keras, jax.nn.initializers and mxnet; `Mixed` and `Load` choose a scheme for each parameter by its name.
"""

from steadygrad.registry import Catalogue
from steadygrad.schemes.branch_scale import layer_scale, rezero, stable_branch
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.complex_weights import complex_glorot, complex_he
from steadygrad.schemes.elementary import constant, given, normal, ones, truncated_normal, uniform, zeros
from steadygrad.schemes.fixed_kernels import bilinear, stft
from steadygrad.schemes.fused_rnn import fused_rnn
from steadygrad.schemes.gates import chrono, forget_bias, uniform_gate
from steadygrad.schemes.glorot import glorot_normal, glorot_uniform
from steadygrad.schemes.he import he_normal, he_uniform
from steadygrad.schemes.identity import dirac, identity, zer_o
from steadygrad.schemes.lecun import lecun_normal, lecun_uniform, torch_default
from steadygrad.schemes.looks_linear import looks_linear
from steadygrad.schemes.lora import lora_a, lora_b
from steadygrad.schemes.lru import lru_nu, lru_theta
from steadygrad.schemes.names import by_name
from steadygrad.schemes.orthogonal import delta_orthogonal, orthogonal, scaled_orthogonal
from steadygrad.schemes.outputs import class_prior, prior_bias, stn_identity
from steadygrad.schemes.parts import icnr, per_gate, stacked
from steadygrad.schemes.recommendation import Recommendation, recommend
from steadygrad.schemes.scheme import Scheme
from steadygrad.schemes.serialization import from_json, to_json
from steadygrad.schemes.siren import siren_first, siren_hidden
from steadygrad.schemes.sparse import sparse, sparse_columns
from steadygrad.schemes.state_space import hippo_legs, s4d, s4d_real_log, time_step_bias
from steadygrad.schemes.transformer import ds_init, gpt2_residual, small_init, wang_init
from steadygrad.schemes.variance_scaling import variance_scaling
from steadygrad.schemes.width_scaling import mup_output, spectral

SCHEMES: Catalogue[type[Scheme]] = Catalogue(
    "schemes",
    (
        # variance of independent entries
        glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform, torch_default, variance_scaling,
        spectral, mup_output, complex_glorot, complex_he,
        # matrices with structure
        orthogonal, scaled_orthogonal, delta_orthogonal, looks_linear, sparse, sparse_columns, identity, dirac, zer_o,
        # absolute numbers
        zeros, ones, constant, uniform, normal, truncated_normal, given,
        # parts
        per_gate, stacked, icnr, fused_rnn,
        # by architecture
        gpt2_residual, small_init, wang_init, ds_init, lora_a, lora_b, siren_first, siren_hidden, rezero, layer_scale, stable_branch,
        forget_bias, uniform_gate, chrono, prior_bias, class_prior, stn_identity, bilinear, stft,
        hippo_legs, s4d, s4d_real_log, time_step_bias, lru_nu, lru_theta,
    ),
)  # fmt: skip

__all__ = [
    "SCHEMES", "Load", "Mixed", "Recommendation", "Scheme", "bilinear", "by_name", "chrono", "class_prior", "complex_glorot", "complex_he", "constant",
    "delta_orthogonal", "dirac", "ds_init", "forget_bias", "from_json", "fused_rnn", "given", "glorot_normal", "glorot_uniform", "gpt2_residual",
    "he_normal", "he_uniform", "hippo_legs", "icnr", "identity", "layer_scale", "lecun_normal", "lecun_uniform", "looks_linear", "lora_a", "lora_b",
    "lru_nu", "lru_theta", "mup_output", "normal", "ones", "orthogonal", "per_gate", "prior_bias", "recommend", "rezero", "s4d", "s4d_real_log",
    "scaled_orthogonal", "siren_first", "siren_hidden", "small_init", "sparse", "sparse_columns", "spectral", "stable_branch", "stacked", "stft",
    "stn_identity", "time_step_bias", "to_json", "torch_default", "truncated_normal", "uniform", "uniform_gate", "variance_scaling", "wang_init",
    "zer_o", "zeros",
]  # fmt: skip
