"""What `@api` says about a function, kept on the function until a service is created."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.adapters import BaseInputAdapter, BaseOutputAdapter

DECLARATION_ATTRIBUTE = "_bentoml_api_declaration"
DEFAULT_MAX_BATCH_SIZE = 4000
DEFAULT_MAX_LATENCY_MS = 20000


@dataclass(frozen=True)
class ApiAdapters:
    """The adapters of one API.

    Attributes:
        input_adapter: turns requests into arguments.
        output_adapter: turns the returned value into responses.
        argument_names: the parameters that the arguments are passed to; None when their order says it.
    """

    input_adapter: BaseInputAdapter
    output_adapter: BaseOutputAdapter
    argument_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ApiDeclaration:
    """One inference API, before it belongs to an instance.

    Attributes:
        name: name of the API.
        route: URL path without leading slash.
        doc: text for people.
        input_adapter: turns requests into arguments.
        output_adapter: turns the returned value into responses.
        mb_max_batch_size: most requests merged into one call.
        mb_max_latency: budget of a request, milliseconds.
        batch: whether the function takes many requests at once.
        idempotent: whether a request may be run twice.
        argument_names: see `ApiAdapters`.
    """

    name: str
    route: str
    doc: str
    input_adapter: BaseInputAdapter
    output_adapter: BaseOutputAdapter
    mb_max_batch_size: int
    mb_max_latency: int
    batch: bool
    idempotent: bool = True
    argument_names: tuple[str, ...] | None = None

    def check_mode(self, service_name: str) -> None:
        """Check that the input adapter can do what the API asks of it.

        Raises:
            BentoMLConfigException: it does not support the API's `batch` value.
        """
        adapter = self.input_adapter
        if self.batch and not adapter.BATCH_MODE_SUPPORTED:
            mode, fix = "batch=True", "batch=False"
        elif not self.batch and not adapter.SINGLE_MODE_SUPPORTED:
            mode, fix = "batch=False", "batch=True"
        else:
            return
        raise BentoMLConfigException(
            f"API '{self.name}' of service '{service_name}': {type(adapter).__name__} does not support {mode}; "
            f"declare it with {fix}"
        )


def declared_apis(service_class: type) -> Iterator[tuple[str, ApiDeclaration]]:
    """Attribute name and declaration of each API of a class, its bases included, sorted by attribute name."""
    for attribute in sorted(dir(service_class)):
        member: Any = inspect.getattr_static(service_class, attribute)
        declaration = getattr(member, DECLARATION_ATTRIBUTE, None)
        if isinstance(declaration, ApiDeclaration):
            yield attribute, declaration
