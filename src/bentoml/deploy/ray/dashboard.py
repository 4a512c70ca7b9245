"""What the dashboard of a Ray cluster is asked, over HTTP; it is what `serve deploy` and `ray job submit` ask, too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import YataiDeploymentException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIMIT_S = 60.0
_UPLOAD_LIMIT_S = 3600.0
TOKEN, TOKEN_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
"""Variables that the commands of Ray read, too; the token goes nowhere unless one of them is set."""
_APPLICATIONS = "/api/serve/applications/"
_JOBS = "/api/jobs/"
_SERVED = ("http_options", "grpc_options", "proxy_location", "target_capacity")
"""What an answer has of the whole cluster, and a change has to say again."""


class Dashboard:
    """The dashboard of one cluster.

    Args:
        address: URL without a final slash.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def applications(self) -> dict[str, dict[str, Any]]:
        """What Ray Serve says about each application, by its name.

        Raises:
            YataiDeploymentException: nobody answers, or the cluster cannot tell.
        """
        found: dict[str, dict[str, Any]] = self._served()["applications"]
        return found

    def change_applications(self, change: Callable[[dict[str, dict[str, Any]]], None]) -> None:
        """Change which applications the cluster is to run, by their configurations; all others are said again.

        The dashboard takes the whole list alone, and deletes what is not in it: somebody who changes it at the same
        moment has not seen our change, nor we theirs.

        Args:
            change: is given the configurations by name, and changes them.

        Raises:
            YataiDeploymentException: the cluster does not take it.
        """
        served = self._served()
        wanted = {
            name: each["deployed_app_config"]
            for name, each in served["applications"].items()
            # Those that a program has made with serve.run() stay, whatever the list says.
            if each.get("source") != "imperative" and each.get("deployed_app_config") and each["status"] != "DELETING"
        }
        change(wanted)
        cluster = {name: served[name] for name in _SERVED if served.get(name) is not None}
        self._ask("PUT", _APPLICATIONS, {**cluster, "applications": list(wanted.values())})

    def upload(self, package: str, content: bytes) -> None:
        """Put a package where all nodes can load it from.

        Raises:
            YataiDeploymentException: it is not taken.
        """
        self._send("PUT", f"/api/packages/gcs/{package}", content, _UPLOAD_LIMIT_S)

    def job_status(self, job: str) -> str | None:
        """Such as `RUNNING`; None when there is no such job.

        Raises:
            YataiDeploymentException: the cluster cannot tell.
        """
        found = self._send("GET", f"{_JOBS}{job}", may_be_missing=True)
        return None if found is None else str(json.loads(found)["status"])

    def submit_job(self, job: str, entrypoint: str, working_dir: str) -> None:
        """Start a program on the head of the cluster.

        Raises:
            YataiDeploymentException: it is not started.
        """
        document = {"entrypoint": entrypoint, "submission_id": job, "runtime_env": {"working_dir": working_dir}}
        self._ask("POST", _JOBS, document)

    def stop_job(self, job: str) -> None:
        """Stop it.

        Raises:
            YataiDeploymentException: the cluster cannot.
        """
        self._send("POST", f"{_JOBS}{job}/stop", may_be_missing=True)

    def forget_job(self, job: str) -> None:
        """Delete what the cluster knows of a job that has ended.

        Raises:
            YataiDeploymentException: the cluster cannot.
        """
        self._send("DELETE", f"{_JOBS}{job}", may_be_missing=True)

    def _served(self) -> dict[str, Any]:
        served: dict[str, Any] = json.loads(self._send("GET", _APPLICATIONS) or b"{}")
        return served

    def _ask(self, method: str, path: str, document: Mapping[str, Any]) -> None:
        self._send(method, path, json.dumps(document).encode())

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        limit_s: float = _LIMIT_S,
        *,
        may_be_missing: bool = False,
    ) -> bytes | None:
        """What is answered; None for what is not there, where it may be missing."""
        import urllib3

        headers = _authorization() if body is None else {**_authorization(), "content-type": "application/json"}
        url = f"{self._address}{path}"
        try:
            with urllib3.PoolManager(timeout=limit_s, retries=False) as pool:
                answer = pool.request(method, url, body=body, headers=headers, redirect=False)
                status, content = answer.status, answer.data
        except urllib3.exceptions.HTTPError as error:
            raise YataiDeploymentException(
                f"the dashboard of Ray at {self._address} does not answer: {error}; it has to run, and to be reachable"
            ) from error
        if may_be_missing and status == 404:
            return None
        if status == 401:
            raise YataiDeploymentException(
                f"the dashboard of Ray at {self._address} asks for a token: set {TOKEN}, or {TOKEN_PATH} to its file, "
                "such as ~/.ray/auth_token on the head"
            )
        if status != 200:
            text = content.decode(errors="replace").strip()[-2000:]
            raise YataiDeploymentException(f"the dashboard of Ray answers {method} {url} with {status}: {text}")
        return bytes(content)


def _authorization() -> dict[str, str]:
    """The header with the token that the user has set, as for the commands of Ray.

    Raises:
        YataiDeploymentException: its file cannot be read.
    """
    token, path = os.environ.get(TOKEN), os.environ.get(TOKEN_PATH)
    if not token and path:
        try:
            token = Path(path).expanduser().read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise YataiDeploymentException(f"the token of Ray cannot be read from {path}: {error}") from error
    return {"authorization": f"Bearer {token}"} if token else {}
