"""How the server is set up for platforms that run one image behind a proxy of their own.

They all say in `PORT` where to listen, which the entry point of the image reads; so no file sets `BENTOML_PORT`. They
end a container by SIGTERM and, a fixed time later, SIGKILL. What a container writes is lost when it ends, and on some
takes its memory, so log files are off: all that they would hold goes to the standard output anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.service.metadata import BentoServiceMetadata

OWN_VARIABLES = ("PORT", "BENTOML_PORT")
"""Names that the platforms set; where the server listens follows from them."""
END_S = 2
"""Time for the processes of a server to end, after the last answer."""
MOST_AT_ONCE = 1000
_WAITING = 4
_LARGEST_BATCH = 80


def server_variables(workers: int, kill_after_s: int, timeout_s: int | None, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of the server; those that a user gives come last, and win.

    Args:
        workers: processes that run the model, each with a copy of it.
        kill_after_s: from SIGTERM to SIGKILL on this platform, more than 2 seconds.
        timeout_s: after which the platform gives an answer up; None where it leaves that to the server.
        env: of the user.
    """
    own = {
        "BENTOML__BENTO_SERVER__WORKERS": str(workers),
        "BENTOML__BENTO_SERVER__GRACE_S": str(kill_after_s - END_S),
        "BENTOML__LOGGING__FILE__ENABLED": "false",
    }
    if timeout_s is not None:
        own["BENTOML__BENTO_SERVER__TIMEOUT"] = str(timeout_s)
    return {**own, **env}


def requests_at_once(service: BentoServiceMetadata, workers: int) -> int:
    """How many requests an instance shall get before another one starts.

    A worker runs one call at a time. An API that takes batches makes one call of all requests that are there; for
    others a few that wait are enough to keep a worker busy.

    Args:
        service: what is in the bundle.
        workers: of an instance.

    Returns:
        1 to 1000.
    """
    wanted = [min(api.mb_max_batch_size, _LARGEST_BATCH) for api in service.apis if api.batch]
    return min(max([_WAITING, *wanted]) * workers, MOST_AT_ONCE)


def longest_answer_s(service: BentoServiceMetadata) -> int:
    """After how many seconds an API gives up, at the latest, in the configuration that the server has by default."""
    batched = [-(-api.mb_max_latency // 1000) for api in service.apis if api.batch]
    return max([60, *batched])
