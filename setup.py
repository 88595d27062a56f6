"""Everything about the package is in pyproject.toml; this file only adds the optional C extension.

Without a compiler the installation goes through and the NumPy definitions are used instead: the same bits, slower.
"""

import sys

from setuptools import Extension, setup

FOLDER = "src/steadygrad/kernels/native"
CHAIN = "src/steadygrad/lab/chain/native"
# No fused multiply-add where the source has two roundings: the sums are defined bit by bit.
FLAGS = (
    ["/O2", "/fp:precise", "/std:c11"] if sys.platform == "win32" else ["-O3", "-g0", "-std=c11", "-ffp-contract=off"]
)

setup(
    ext_modules=[
        Extension(
            "steadygrad.kernels._kernels",
            sources=[f"{FOLDER}/{name}.c" for name in ("module", "statistics", "parallel", "draw", "draw_python")],
            depends=[
                f"{FOLDER}/{name}.h"
                for name in ("statistics", "statistics_types", "statistics_loops", "statistics_avx512", "octaves_avx512", "unit_loops")
                + ("draw", "draw_plain", "draw_avx2", "draw_avx512", "draw_loops", "draw_undefine", "draw_python")
            ],
            define_macros=[("Py_LIMITED_API", "0x030A0000")],
            extra_compile_args=FLAGS,
            extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
            py_limited_api=True,
            optional=True,
        ),
        Extension(
            "steadygrad.lab.chain._chain",
            sources=[f"{CHAIN}/{name}.c" for name in ("module", "chain")],
            depends=[f"{CHAIN}/{name}.h" for name in ("chain", "chain_loops")],
            define_macros=[("Py_LIMITED_API", "0x030A0000")],
            # Sums of products, not defined bit by bit: fused multiply-add is welcome.
            extra_compile_args=["/O2", "/std:c11"] if sys.platform == "win32" else ["-O3", "-g0", "-std=c11", "-ffp-contract=fast"],
            py_limited_api=True,
            optional=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
