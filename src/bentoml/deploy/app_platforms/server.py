"""How the server is set up for platforms that run one image behind a proxy of their own.

They say in `PORT` where to listen, which the entry point of the image reads, so that no file sets `BENTOML_PORT`. They
end a container by SIGTERM and, a fixed time later, SIGKILL. What a container writes is lost when it ends, and on some
takes its memory, so log files are off: all that they would hold goes to the standard output anyway.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Surroundings:
    """What a platform does to the server.

    Attributes:
        kill_after_s: from SIGTERM to SIGKILL, more than 2 seconds.
        timeout_s: after which an answer is given up; None leaves that to the server.
        proxies: network from which its proxy connects, where that adds the client to `X-Forwarded-For` and nobody else
            can connect; None where this is not known.
    """

    kill_after_s: int
    timeout_s: int | None = None
    proxies: str | None = None


def server_variables(workers: int, around: Surroundings, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of the server; those that a user gives come last, and win.

    Args:
        workers: processes that run the model, each with a copy of it.
        around: what the platform does.
        env: of the user.
    """
    own = {
        "BENTOML__BENTO_SERVER__WORKERS": str(workers),
        "BENTOML__BENTO_SERVER__GRACE_S": str(around.kill_after_s - END_S),
        "BENTOML__LOGGING__FILE__ENABLED": "false",
    }
    if around.timeout_s is not None:
        own["BENTOML__BENTO_SERVER__TIMEOUT"] = str(around.timeout_s)
    if around.proxies is not None:
        own["BENTOML__BENTO_SERVER__TRUSTED_PROXIES"] = json.dumps([around.proxies])
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
