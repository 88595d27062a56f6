"""Mixed, Load, mxnet's suffixes, and all of them as JSON."""

import numpy as np
import pytest

from steadygrad import schemes
from steadygrad.errors import InputError, TargetError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes import Load, Mixed
from steadygrad.schemes.aliases import mxnet

MIXED = Mixed([(".*bias$", schemes.zeros()), ("head", schemes.given([[1.0, -1.0]])), (".*", schemes.he_normal("fan_out"))])


def test_the_first_pattern_that_matches_from_the_start_wins() -> None:
    assert MIXED.scheme("head.bias") == schemes.zeros() and MIXED.scheme("head.weight").name == "given"
    assert MIXED.scheme("body.head.weight") == schemes.he_normal("fan_out")  # "head" matches only at the start, as in mxnet


def test_patterns_that_come_to_nothing_are_found() -> None:
    assert MIXED.unused(["a.weight", "a.bias"]) == ("head",) and MIXED.unused(["head.weight", "b.bias", "c"]) == ()


def test_no_match_says_which_name() -> None:
    with pytest.raises(TargetError, match=r"no pattern of Mixed matches `fc.weight`, got '\.\*bias\$'; end them with"):
        Mixed([(".*bias$", schemes.zeros())]).scheme("fc.weight")
    with pytest.raises(TargetError, match="matches `x`, got none"):
        Mixed([]).scheme("x")


def test_what_mixed_refuses() -> None:
    with pytest.raises(InputError, match=r"a pattern of Mixed must be a regular expression, got '\*bias'"):
        Mixed([("*bias", schemes.zeros())])
    with pytest.raises(InputError, match="`x` of Mixed must choose a scheme, got 3"):
        Mixed([("x", 3)])  # type: ignore[list-item]


def test_load_has_the_numbers_or_the_default() -> None:
    load = Load({"arg:fc.weight": np.eye(2), "aux:bn.running_mean": [1.0, 2.0, 3.0]}, Mixed([(".*", schemes.ones())]))
    assert np.array_equal(draw(load.scheme("fc.weight", (2, 2)).law(Fans(2.0, 2.0)), (2, 2), name="fc.weight"), np.eye(2))
    assert load.scheme("bn.running_mean").name == "given" and load.scheme("other") == schemes.ones()
    assert Load({}, schemes.zeros()).scheme("x") == schemes.zeros()


def test_what_load_refuses() -> None:
    load = Load({"fc.weight": [[1.0, 2.0]]})
    with pytest.raises(InputError, match=r"`fc.weight` must be loaded from numbers of its shape \(3, 2\), got shape \(1, 2\)"):
        load.scheme("fc.weight", (3, 2))
    with pytest.raises(TargetError, match="`fc.bias` is not among the loaded values and there is no default, got fc.weight"):
        load.scheme("fc.bias")
    with pytest.raises(InputError, match=r"a table must hold finite numbers, got 1 of shape \(1,\), 1 of them not finite"):
        Load({"x": [float("nan")]})


@pytest.mark.parametrize("choice", [MIXED, Load({"a": [[0.1, 0.2]]}, MIXED), Load({}), Mixed([("a", Load({"a": 1.0}))])], ids=repr)
def test_json_round_trip(choice: Mixed | Load) -> None:
    again = schemes.from_json(schemes.to_json(choice))
    assert again == choice and hash(again) == hash(choice) and repr(again) == repr(choice)


def test_mxnet_s_own_json_is_understood() -> None:
    text = '["mxnet.xavier", {"rnd_type": "uniform", "magnitude": 2.34, "factor_type": "in"}]'
    assert schemes.from_json(text) == schemes.by_name("mxnet.Xavier", factor_type="in", magnitude=2.34)


@pytest.mark.parametrize("text", ["he_normal", "3", '["he_normal"]', '{"he_normal": {}}', '[["he_normal", {}], {}]', '["mixed", {"rules": [3]}]', '["load", {"values": 3}]'])
def test_json_that_is_no_scheme(text: str) -> None:
    with pytest.raises(InputError, match=r'a scheme in JSON must read like \["he_normal", \{"mode": "fan_out"\}\], got '):
        schemes.from_json(text)


def test_json_of_something_else() -> None:
    with pytest.raises(InputError, match="only schemes, Mixed and Load can be written as JSON, got 3"):
        schemes.to_json(3)  # type: ignore[arg-type]


def test_mxnet_s_suffixes() -> None:
    choose = mxnet.initializer(schemes.normal(0.01)).scheme
    assert choose("conv0_weight") == schemes.normal(0.01) and choose("conv0_bias") == schemes.zeros() == choose("bn_moving_mean")
    assert choose("bn_gamma") == schemes.ones() == choose("bn_moving_var") and choose("bn_beta") == schemes.zeros()
    assert choose("upsampling1_weight").name == "bilinear" and choose("stn_loc_bias").name == "stn_identity"
    assert choose("stn_loc_weight") == schemes.zeros() and choose("q_min") == schemes.zeros() and choose("q_max") == schemes.ones()
    with pytest.raises(TargetError, match="matches `alpha`"):
        choose("alpha")
