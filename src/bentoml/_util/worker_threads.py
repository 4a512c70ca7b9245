"""How many threads the numeric libraries of a worker may start, so that all workers together fill the CPUs once."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

# Read by OpenBLAS, MKL, BLIS and numexpr when they are loaded; without them they follow OMP_NUM_THREADS.
_FOLLOWERS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Read by OpenMP programs, Apple's BLAS, numba and TensorFlow.
_LEADERS = ("OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def thread_limits(workers: int, cpus: int, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables to start a worker with: `workers` times their value is `cpus`, or less by what does not divide.

    Args:
        workers: processes, at least 1.
        cpus: that they may use together, at least 1.
        environ: what the user has set stays; `OMP_NUM_THREADS` also for the libraries that follow it.
    """
    threads = str(max(1, cpus // workers))
    names = _LEADERS if "OMP_NUM_THREADS" in environ else (*_LEADERS, *_FOLLOWERS)
    return {name: threads for name in names if name not in environ}


def apply_thread_limits(limits: Mapping[str, str]) -> None:
    """Give a forked worker its share of the CPUs: the bundle was loaded with libraries limited to one thread.

    Libraries that are loaded already are told through threadpoolctl; where it is not installed they stay with one.

    Args:
        limits: what `thread_limits` gave.
    """
    os.environ.update(limits)
    by_api = {"openmp": limits.get("OMP_NUM_THREADS", "1"), "blas": limits.get("OPENBLAS_NUM_THREADS", "1")}
    raised = {api: int(threads) for api, threads in by_api.items() if threads != "1"}
    if not raised:
        return
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        logger.info("threadpoolctl is not installed; libraries that were loaded before the fork use one thread")
        return
    threadpoolctl.threadpool_limits(raised)
