"""Engines with a storage and settings of their own; images and containers of the machine are out of their sight."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.containers.base_image import PATH_LINE, base_image_name, write_debian_root, write_root

NEEDED = ("podman", "buildah", "docker", "docker-registry", "runc", "mmdebstrap", "git")
BUILD_LIMIT_S = 300
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# The same programs under both names, so that an index of two images can be built where one kind of processor is.
ARCHITECTURES = (NATIVE, "s390x")


def missing_programs() -> list[str]:
    """What these tests need and the machine lacks; a file system can be made by root alone."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return missing if os.geteuid() == 0 else [*missing, "root"]


@dataclass(frozen=True)
class Machine:
    """Engines that share one storage.

    Args:
        directory: where all of it lies.
    """

    directory: Path

    @property
    def env(self) -> dict[str, str]:
        """The variables that make the engines use it."""
        return {
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.directory / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def set_up(self) -> None:
        """Write the settings, and make the base image, in memory: most of the time goes into small files."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6g", "tmpfs", str(self.directory)], check=True)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = min(hard, 20_000)
        assert soft > 0
        (self.directory / "containers.conf").write_text(
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            '[network]\nnetwork_backend = "netavark"\n'
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]\nlog_driver = "k8s-file"\n'
        )
        (self.directory / "registries.conf").write_text(
            'unqualified-search-registries = []\nshort-name-mode = "permissive"\n'
            '[aliases]\n"python" = "localhost/python"\n[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n'
        )
        (self.directory / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.directory}/graph"\nrunroot = "{self.directory}/run"\n'
        )
        root = self.directory / "base"
        root.mkdir()
        write_root(root)
        archive = self.directory / "base.tar"
        base = f"localhost/{base_image_name()}"
        self.run("podman", "manifest", "create", base)
        for architecture in ARCHITECTURES:
            # Images with the same files would be taken for each other by the cache of layers.
            (root / "etc" / "architecture").write_text(f"{architecture}\n")
            subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
            name = f"localhost/base-{architecture}"
            self.run("podman", "import", "-q", f"--arch={architecture}", "-c", PATH_LINE, str(archive), name)
            self.run("podman", "manifest", "add", base, f"containers-storage:{name}")
        archive.unlink()
        shutil.rmtree(root)

    def add_debian(self, name: str) -> None:
        """Make another base image, which has apt."""
        root, archive = self.directory / "debian", self.directory / "debian.tar"
        root.mkdir()
        write_debian_root(root)
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
        shutil.rmtree(root)
        self.run("podman", "import", "-q", "-c", PATH_LINE, str(archive), name)
        archive.unlink()

    def run(self, *argv: str, check: bool = True, **env: str) -> str:
        """Run a program to its end; what it prints to stdout.

        Raises:
            AssertionError: it failed, with `check`.
        """
        done = subprocess.run(
            argv,
            env={**os.environ, **self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_LIMIT_S,
        )
        assert not check or done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr[-6000:]}"
        return done.stdout.strip()

    def inspect(self, image: str) -> dict[str, object]:
        """What podman says about an image."""
        found: dict[str, object] = json.loads(self.run("podman", "inspect", "--type", "image", image))[0]
        return found

    def tear_down(self) -> None:
        """Remove all containers, and what builds have left mounted."""
        self.run("podman", "rm", "-af", "-t", "0", check=False)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self.directory}/"):
                subprocess.run(["umount", mount], check=False)
        subprocess.run(["umount", str(self.directory)], check=True)
        self.directory.rmdir()
