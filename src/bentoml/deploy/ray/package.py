"""The bundle as a package of Ray: what each node unpacks before a replica starts there."""

from __future__ import annotations

import io
import shlex
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.ray.arrival import PACKAGED
from bentoml.deploy.ray.dashboard import Dashboard
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import DeploymentResource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.deploy.plans import Workshop

JOB = "RayJob"
LARGEST_BYTES = 500 << 20
"""Ray keeps packages in the memory of the head, and takes none of 512 MiB."""
KEEPER = "sleep infinity"
_OLDEST = (1980, 1, 1, 0, 0, 0)
LIVES = frozenset({"PENDING", "RUNNING"})
"""Statuses of a job that has not ended."""


@dataclass(frozen=True)
class PackageStep:
    """Sends the bundle to the cluster, and keeps it there.

    Ray forgets a package that nobody uses: with the last replica, which may have died with its node, the bundle would
    be gone. So a job that sleeps on the head uses it, too.

    Attributes:
        address: of the dashboard.
        package: name of the package.
        job: its keeper.
        tag: of the bundle.
        bundle: gives the directory of the bundle with a tag.
    """

    address: str
    package: str
    job: str
    tag: str
    bundle: Callable[[str], Path]

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"send {self.tag} to the cluster, and keep it there by the job {self.job}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (job_resource(self.address, self.job),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        url, environment = (
            f"{self.address}/api/packages/gcs/{self.package}",
            f'{{"working_dir": "{uri(self.package)}"}}',
        )
        names = ("--submission-id", self.job, "--no-wait", "--runtime-env-json", environment)
        return (
            shlex.join(("bentoml", "retrieve", self.tag, "--target-dir", f"package/{PACKAGED}")),
            "(cd package && zip --quiet --recurse-paths ../package.zip .)",
            shlex.join(("curl", "--fail", "--upload-file", "package.zip", url)),
            shlex.join(("ray", "job", "submit", "--address", self.address, *names, "--", *KEEPER.split())),
        )

    def run(self, workshop: Workshop) -> None:  # noqa: ARG002 - the bundle is elsewhere
        """See `Step`."""
        dashboard = Dashboard(self.address)
        dashboard.upload(self.package, packed(self.bundle(self.tag)))
        status = dashboard.job_status(self.job)
        if status in LIVES:
            return
        if status is not None:
            dashboard.forget_job(self.job)
        dashboard.submit_job(self.job, KEEPER, uri(self.package))


def uri(package: str) -> str:
    """How a node finds it."""
    return f"gcs://{package}"


def job_resource(address: str, job: str) -> DeploymentResource:
    """The keeper as the record of a deployment has it."""
    return DeploymentResource(JOB, f"{address} {job}", {"address": address, "name": job})


def packed(bundle: Path) -> bytes:
    """A package with all files of a bundle, the same bytes each time.

    Raises:
        InvalidArgument: it is too large for Ray.
    """
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    if sum(path.stat().st_size for path in files) > LARGEST_BYTES:
        raise InvalidArgument(
            f"{bundle} has more than {LARGEST_BYTES >> 20} MiB, which Ray does not send to its nodes: put the bundle "
            "where each node can read it, and say where with location"
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{PACKAGED}/{path.relative_to(bundle).as_posix()}", _OLDEST)
            entry.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
