"""How requests reach the pods, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes.pods import PORT_NAME

if TYPE_CHECKING:
    from bentoml.deploy.kubernetes.facts import Facts


def service(facts: Facts) -> dict[str, Any]:
    """One address for all pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": facts.metadata(),
        "spec": {
            "type": facts.options.service_type,
            "selector": facts.selector,
            "ports": [{"name": PORT_NAME, "port": facts.options.port, "targetPort": PORT_NAME, "protocol": "TCP"}],
        },
    }


def ingress(facts: Facts) -> dict[str, Any]:
    """A host name for the service, through the ingress controller of the cluster."""
    options = facts.options
    backend = {"service": {"name": facts.name, "port": {"name": PORT_NAME}}}
    spec: dict[str, Any] = {} if options.ingress_class is None else {"ingressClassName": options.ingress_class}
    if options.tls_secret is not None:
        spec["tls"] = [{"hosts": [options.host], "secretName": options.tls_secret}]
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec["rules"] = [{"host": options.host, "http": {"paths": paths}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": facts.metadata(), "spec": spec}


def http_route(facts: Facts) -> dict[str, Any]:
    """A host name for the service, through a gateway."""
    namespace, slash, name = str(facts.options.gateway).rpartition("/")
    parent = {"name": name, "namespace": namespace} if slash else {"name": name}
    rule = {"backendRefs": [{"name": facts.name, "port": facts.options.port}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": facts.metadata(),
        "spec": {"parentRefs": [parent], "hostnames": [facts.options.host], "rules": [rule]},
    }


def network_policy(facts: Facts) -> dict[str, Any]:
    """Only the port of the server can be connected to; the pods may connect to anything."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": facts.metadata(),
        "spec": {
            "podSelector": {"matchLabels": facts.selector},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": PORT_NAME}]}],
        },
    }
