"""Names of other libraries draw what those libraries draw: their own numbers, recorded by `schemes_libraries_builder.py`."""

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans, Independent
from steadygrad.schemes import Scheme, by_name

GOLDEN = json.loads(Path(__file__).with_name("schemes_libraries.json").read_text())


def cases(kind: str) -> Any:
    """(library, record) of every record of a kind."""
    records = [(library, record) for library in sorted(GOLDEN) for record in GOLDEN[library][kind]]
    return pytest.mark.parametrize(("library", "record"), records, ids=[f"{library}.{r['name']}{r['arguments'] or ''}" for library, r in records])


def scheme(library: str, record: dict[str, Any]) -> Scheme:
    return by_name(f"{library}.{record['name']}", **record["arguments"])


def ours(library: str, shape: list[int]) -> tuple[int, ...]:
    """The same weight in our layout, outputs first."""
    if library in ("torch", "mxnet") or len(shape) < 2:
        return tuple(shape)
    return (shape[-1], shape[-2], *shape[:-2])


@cases("random")
def test_moments_and_range(library: str, record: dict[str, Any]) -> None:
    """Within 5 standard errors of the library's sample; none of these laws has more kurtosis than the normal."""
    fans = import_module(f"steadygrad.schemes.aliases.{library}").fans(record["shape"])
    law = scheme(library, record).law(fans)
    assert isinstance(law, Independent)
    count = math.prod(record["shape"])
    assert record["mean"] == pytest.approx(law.expectation, abs=5.0 * law.std / math.sqrt(count))
    assert record["std"] == pytest.approx(law.std, rel=5.0 / math.sqrt(2.0 * count))
    low, high = {"uniform": (-1.0, 1.0), "truncated_normal": (law.lower, law.bound)}.get(law.kind, (-math.inf, math.inf))
    if library == "keras" and law.kind == "truncated_normal":
        return  # its torch backend lets values up to 2.7 standard deviations through
    assert record["low"] >= law.mean + law.scale * low - 1e-6 and record["high"] <= law.mean + law.scale * high + 1e-6
    if law.kind == "uniform":  # the largest of n stands within 20/n of the end, but for one sample in e¹⁰
        assert max(law.mean + law.scale - record["high"], record["low"] - law.mean + law.scale) < 40.0 * law.scale / count


@cases("fixed")
def test_fixed_numbers(library: str, record: dict[str, Any]) -> None:
    if record["name"] == "Bilinear":
        return  # theirs is wrong: test_mxnet_s_bilinear_kernel below
    values = np.asarray(record["values"])
    if library == "keras" and values.ndim > 1:
        values = np.moveaxis(values, (-1, -2), (0, 1))
    drawn = draw(scheme(library, record).law(Fans(1.0, 1.0)), values.shape, name="w")
    assert np.allclose(drawn, values, atol=2e-6)


@cases("orthogonal")
def test_singular_values(library: str, record: dict[str, Any]) -> None:
    shape = ours(library, record["shape"])
    drawn = draw(scheme(library, record).law(Fans(1.0, 1.0)), shape, name="w").reshape(shape[0], -1)
    gram = drawn @ drawn.T if len(drawn) <= drawn.shape[1] else drawn.T @ drawn
    assert np.allclose(np.linalg.eigvalsh(gram), np.linalg.eigvalsh(record["gram"]), atol=5e-5)  # squared singular values


def test_mxnet_s_bilinear_kernel() -> None:
    """Even kernels: the same taps, but between all channels; odd ones: not symmetric about their middle."""
    even, odd = (np.asarray(r["values"]) for r in GOLDEN["mxnet"]["fixed"] if r["name"] == "Bilinear")
    right = draw(by_name("mxnet.bilinear").law(Fans(1.0, 1.0)), even.shape, name="w")
    assert np.allclose(right[[0, 1], [0, 1]], even[[0, 1], [0, 1]], atol=1e-6)
    assert not right[[0, 1], [1, 0]].any() and even[[0, 1], [1, 0]].all()
    ours_odd = draw(by_name("bilinear").law(Fans(1.0, 1.0)), odd.shape, name="w")
    assert np.array_equal(ours_odd, ours_odd[..., ::-1]) and not np.allclose(odd, odd[..., ::-1])


def test_mxnet_s_gaussian_xavier_is_three_times_glorot() -> None:
    record = next(r for r in GOLDEN["mxnet"]["random"] if r["arguments"] == {"rnd_type": "gaussian"})
    from steadygrad.schemes.aliases import mxnet

    glorot = by_name("glorot_normal").law(mxnet.fans(record["shape"])).std
    assert (record["std"] / glorot) ** 2 == pytest.approx(3.0, rel=0.01)


def test_torch_s_truncation_is_absolute() -> None:
    record = next(r for r in GOLDEN["torch"]["random"] if r["arguments"] == {"std": 0.02})
    assert record["high"] > 4.0 * 0.02 and record["std"] == pytest.approx(0.02, rel=0.004)
