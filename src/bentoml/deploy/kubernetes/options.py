"""What a user asks of a deployment on Kubernetes, checked before anything is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes import option_checks as check
from bentoml.deploy.plans import MOST_WORKERS, check_choice, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN_VARIABLES = ("BENTOML_CONFIG", "BENTOML_PORT")
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
_LISTS = frozenset({"pull_secrets", "secrets", "tolerations"})


@dataclass(frozen=True)
class KubernetesOptions:
    """How a deployment runs in a cluster. Quantities are texts as Kubernetes has them, such as `500m` and `1Gi`.

    Args:
        image: name of the image, which the cluster can pull; without a tag it is the version of the bundle.
        context: of the configuration of kubectl; None for the one in use.
        kube_namespace: of the cluster; None for that of the deployment.
        replicas: pods, the least of them when they scale.
        max_replicas: most pods; None does not scale.
        cpu_target_percent: mean use of the requested CPU that scaling aims at; None does not look at it.
        queue_target: requests of a pod that wait, on average, which scaling aims at; None does not look at them.
        cpu_request: guaranteed to each pod.
        cpu_limit: most for each pod; None is no limit, which slows no burst down.
        memory_request: guaranteed to each pod.
        memory_limit: over which a pod is ended; None is `memory_request`.
        gpus: of NVIDIA, for each pod.
        workers: processes in each pod; None is what the configuration says.
        port: of the service.
        service_type: `ClusterIP`, `NodePort` or `LoadBalancer`.
        host: name under which an ingress, or a gateway, hands requests on; None for within the cluster only.
        ingress_class: of the ingress; None for the default of the cluster.
        tls_secret: secret with the certificate of `host`.
        gateway: `NAME` or `NAMESPACE/NAME` of a gateway to use instead of an ingress.
        pull_secrets: with the passwords of image registries.
        service_account: that pods run as; None is the default one, without a token.
        env: environment variables.
        secrets: whose keys become environment variables.
        config: text of a configuration file.
        node_selector: labels of nodes to run on.
        tolerations: taints of nodes to run on nevertheless, as `KEY=VALUE:EFFECT`.
        network_policy: keep all ports closed but that of the service.
        disruption_budget: have nodes emptied one pod at a time.
        service_monitor: have the Prometheus operator scrape `/metrics`.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    image: str
    context: str | None = None
    kube_namespace: str | None = None
    replicas: int = 1
    max_replicas: int | None = None
    cpu_target_percent: int | None = 80
    queue_target: int | None = None
    cpu_request: str = "500m"
    cpu_limit: str | None = None
    memory_request: str = "1Gi"
    memory_limit: str | None = None
    gpus: int = 0
    workers: int | None = None
    port: int = 5000
    service_type: str = "ClusterIP"
    host: str | None = None
    ingress_class: str | None = None
    tls_secret: str | None = None
    gateway: str | None = None
    pull_secrets: tuple[str, ...] = ()
    service_account: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    config: str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[str, ...] = ()
    network_policy: bool = True
    disruption_budget: bool = True
    service_monitor: bool = False

    def __post_init__(self) -> None:
        self._check_scale()
        self._check_resources()
        self._check_network()
        check_variables(self.env, _OWN_VARIABLES)
        for what in ("pull_secrets", "secrets"):
            check.check_names(what, getattr(self, what))
        check.check_names("service_account", [self.service_account])
        for key, value in self.node_selector.items():
            check.check_label("node_selector", key, value)
        for text in self.tolerations:
            check.read_toleration(text)
        if self.context is not None and not self.context.isprintable():
            raise InvalidArgument(f"context cannot be {self.context!r}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> KubernetesOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "Kubernetes"))

    def to_config(self) -> dict[str, Any]:
        """The settings as a record has them: those that differ from their defaults."""
        document = {name: list(value) if name in _LISTS else value for name, value in asdict(self).items()}
        plain = asdict(type(self)(image=self.image))
        return {
            name: value for name, value in document.items() if name == "image" or getattr(self, name) != plain[name]
        }

    @property
    def scales(self) -> bool:
        """Whether the number of pods follows the load."""
        return self.max_replicas is not None

    def _check_scale(self) -> None:
        check_number("replicas", self.replicas, 1, 10_000)
        check_number("max_replicas", self.max_replicas, self.replicas, 10_000)
        check_number("cpu_target_percent", self.cpu_target_percent, 1, 1000)
        check_number("queue_target", self.queue_target, 1, 1_000_000)
        if self.queue_target is not None and not self.scales:
            raise InvalidArgument("queue_target needs max_replicas: without it the number of pods stays")
        if self.scales and self.cpu_target_percent is None and self.queue_target is None:
            raise InvalidArgument("max_replicas needs cpu_target_percent or queue_target, which say when to scale")

    def _check_resources(self) -> None:
        check.check_pair("cpu", self.cpu_request, self.cpu_limit)
        check.check_pair("memory", self.memory_request, self.memory_limit)
        check_number("gpus", self.gpus, 0, 64)
        check_number("workers", self.workers, 1, MOST_WORKERS)

    def _check_network(self) -> None:
        check_number("port", self.port, 1, 65535)
        check_choice("service_type", self.service_type, SERVICE_TYPES)
        check.check_host(self.host)
        check.check_names("ingress_class", [self.ingress_class])
        check.check_names("tls_secret", [self.tls_secret])
        check.check_names("gateway", [] if self.gateway is None else self.gateway.split("/", 1))
        for name in ("ingress_class", "tls_secret", "gateway"):
            if getattr(self, name) is not None and self.host is None:
                raise InvalidArgument(f"{name} needs host, the name under which requests come from outside")
        if self.gateway is not None and (self.ingress_class or self.tls_secret):
            raise InvalidArgument("a gateway has its own class and certificate: leave out ingress_class and tls_secret")
