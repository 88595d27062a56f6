"""Arguments no scheme can be made with."""

import math
from collections.abc import Callable

import pytest

from steadygrad import schemes
from steadygrad.errors import InputError

BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: schemes.variance_scaling(0.0), "`scale` of variance_scaling must be positive and finite, got 0.0"),
    (lambda: schemes.variance_scaling(1.0, "fan_max"), "`mode` of variance_scaling must be 'fan_in' or 'fan_out' or 'fan_avg' or 'fan_geo_avg', got 'fan_max'"),
    (lambda: schemes.variance_scaling(1.0, "fan_in", "cauchy"), "`distribution` of variance_scaling must be .*, got 'cauchy'"),
    (lambda: schemes.uniform(1.0, 0.0), "must have low ≤ high, got 1.0 and 0.0"),
    (lambda: schemes.normal(-1.0), "must have a finite mean and scale ≥ 0, got 0.0, -1.0"),
    (lambda: schemes.truncated_normal(1.0, bound=0.0), "`bound` of a truncated_normal law must be positive, got 0.0"),
    (lambda: schemes.given([]), "a table must hold finite numbers, got 0 of shape"),
    (lambda: schemes.orthogonal(groups=0), "`groups` of a orthogonal law must be an integer of at least 1, got 0"),
    (lambda: schemes.orthogonal(math.nan), "a orthogonal law must have a finite scale, got nan"),
    (lambda: schemes.scaled_orthogonal(groups=1.5), "`groups` of a orthogonal law must be an integer of at least 1, got 1.5"),
    (lambda: schemes.sparse(0), "`connections` of sparse must be an integer of at least 1, got 0"),
    (lambda: schemes.sparse_columns(1.5), r"`fraction` of a sparse law must be in \[0, 1\], got 1.5"),
    (lambda: schemes.identity(math.inf), "a dirac law must have a finite scale, got inf"),
    (lambda: schemes.per_gate(schemes.orthogonal(), 0), "`gates` of per_gate must be an integer of at least 1, got 0"),
    (lambda: schemes.icnr(factor=True), "`factor` of icnr must be an integer of at least 1, got True"),
    (lambda: schemes.prior_bias(1.0), "`probability` of prior_bias must lie between 0 and 1, got 1.0"),
    (lambda: schemes.class_prior(0), "`classes` of class_prior must be an integer of at least 1, got 0"),
    (lambda: schemes.stn_identity(2.0), "`dims` of stn_identity must be an integer of at least 1, got 2.0"),
    (lambda: schemes.siren_hidden(0.0), "`omega` of siren_hidden must be positive and finite, got 0.0"),
    (lambda: schemes.gpt2_residual(0), "`layers` of gpt2_residual must be an integer of at least 1, got 0"),
    (lambda: schemes.gpt2_residual(12, -0.1), "`std` of gpt2_residual must be a finite number of at least 0, got -0.1"),
    (lambda: schemes.small_init(64.5), "`width` of small_init must be an integer of at least 1, got 64.5"),
    (lambda: schemes.ds_init(1, math.inf), "`alpha` of ds_init must be positive and finite, got inf"),
    (lambda: schemes.lora_a("cauchy"), "`distribution` of lora_a must be 'uniform' or 'normal', got 'cauchy'"),
    (lambda: schemes.mup_output(-1.0), "`base` of mup_output must be positive and finite, got -1.0"),
    (lambda: schemes.layer_scale(0), "`depth` of layer_scale must be an integer of at least 1, got 0"),
    (lambda: schemes.stft("left"), "`side` of stft must be 'real' or 'imag', got 'left'"),
    (lambda: schemes.stft(window="hamming"), "`window` of stft must be 'hann' or 'none', got 'hamming'"),
    (lambda: schemes.s4d("legs"), "`spectrum` of s4d must be 'lin' or 'inv', got 'legs'"),
    (lambda: schemes.lru_theta(0.0), "`max_phase` of lru_theta must be positive and finite, got 0.0"),
    (lambda: schemes.complex_he("fan_avg"), "`mode` of complex_he must be 'fan_in' or 'fan_out', got 'fan_avg'"),
    (lambda: schemes.fused_rnn("rnn", 1, 4), "`mode` of fused_rnn must be 'rnn_relu' or .*, got 'rnn'"),
    (lambda: schemes.forget_bias(gates=""), "`gates` of forget_bias must name a gate f or z that keeps the state, .* got ''"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_bad_arguments(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
