"""All objects of a deployment, in the order in which they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes import network, pods, scaling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.deploy.kubernetes.facts import Facts


def objects_of(facts: Facts) -> Iterator[dict[str, Any]]:
    """What the pods need first, then the pods, then what sends them requests."""
    options = facts.options
    if options.config is not None:
        yield pods.config_map(facts)
    if options.network_policy:
        yield network.network_policy(facts)
    yield pods.deployment(facts)
    yield network.service(facts)
    if options.disruption_budget:
        yield scaling.disruption_budget(facts)
    if options.scales:
        yield scaling.autoscaler(facts)
    if options.gateway is not None:
        yield network.http_route(facts)
    elif options.host is not None:
        yield network.ingress(facts)
    if options.service_monitor:
        yield scaling.service_monitor(facts)


def file_of(found: dict[str, Any]) -> str:
    """The name of the file of an object."""
    return f"{found['kind'].lower()}.yaml"
