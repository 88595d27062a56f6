"""Schemes by name, theirs and ours, and what happens to names and arguments that are wrong."""

import math

import numpy as np
import pytest
import torch

from steadygrad import registry, schemes
from steadygrad.errors import InputError, TargetError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes.aliases import jax, keras, mxnet
from steadygrad.schemes.aliases import torch as torch_names
from steadygrad.schemes.names import ALSO, LIBRARIES, catalogue, find, installed, names

JAX = (  # every public function of jax.nn.initializers 0.10
    "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "kaiming_normal", "kaiming_uniform", "lecun_normal",
    "lecun_uniform", "normal", "ones", "orthogonal", "truncated_normal", "uniform", "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
)  # fmt: skip
KERAS = (  # every class of keras.initializers 3.15
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "RandomNormal", "RandomUniform", "STFT", "TruncatedNormal", "VarianceScaling", "Zeros",
)  # fmt: skip
MXNET = (  # every class of mxnet.initializer
    "InitDesc", "Initializer", "Load", "Mixed", "Zero", "One", "Constant", "Uniform", "Normal", "Orthogonal", "Xavier", "MSRAPrelu", "Bilinear",
    "LSTMBias", "RNNFused",
)  # fmt: skip


def test_all_of_torch_nn_init_is_known() -> None:
    theirs = {name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")}
    assert theirs <= {f"{name}_" for name in torch_names.INITIALIZERS}
    assert all(find(f"torch.{name}") is find(f"torch.{name.removesuffix('_')}") for name in theirs)


@pytest.mark.parametrize("nonlinearity", [*torch_names.GAINS, "leaky_relu"])
def test_torch_s_gains(nonlinearity: str) -> None:
    assert torch_names.calculate_gain(nonlinearity) == pytest.approx(torch.nn.init.calculate_gain(nonlinearity), rel=1e-15)
    assert torch_names.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3), rel=1e-15)


def test_torch_s_fans_are_wrong_where_we_say() -> None:
    for layer in (torch.nn.Conv2d(8, 8, 3, groups=8), torch.nn.ConvTranspose2d(6, 4, 4), torch.nn.Linear(5, 7)):
        assert torch_names.fans(layer.weight.shape) == Fans(*map(float, torch.nn.init._calculate_fan_in_and_fan_out(layer.weight)))
    assert torch_names.fans((8, 1, 3, 3)).fan_out == 8 * 9.0
    with pytest.raises(InputError, match=r"torch counts fans of at least two axes, got shape \(5,\)"):
        torch_names.fans((5,))
    with pytest.raises(InputError, match=r"torch.nn.init.calculate_gain knows linear, .* got 'gelu'"):
        torch_names.calculate_gain("gelu")


def test_all_of_the_others_are_known() -> None:
    assert set(JAX) <= set(jax.INITIALIZERS) and set(KERAS) <= set(keras.INITIALIZERS)
    assert {"he_normal", "stft", "random_uniform", "variance_scaling"} <= set(keras.INITIALIZERS)
    assert set(MXNET) == set(mxnet.CLASSES) and len(MXNET) == 15


def test_differences_are_of_names_that_exist() -> None:
    for library in LIBRARIES:
        module = {"torch": torch_names, "keras": keras, "jax": jax, "mxnet": mxnet}[library]
        apart = {"fans", "calculate_gain", "seed", "mixed", "initializer"}
        assert all(name in apart or find(f"{library}.{name}") for name in module.DIFFERENCES)
        assert all(len(text) > 10 for text in module.DIFFERENCES.values())


@pytest.mark.parametrize("name", names())
def test_every_name_leads_to_a_maker(name: str) -> None:
    assert callable(find(name))


def test_other_names_for_ours() -> None:
    assert all(find(name) is catalogue()[ours] for name, ours in ALSO.items())
    assert schemes.by_name("kaiming_normal_", mode="fan_out") == schemes.he_normal("fan_out")
    assert not set(ALSO) & set(catalogue())


def test_library_defaults_and_arguments() -> None:
    fans = Fans(30.0, 20.0)
    for name, arguments, std in [
        ("torch.kaiming_normal_", {}, math.sqrt(2 / 30)),
        ("torch.kaiming_uniform_", {"a": math.sqrt(5)}, 1 / math.sqrt(90)),
        ("torch.uniform", {}, 1 / math.sqrt(12)),
        ("torch.xavier_normal_", {"gain": 3.0}, 3 * math.sqrt(2 / 50)),
        ("keras.HeNormal", {}, math.sqrt(2 / 30)),
        ("keras.random_uniform", {}, 0.1 / math.sqrt(12)),
        ("jax.uniform", {}, 0.01 / math.sqrt(12)),
        ("mxnet.Xavier", {"rnd_type": "gaussian", "factor_type": "in", "magnitude": 2}, math.sqrt(2 / 30)),
        ("msraprelu", {}, math.sqrt(2 / (1 + 0.0625) / 25)),
        ("lecun_normal", {}, math.sqrt(1 / 30)),
    ]:
        assert schemes.by_name(name, **arguments).law(fans).std == pytest.approx(std, rel=1e-12)


def test_unknown_names_show_the_nearest() -> None:
    with pytest.raises(TargetError, match=r"no scheme is called `he_normla`; did you mean he_normal"):
        schemes.by_name("he_normla")
    with pytest.raises(TargetError, match=r"keras has no initializer called `HeNormall`; did you mean HeNormal"):
        schemes.by_name("keras.HeNormall")
    with pytest.raises(TargetError, match="no scheme is called `§§`; there are bilinear, chrono"):
        schemes.by_name("§§")


def test_names_of_one_library_need_no_prefix_and_names_of_several_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schemes.by_name("random_normal") == schemes.normal(0.05) == schemes.by_name("RandomNormal")
    monkeypatch.setitem(mxnet.INITIALIZERS, "random_normal", mxnet.INITIALIZERS["normal"])
    with pytest.raises(TargetError, match=r"`random_normal` means different things in keras and mxnet; write keras.random_normal or mxnet.random_normal"):
        schemes.by_name("random_normal")


def test_arguments_it_does_not_take() -> None:
    with pytest.raises(InputError, match=r"`he_normal` takes \(mode: str = 'fan_in'\), got \{'mod': 'fan_out'\}"):
        schemes.by_name("he_normal", mod="fan_out")
    with pytest.raises(InputError, match=r"`constant` takes \(value: float\), got \{\}"):
        schemes.by_name("constant")
    with pytest.raises(InputError, match="`factor_type` of mxnet.xavier must be 'avg' or 'in' or 'out', got 'mean'"):
        schemes.by_name("xavier", factor_type="mean")
    with pytest.raises(InputError, match="`rand_type` of mxnet.orthogonal must be 'uniform' or 'normal', got 'cauchy'"):
        schemes.by_name("mxnet.orthogonal", rand_type="cauchy")


def test_mxnet_constant_takes_arrays() -> None:
    drawn = draw(schemes.by_name("mxnet.constant", value=[[1.0, 2.0]]).law(Fans(1.0, 1.0)), (3, 2), name="w")
    assert np.array_equal(drawn, [[1.0, 2.0]] * 3)



def test_schemes_of_installed_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class house_blend(schemes.he_normal):
        name = "house_blend"

    class Entry:
        def load(self) -> type:
            return house_blend

    monkeypatch.setattr(schemes.SCHEMES, "_items", dict(schemes.SCHEMES._items))
    monkeypatch.setattr(schemes.SCHEMES, "_ordered", list(schemes.SCHEMES._ordered))
    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()] if group == "steadygrad.schemes" else [])
    installed.cache_clear()
    assert type(schemes.by_name("house_blend", mode="fan_out")) is house_blend
    installed.cache_clear()
