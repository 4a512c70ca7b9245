"""What runs on the nodes: `bentoml.deploy.ray.replica:application` is the application of Ray Serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.deploy.ray.application import DEPLOYMENT, OWNER
from bentoml.deploy.ray.arrival import arrived
from bentoml.deploy.ray.bundle_server import BundleServer
from bentoml.deploy.ray.options import MOST_ONGOING
from bentoml.deploy.ray.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Mapping


class Replica:
    """A server of the bundle, as Ray Serve sees it: it takes a request and gives an answer.

    Args:
        bundle: where the bundle is: a directory or an address; None for the package.
        prefix: of the paths.
        workers: worker processes of the server.
        env: variables for it.
        grace_s: longest time that it may take to end.
        digest: SHA-256 of the bundle's list of digests; None for any.
    """

    async def __init__(  # type: ignore[misc] # as Ray Serve awaits it
        self,
        bundle: str | None,
        prefix: str,
        workers: int,
        env: Mapping[str, str],
        grace_s: float,
        digest: str | None = None,
    ) -> None:
        self._prefix = prefix
        self._server = BundleServer(arrived(bundle, digest), workers, env, grace_s)
        await self._server.start()

    async def __call__(self, request: Any) -> Relay:  # noqa: ARG002 - the answer reads it
        """The answer to a request."""
        return Relay(self._server, self._prefix)

    async def check_health(self) -> None:
        """Ray replaces a replica for which this fails.

        Raises:
            BentoMLException: the server is gone, or silent.
        """
        await self._server.check()

    async def __del__(self) -> None:
        """End the server: Ray calls this once nothing is asked any more."""
        await self._server.stop()


def application(args: Mapping[str, Any]) -> Any:
    """The application, as `import_path` of a configuration of Ray Serve names it.

    Args:
        args: arguments of `Replica` by name, and the owner, which is for those who look at the application.
    """
    serve = require("ray.serve", "ray[serve]")
    known = {name: value for name, value in args.items() if name != OWNER}
    deployment = serve.deployment(Replica, name=DEPLOYMENT, max_ongoing_requests=MOST_ONGOING)
    return deployment.bind(**known)
