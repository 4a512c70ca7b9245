"""The load balancer in front of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.network import BALANCER_GROUP, PORT
from bentoml.deploy.aws.observation import ENDPOINT
from bentoml.deploy.aws.template_values import attribute, ref, sub

if TYPE_CHECKING:
    from bentoml.deploy.aws.balanced_options import BalancedOptions
    from bentoml.deploy.aws.network import Network

LISTENER, TARGETS, BALANCER = "Listener", "Targets", "Balancer"
_SECURE = "SecureListener"
START_LIMIT_S = 900
_LOOKS_EVERY_S, _LOOKS_FOR_S, _LOOKS = 10, 5, 2
SEEN_AFTER_S = _LOOKS_EVERY_S * _LOOKS + _LOOKS_FOR_S
"""So long after a server is ready the load balancer has seen it."""
REQUESTS_LABEL = f"${{{BALANCER}.LoadBalancerFullName}}/${{{TARGETS}.TargetGroupFullName}}"
_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def balancer_resources(network: Network, options: BalancedOptions, target_type: str) -> dict[str, Any]:
    """What the template has of it.

    Args:
        network: where it is.
        options: what the user asks for.
        target_type: `ip` or `instance`.
    """
    attributes = {
        "idle_timeout.timeout_seconds": str(options.silence_s),
        "routing.http.drop_invalid_header_fields.enabled": "true",
    }
    balancer = {
        "Type": "application",
        "Scheme": "internal" if options.internal else "internet-facing",
        "Subnets": network.balancer_subnets,
        "SecurityGroups": [attribute(BALANCER_GROUP, "GroupId")],
        "LoadBalancerAttributes": _pairs(attributes),
        "Tags": network.tags(),
    }
    return {
        BALANCER: {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            **network.needs(),
            "Properties": balancer,
        },
        TARGETS: {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": _targets(network, options, target_type),
        },
        **_listeners(options),
    }


def balancer_outputs(options: BalancedOptions) -> dict[str, Any]:
    """Where requests go, and what is needed to look at the servers."""
    scheme = "http" if options.certificate is None else "https"
    return {
        ENDPOINT: {"Value": sub(f"{scheme}://${{{BALANCER}.DNSName}}")},
        "TargetGroup": {"Value": ref(TARGETS)},
    }


def _targets(network: Network, options: BalancedOptions, target_type: str) -> dict[str, Any]:
    attributes = {
        "deregistration_delay.timeout_seconds": str(min(options.drain_s, 3600)),
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    return {
        "TargetType": target_type,
        "Protocol": "HTTP",
        "Port": PORT,
        "VpcId": network.vpc,
        "HealthCheckPath": "/readyz",
        "HealthCheckIntervalSeconds": _LOOKS_EVERY_S,
        "HealthCheckTimeoutSeconds": _LOOKS_FOR_S,
        "HealthyThresholdCount": _LOOKS,
        "UnhealthyThresholdCount": 3,
        "Matcher": {"HttpCode": "200"},
        "TargetGroupAttributes": _pairs(attributes),
        "Tags": network.tags(),
    }


def _listeners(options: BalancedOptions) -> dict[str, Any]:
    forward = [{"Type": "forward", "TargetGroupArn": ref(TARGETS)}]
    if options.certificate is None:
        return {LISTENER: _listener(80, "HTTP", forward)}
    away = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    secure = {"Certificates": [{"CertificateArn": options.certificate}], "SslPolicy": _POLICY}
    return {
        _SECURE: _listener(443, "HTTPS", forward, **secure),
        # The same resource as without a certificate, as a port never has two; after the other, where it sends clients.
        LISTENER: {
            "DependsOn": [_SECURE],
            **_listener(80, "HTTP", [{"Type": "redirect", "RedirectConfig": away}]),
        },
    }


def _listener(port: int, protocol: str, actions: list[Any], **more: Any) -> dict[str, Any]:
    properties = {"LoadBalancerArn": ref(BALANCER), "Port": port, "Protocol": protocol, "DefaultActions": actions}
    return {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {**properties, **more}}


def _pairs(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in attributes.items()]
