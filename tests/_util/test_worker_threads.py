"""Workers and their threads together fill the CPUs once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bentoml._util.worker_threads import thread_limits


@pytest.mark.parametrize(
    ("workers", "cpus", "threads"), [(1, 8, 8), (2, 8, 4), (3, 8, 2), (8, 8, 1), (9, 8, 1), (1, 1, 1)]
)
def test_workers_times_threads_is_the_number_of_cpus(workers: int, cpus: int, threads: int) -> None:
    limits = thread_limits(workers, cpus, {})
    assert set(limits.values()) == {str(threads)}
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"} <= limits.keys()
    assert workers * threads <= max(cpus, workers)


def test_what_the_user_has_set_stays() -> None:
    assert "MKL_NUM_THREADS" not in thread_limits(2, 8, {"MKL_NUM_THREADS": "3"})


def test_omp_num_threads_of_the_user_holds_for_the_libraries_that_follow_it() -> None:
    others = {"VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"}
    assert thread_limits(2, 8, {"OMP_NUM_THREADS": "3"}).keys() == others


def test_libraries_that_are_loaded_already_get_the_threads_of_a_forked_worker() -> None:
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numpy")
    code = """
import os, numpy, threadpoolctl
from bentoml._util.worker_threads import apply_thread_limits
threads = lambda: [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
print(set(threads()))
apply_thread_limits({"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"})
print(set(threads()), os.environ["OPENBLAS_NUM_THREADS"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **thread_limits(1, 1, {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{1}\n{2} 2\n", "")
