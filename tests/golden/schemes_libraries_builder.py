"""Where `schemes_libraries.json` came from: what the initializers of four libraries really draw.

Run it once for each library, in an environment that has it:

    python tests/golden/schemes_libraries_builder.py torch|jax|keras|mxnet tests/golden/schemes_libraries.json

Random ones are kept as moments and range of about a million entries; fixed ones, and orthogonal ones' Gram matrices, in full.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

OUT_FIRST, OUT_LAST = (400, 50, 7, 7), (7, 7, 50, 400)
RANDOM: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "torch": [
        ("uniform_", {}), ("normal_", {}), ("trunc_normal_", {}), ("trunc_normal_", {"std": 0.02}), ("trunc_normal_", {"mean": 1.0, "std": 2.0}),
        ("xavier_uniform_", {}), ("xavier_normal_", {"gain": 2.0}), ("kaiming_uniform_", {}), ("kaiming_uniform_", {"a": 5**0.5}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}), ("kaiming_normal_", {"nonlinearity": "tanh"}),
    ],
    "jax": [
        ("uniform", {}), ("normal", {}), ("truncated_normal", {}), ("truncated_normal", {"stddev": 2.0, "lower": -1.0, "upper": 3.0}),
        ("glorot_normal", {}), ("glorot_uniform", {}), ("xavier_normal", {}), ("xavier_uniform", {}), ("he_normal", {}), ("he_uniform", {}),
        ("kaiming_normal", {}), ("kaiming_uniform", {}), ("lecun_normal", {}), ("lecun_uniform", {}),
        ("variance_scaling", {"scale": 3.0, "mode": "fan_geo_avg", "distribution": "normal"}),
        ("variance_scaling", {"scale": 0.5, "mode": "fan_out", "distribution": "truncated_normal"}),
    ],
    "keras": [
        ("RandomNormal", {}), ("RandomUniform", {}), ("TruncatedNormal", {}), ("GlorotNormal", {}), ("GlorotUniform", {}), ("HeNormal", {}),
        ("HeUniform", {}), ("LecunNormal", {}), ("LecunUniform", {}), ("VarianceScaling", {}),
        ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
        ("VarianceScaling", {"scale": 3.0, "mode": "fan_avg", "distribution": "normal"}),
    ],
    "mxnet": [
        ("Uniform", {}), ("Normal", {}), ("Xavier", {}), ("Xavier", {"rnd_type": "gaussian"}), ("MSRAPrelu", {}),
        ("Xavier", {"rnd_type": "gaussian", "factor_type": "in", "magnitude": 2.0}), ("Xavier", {"factor_type": "out", "magnitude": 1.5}),
        ("MSRAPrelu", {"factor_type": "in", "slope": 0.0}),
    ],
}  # fmt: skip
FIXED: dict[str, list[tuple[str, dict[str, Any], tuple[int, ...]]]] = {
    "torch": [
        ("constant_", {"val": 0.5}, (2, 3)), ("ones_", {}, (2,)), ("zeros_", {}, (2,)), ("eye_", {}, (3, 5)), ("dirac_", {}, (4, 2, 3)),
        ("dirac_", {"groups": 2}, (4, 2, 3, 4)),
    ],
    "jax": [("zeros", {}, (2,)), ("ones", {}, (2,)), ("constant", {"value": -7.0}, (2, 3))],
    "keras": [
        ("Zeros", {}, (2,)), ("Ones", {}, (2,)), ("Constant", {"value": 0.5}, (2,)), ("Identity", {"gain": 2.0}, (3, 5)),
        ("STFTInitializer", {"side": "real"}, (16, 1, 9)), ("STFTInitializer", {"side": "imag", "scaling": "spectrum", "periodic": True}, (16, 1, 9)),
        ("STFTInitializer", {"side": "real", "window": None}, (12, 1, 9)),
    ],
    "mxnet": [
        ("Zero", {}, (2,)), ("One", {}, (2,)), ("Constant", {"value": 0.5}, (2, 3)), ("LSTMBias", {"forget_bias": 2.0}, (12,)),
        ("Bilinear", {}, (2, 2, 4, 4)), ("Bilinear", {}, (1, 1, 3, 3)),
    ],
}  # fmt: skip
ORTHOGONAL: dict[str, list[tuple[str, dict[str, Any], tuple[int, ...]]]] = {
    "torch": [("orthogonal_", {"gain": 2.0}, (12, 5)), ("orthogonal_", {}, (4, 2, 3, 3))],
    "jax": [("orthogonal", {"scale": 2.0}, (5, 12)), ("delta_orthogonal", {}, (3, 3, 4, 6))],
    "keras": [("Orthogonal", {"gain": 2.0}, (5, 12)), ("Orthogonal", {}, (3, 3, 2, 4))],
    "mxnet": [("Orthogonal", {}, (12, 5)), ("Orthogonal", {"rand_type": "normal"}, (4, 2, 3, 3))],
}


def torch_draw(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    import torch

    torch.manual_seed(0)
    return getattr(torch.nn.init, name)(torch.empty(shape), **arguments).numpy()


def jax_draw(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    import jax

    factory = getattr(jax.nn.initializers, name)
    initializer = factory if name in ("zeros", "ones") else factory(**arguments)
    return np.asarray(initializer(jax.random.key(0), shape))


def keras_draw(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    import keras

    seeded = arguments if name in ("Zeros", "Ones", "Constant", "Identity", "STFTInitializer") else {**arguments, "seed": 0}
    return keras.ops.convert_to_numpy(getattr(keras.initializers, name)(**seeded)(shape))


def mxnet_draw(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    import mxnet

    mxnet.random.seed(0)
    array = mxnet.nd.empty(shape)
    getattr(mxnet.initializer, name)(**arguments)(mxnet.initializer.InitDesc("w_weight"), array)
    return array.asnumpy()


DRAW = {"torch": torch_draw, "jax": jax_draw, "keras": keras_draw, "mxnet": mxnet_draw}


def gram(values: np.ndarray, out_first: bool) -> list[list[float]]:
    """W·Wᵀ or Wᵀ·W, the smaller one, of the matrix of outputs and everything else."""
    matrix = values.reshape(len(values), -1) if out_first else values.reshape(-1, values.shape[-1]).T
    product = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    return product.astype(float).round(5).tolist()


def main(library: str, path: Path) -> None:
    """Measure one library and put it beside the others."""
    out_first = library in ("torch", "mxnet")
    shape = OUT_FIRST if out_first else OUT_LAST
    records: dict[str, Any] = {"version": __import__(library).__version__, "random": [], "fixed": [], "orthogonal": []}
    for name, arguments in RANDOM[library]:
        values = DRAW[library](name, arguments, shape).astype(np.float64)
        moments = {"mean": values.mean(), "std": values.std(), "low": values.min(), "high": values.max()}
        records["random"].append({"name": name, "arguments": arguments, "shape": shape, **{k: float(v) for k, v in moments.items()}})
    for name, arguments, small in FIXED[library]:
        values = DRAW[library](name, arguments, small).astype(float).round(6)
        records["fixed"].append({"name": name, "arguments": arguments, "shape": small, "values": values.tolist()})
    for name, arguments, small in ORTHOGONAL[library]:
        product = gram(DRAW[library](name, arguments, small), out_first)
        records["orthogonal"].append({"name": name, "arguments": arguments, "shape": small, "gram": product})
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, library: records}, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
