"""Pods of the objects for Kubernetes, which podman runs: no cluster, but the real image, its rights and its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.deploy.containers.machine import Machine
from tests.deploy.containers.running import free_port, wait_until_ready

if TYPE_CHECKING:
    from typing_extensions import Self


class Pod:
    """A pod, which podman runs.

    Args:
        machine: has podman.
        spec: of the pod; it is changed.
        name: of the pod.
        directory: for its file.
        others: objects that it needs, such as a ConfigMap.
    """

    def __init__(
        self, machine: Machine, spec: dict[str, Any], name: str, directory: Path, others: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.machine = machine
        self.port = free_port()
        self.grace_s = int(spec["terminationGracePeriodSeconds"])
        (container,) = spec["containers"]
        self.last_command: list[str] = container["lifecycle"]["preStop"]["exec"]["command"]
        self.ready_path: str = container["readinessProbe"]["httpGet"]["path"]
        # podman runs such probes with curl inside of the container; here they are asked from outside.
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            del container[probe]
        container["ports"][0].update(hostPort=self.port, hostIP="127.0.0.1")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        self.file = directory / f"{name}.yaml"
        self.file.write_text(yaml.safe_dump_all([*others, pod]))
        self.container = f"{name}-{container['name']}"

    def start(self) -> None:
        self.machine.run("podman", "play", "kube", str(self.file))
        wait_until_ready(self.machine, self.container, self.port)

    def inside(self, *argv: str, check: bool = True) -> str:
        return self.machine.run("podman", "exec", self.container, *argv, check=check)

    def leave(self) -> int:
        """What happens to a pod that is deleted: its last command, SIGTERM, and after the grace time SIGKILL.

        Returns:
            The exit code of the server.
        """
        began_s = time.monotonic()
        self.inside(*self.last_command)
        left_s = self.grace_s - (time.monotonic() - began_s)
        self.machine.run("podman", "stop", "-t", str(int(left_s)), self.container)
        return int(self.machine.run("podman", "inspect", self.container, "--format", "{{.State.ExitCode}}"))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def remove(self) -> None:
        self.machine.run("podman", "play", "kube", "--down", str(self.file), check=False)
