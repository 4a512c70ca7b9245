"""The published schemas of the objects of Kubernetes."""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def schemas() -> Any:
    """The library that has them, made to read each file once: it would read a megabyte for each object.

    It is imported when it is needed, as it takes two seconds.
    """
    from kubernetes_validate import utils

    utils.schema_contents = functools.cache(utils.schema_contents)
    return utils
