"""How many threads the numeric libraries of a worker may start, so that all workers together fill the CPUs once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Read by OpenBLAS, MKL, BLIS and numexpr when they are loaded; without them they follow OMP_NUM_THREADS.
_FOLLOWERS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Read by OpenMP programs, Apple's BLAS and numba.
_LEADERS = ("OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


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
