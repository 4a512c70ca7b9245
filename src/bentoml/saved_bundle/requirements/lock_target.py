"""The machines that a lock is made for, when they are not of the kind of this one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.requirements.lock import any_machine, machine_name

ANY = "any"
# Name -> as uv calls it; as CPython calls it; the processor. The names are those of `bentoml containerize --platform`.
_KINDS = {
    "linux/amd64": ("x86_64-manylinux_2_28", "x86_64-linux-gnu", "x86_64"),
    "linux/arm64": ("aarch64-manylinux_2_28", "aarch64-linux-gnu", "aarch64"),
    "darwin/arm64": ("aarch64-apple-darwin", "darwin", "arm64"),
}
PLATFORMS = (ANY, *_KINDS)
_MINOR = re.compile(r"(3)\.(\d{1,2})(\.\d+)?")


@dataclass(frozen=True)
class LockTarget:
    """Machines of one kind, or any.

    Attributes:
        made_for: what the lock says of them.
        uv_options: what uv is told of them.
    """

    made_for: str
    uv_options: tuple[str, ...]

    @classmethod
    def of(cls, platform: str | None, python_version: str) -> LockTarget:
        """The machines of a platform, with a Python.

        Args:
            platform: one of `PLATFORMS`; None for that of this machine.
            python_version: such as `3.12` or `3.12.4`, of which the last number does not count.

        Raises:
            InvalidArgument: there is no such platform, or this machine is of none of them, or it is no version.
        """
        found = _MINOR.fullmatch(python_version)
        if found is None:
            raise InvalidArgument(f"{python_version!r} is no version of Python; write it as 3.12")
        minor = f"{found[1]}.{found[2]}"
        if platform == ANY:
            return cls(any_machine(minor), ("--universal", f"--python-version={minor}"))
        name = _this_platform() if platform is None else platform
        if name not in _KINDS:
            raise InvalidArgument(f"{name!r} is none of the platforms {', '.join(PLATFORMS)}")
        of_uv, of_python, processor = _KINDS[name]
        made_for = f"cpython-{found[1]}{found[2]}-{of_python} {processor}"
        return cls(made_for, (f"--python-platform={of_uv}", f"--python-version={minor}"))


def _this_platform() -> str:
    present = machine_name()
    for name, (_, of_python, processor) in _KINDS.items():
        if present.endswith(f"-{of_python} {processor}"):
            return name
    raise InvalidArgument(f"this machine ({present}) is of no platform that has a name here; name one with --platform")
