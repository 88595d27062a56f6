"""The page of schemes: complete, true to the classes, and its examples run when the documentation is built."""

import re
from importlib import import_module
from pathlib import Path

from steadygrad.schemes import SCHEMES
from steadygrad.schemes.names import LIBRARIES, find
from steadygrad.schemes.survey import HERE, NOT_HERE, catalogue_table, literature_table

PAGE = (Path(__file__).parents[3] / "docs" / "pages" / "schemes.md").read_text(encoding="utf-8")
KNOWN = re.findall(r"\S+", """zeros ones constant uniform truncated identity dirac LeCun Glorot He PyTorch geometric variance MSRAPrelu sparse gains computed
standardization equalized orthogonal delta-orthogonal SUO looks-linear convolution Stiefel complex LSUV Krähenbühl weight-norm ActNorm GradInit
MetaInit AutoInit Admin Sylvester zero-gamma Fixup SkipInit ReZero LayerScale Stable NFNet ZerO RISOTTO DS-Init GPT-2 SmallInit BERT T-Fixup
DeepNorm SubLN fairseq timm mimetic impulse LoRA Switch muP spectral unit DKS chaos recurrent forget-gate chrono gate IRNN unitary RNNFused HiPPO
S4D LRU Mamba RWKV SIREN FINER ICNR bilinear spatial prior Fourier PReLU hypernetworks Net2Net partial negative experts""")


def test_everything_surveyed_is_here_or_has_a_reason() -> None:
    rows = [*HERE, *NOT_HERE]
    assert not set(HERE) & set(NOT_HERE) and len(rows) == len(set(rows))
    for word in KNOWN:
        assert any(re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", row) for row in rows), word
    assert all(len(reason) > 15 for reason in NOT_HERE.values())


def test_what_is_said_to_be_here_is() -> None:
    placed = {name for names in HERE.values() for name in names.split(", ")}
    assert all(callable(find(name)) for name in placed)
    assert {item.name for item in SCHEMES} <= placed  # and nothing is here that the survey does not know


def test_the_page_lists_the_whole_survey_and_nothing_else() -> None:
    listed = PAGE.split("## The literature")[1].strip().splitlines()
    assert listed == literature_table()


def test_the_page_says_what_the_classes_say() -> None:
    listed = PAGE.split("## The catalogue")[1].split("## The literature")[0].strip().splitlines()
    assert listed == catalogue_table()
    for library in LIBRARIES:
        for name, text in import_module(f"steadygrad.schemes.aliases.{library}").DIFFERENCES.items():
            assert f"| `{library}.{name}` | {text} |" in PAGE


def test_the_page_runs() -> None:
    space: dict[str, object] = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.S), 1):
        exec(compile(block, f"schemes.md, block {number}", "exec"), space)
