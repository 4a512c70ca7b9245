"""What a user asks of an app on a platform that resembles Heroku, checked before a file is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.deploy.app_platforms.server import OWN_VARIABLES
from bentoml.deploy.plans import MOST_WORKERS, check_number, check_variables
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

_memory = re.compile(r"([1-9][0-9]*)(Mi|Gi)").fullmatch
_is_word = re.compile(r"[a-z0-9]([a-z0-9. -]*[a-z0-9])?").fullmatch


@dataclass(frozen=True)
class AppOptions:
    """How an app runs. What is None is left to the platform; what a platform does not take has to be None.

    Args:
        region: where it runs, in the words of the platform.
        size: kind of an instance, in the words of the platform.
        memory: of an instance, such as `512Mi` or `2Gi`.
        instances: how many there are; on Fly, how many run when nobody asks.
        workers: processes in each instance, each with a copy of the model.
        env: environment variables.
        secrets: names of variables whose values the platform gets in another way.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    region: str | None = None
    size: str | None = None
    memory: str | None = None
    instances: int | None = None
    workers: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what in ("region", "size"):
            word = getattr(self, what)
            if word is not None and not _is_word(word):
                raise InvalidArgument(f"{what} cannot be {word!r}: write it as the platform does, in small letters")
        check_number("instances", self.instances, 0, 1000)
        check_number("workers", self.workers, 1, MOST_WORKERS)
        check_variables(self.env, OWN_VARIABLES)
        # Their values are not here, and settings of the server may be among them.
        check_variables({name: "" for name in self.secrets if not name.startswith("BENTOML__")}, OWN_VARIABLES)
        for name in self.secrets:
            if name in self.env:
                raise InvalidArgument(f"{name} is a variable and a secret: leave one of them out")
        _ = self.memory_mib

    @property
    def memory_mib(self) -> int | None:
        """Memory of an instance.

        Raises:
            InvalidArgument: `memory` is no quantity.
        """
        if self.memory is None:
            return None
        found = _memory(self.memory)
        if not found:
            raise InvalidArgument(f"memory cannot be {self.memory!r}: write a quantity such as 512Mi or 2Gi")
        return int(found[1]) * (1024 if found[2] == "Gi" else 1)
