"""The zoo's arithmetic and its page, on made-up records; its runs are benchmarks."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from scipy.stats import binomtest

WARNING = ["G101", "vanishing-gradient", "warning", "blocks.2", "The gradient vanishes"]
ERROR = ["A101", "dead-units", "error", "fc", "Units are dead"]
RECORDS = [
    {"name": "timm:a", "ok": True, "check_s": 1.0, "seconds": 2.0, "findings": [WARNING, WARNING]},
    {"name": "timm:b", "ok": True, "check_s": 3.0, "seconds": 2.0, "findings": []},
    {"name": "hf:c", "ok": False, "check_s": 2.0, "seconds": 2.0, "findings": [ERROR]},
    {"name": "hf:d", "failure": "no answer within 9 s"},
    {"name": "hf:e", "excluded": "a part"},
]


@pytest.fixture(scope="module")
def zoo() -> ModuleType:
    specification = importlib.util.spec_from_file_location("zoo", Path(__file__).parents[3] / "benchmarks" / "zoo.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("k", "n"), [(0, 100), (1, 100), (50, 100), (7, 7)])
def test_intervals_are_those_of_scipy(zoo: ModuleType, k: int, n: int) -> None:
    theirs = binomtest(k, n).proportion_ci(method="wilson")
    assert zoo.wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-7)  # z is written with seven digits


def test_samples_do_not_depend_on_the_order_of_names_and_differ(zoo: ModuleType) -> None:
    names = [f"timm:net{i}" for i in range(50)]
    assert zoo.ordered(names) == zoo.ordered(names[::-1]) != zoo.ordered(names, "held:") != zoo.ordered(names, "held-2:")
    assert sorted(zoo.ordered(names, "held:")) == sorted(names)


def test_a_rule_is_counted_once_a_network(zoo: ModuleType) -> None:
    assert zoo.fires(RECORDS[:3]) == [(("A101", "dead-units", "error"), 1), (("G101", "vanishing-gradient", "warning"), 1)]


def test_the_page_counts_and_lists_everything(zoo: ModuleType) -> None:
    page = zoo.markdown(RECORDS, {"hf:d": "too large", "timm:a": "by design"}, "Sample")
    assert "4 architectures (2 hf, 2 timm)" in page
    assert "| ran | 3 of 4 (30.1%–95.4%) |" in page
    assert "| an error-severity finding | 1 of 3 (6.1%–79.2%) |" in page
    assert "replaced by the next | 1 |" in page and "median, largest | 2, 3 |" in page
    assert "- `hf:d`: no answer within 9 s\n  *too large*" in page
    assert "- `hf:c`: error A101 dead-units at `fc`: Units are dead" in page
    assert page.count("*by design*") == 1 and "- `hf:e`: a part" in page


def test_left_out_names_are_replaced_and_known_ones_not_run_again(zoo: ModuleType, tmp_path: Path) -> None:
    ran: list[str] = []

    def check(name: str, timeout: float, memory: float) -> dict:
        ran.append(name)
        return {"name": name, "excluded": "a part"} if name == "hf:b" else {"name": name, "failure": "no"}

    options = zoo.argparse.Namespace(results=tmp_path / "r.jsonl", sample=2, budget=60.0, timeout=1.0, memory=1.0, step=False)
    records = zoo._run(["hf:a", "hf:b", "hf:c", "hf:d"], options, check)
    assert [r["name"] for r in records] == ran == ["hf:a", "hf:b", "hf:c"]
    assert zoo._run(["hf:a", "hf:b", "hf:c", "hf:d"], options, check) == records and len(ran) == 3


@pytest.mark.zoo
def test_models_run_in_forks_with_limits(zoo: ModuleType) -> None:
    with zoo.Server(step=True) as server:
        ran, late, unknown = server.check("hf:bert", 60, 16), server.check("timm:vit_large_patch16_224", 1, 16), server.check("hf:no_such_type", 60, 16)
    assert ran["ok"] and ran["findings"] == [] and ran["step_s"] > 0.0 and 0.0 < ran["peak_gib"] < 16
    assert late == {"name": "timm:vit_large_patch16_224", "failure": "no answer within 1 s"}
    assert "has no model type" in unknown["excluded"]
