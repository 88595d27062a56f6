"""A sweep gives the same bits wherever it runs: here, in processes, on a dask cluster and on ray, both on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import pytest

from steadygrad.lab.experiments import EXPERIMENTS
from steadygrad.lab.sweep import sweep

pytestmark = pytest.mark.distributed


@contextmanager
def loky() -> Iterator[None]:
    with joblib.parallel_config("loky", n_jobs=2):
        yield


@contextmanager
def dask() -> Iterator[None]:
    distributed = pytest.importorskip("distributed", reason="dask is not installed: pip install 'dask[distributed]'")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        yield


@contextmanager
def ray() -> Iterator[None]:
    module = pytest.importorskip("ray", reason="ray is not installed: pip install ray")
    from ray.util.joblib import register_ray

    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    try:
        register_ray()
        with joblib.parallel_config("ray", n_jobs=2):
            yield
    finally:
        module.shutdown()


@pytest.mark.filterwarnings("ignore")  # of the clusters, about this machine
@pytest.mark.parametrize("cluster", [loky, dask, ray], ids=lambda cluster: cluster.__name__)
def test_the_same_bits_everywhere(cluster: object) -> None:
    here = EXPERIMENTS["trainable-depth"].run("tiny", seed=3)
    with cluster():  # type: ignore[operator]
        there = EXPERIMENTS["trainable-depth"].run("tiny", seed=3)
    assert there == here


def test_an_error_comes_back() -> None:
    with joblib.parallel_config("loky", n_jobs=2), pytest.raises(ZeroDivisionError):
        sweep(_broken, [1, 0])


def _broken(x: int) -> float:
    return 1 / x
