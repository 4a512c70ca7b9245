"""Who may know, and change, a deployment: whoever may so with its bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.yatai.deployment_registry import no_deployment
from bentoml.yatai.deployments import changed_meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.yatai.deployment_models import Deployment
    from bentoml.yatai.server.call import Call

T = TypeVar("T")

_ATTEMPTS = 5


def known_deployment(call: Call, namespace: str, name: str) -> Deployment:
    """One deployment, where the caller may know of its bundle.

    Raises:
        NotFound: there is none, or none that the caller may know of.
    """
    found = call.registry.find_deployment(namespace, name)
    if not call.principal.covers(found.spec.bento_name):
        raise no_deployment(namespace, name)
    return found


def changing(
    call: Call,
    named: tuple[str, str],
    based_on: int | None,
    change: Callable[[int | None], T],
    *,
    may_be_new: bool = False,
) -> T:
    """Change a deployment, where the caller may know of the bundle that it has until then.

    Args:
        call: the request; its role was looked at.
        named: namespace and name of the deployment.
        based_on: the revision that the caller has looked at; None for any.
        change: makes the change when the deployment is at that revision; None for any.
        may_be_new: whether there may be none yet.

    Raises:
        NotFound: there is none, or none that the caller may know of.
        YataiServiceRpcAborted: it is at another revision, or its name is taken by one the caller may not know of.
    """
    if call.principal.covers_all:
        return change(based_on)
    for attempt in range(1, _ATTEMPTS + 1):
        # What was looked at is what is changed: the bundle of the next revision may be one of somebody else.
        revision = _revision(call, named, may_be_new=may_be_new)
        if based_on is not None and based_on != revision:
            raise changed_meanwhile(*named, f"it is at revision {revision}, not {based_on}")
        try:
            return change(revision)
        except YataiServiceRpcAborted:
            is_stale = _revision(call, named, may_be_new=may_be_new) != revision
            if based_on is not None or not is_stale or attempt == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _revision(call: Call, named: tuple[str, str], *, may_be_new: bool) -> int:
    if not may_be_new:
        return known_deployment(call, *named).revision
    try:
        found = call.registry.find_deployment(*named)
    except NotFound:
        return 0
    if not call.principal.covers(found.spec.bento_name):
        raise YataiServiceRpcAborted(f"The name {'/'.join(named)} is taken by another deployment; choose another")
    return found.revision
