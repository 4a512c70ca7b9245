"""What a user asks of servers behind a load balancer on AWS, checked before anything is done."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.configuration.settings import config_of, default_layer, environment_layer
from bentoml.deploy.aws.place import Place
from bentoml.deploy.container.image_name import pulled_image
from bentoml.deploy.plans import check_variables, settings_of_server
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from bentoml.configuration.schema import Config

OWN_VARIABLES = ("BENTOML_PORT", "PORT", "AWS_EXECUTION_ENV", "ECS_*")
AFTER_GRACE_S = 10
"""Time for the processes of a server to end, after the last answer."""
LEAST_SUBNETS = 2
_KEEP_ALIVE = "BENTOML__BENTO_SERVER__KEEP_ALIVE_S"
_LEAST_SILENCE_S, _MOST_SILENCE_S = 70, 4000
_KEPT_LONGER_S = 10
_is_certificate = re.compile(
    r"arn:aws[a-z-]*:(acm|iam):[a-z0-9-]*:\d{12}:(certificate|server-certificate)/\S+"
).fullmatch


@dataclass(frozen=True)
class BalancedOptions:
    """How servers run behind a load balancer.

    Args:
        region: of AWS.
        account: number of the account; None for that of the credentials.
        image: one that is there, to use instead of building one.
        env: variables of the servers.
        certificate: ARN of the certificate for https; None is http.
        allow_from: ranges of addresses that may send requests.
        vpc: network to use; None makes one.
        subnets: of `vpc`, two or more, for the load balancer.
        server_subnets: of `vpc`, for servers without public addresses; none puts them into `subnets`, with such.
        internal: the load balancer has no public address.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    region: str
    account: str | None = None
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None
    allow_from: tuple[str, ...] = ("0.0.0.0/0",)
    vpc: str | None = None
    subnets: tuple[str, ...] = ()
    server_subnets: tuple[str, ...] = ()
    internal: bool = False

    def __post_init__(self) -> None:
        Place(self.region, self.account)
        check_variables(self.env, OWN_VARIABLES)
        if self.image is not None:
            _check_image(self.image)
        self._check_network()
        if self.certificate is not None and not _is_certificate(self.certificate):
            raise InvalidArgument(
                f"certificate cannot be {self.certificate!r}: write its ARN, such as "
                "arn:aws:acm:eu-west-1:123456789012:certificate/0123"
            )
        self._check_certificate_region()
        if not self.allow_from:
            raise InvalidArgument("allow_from names nobody: write ranges of addresses, such as 10.0.0.0/8")
        for text in self.allow_from:
            _check_range(text)

    @property
    def timeout_s(self) -> int:
        """Longest time for a request, as the configuration of the servers has it."""
        return math.ceil(self._config.bento_server.timeout)

    @property
    def drain_s(self) -> int:
        """How long the servers wait for answers when they stop."""
        server = self._config.bento_server
        return math.ceil(server.timeout if server.grace_s is None else server.grace_s)

    @property
    def silence_s(self) -> int:
        """After this time without a byte the load balancer closes a connection, also one that waits for an answer."""
        return max(_LEAST_SILENCE_S, min(self.timeout_s + 5, _MOST_SILENCE_S))

    @property
    def variables(self) -> dict[str, str]:
        """Variables of the servers: `env`, and what has them keep idle connections longer than the load balancer does.

        Else it would send requests on connections that a server is just closing, and answer 502.
        """
        if self._config.bento_server.keep_alive_s > self.silence_s:
            return dict(self.env)
        others = {name: value for name, value in self.env.items() if name.upper() != _KEEP_ALIVE}
        return {**others, _KEEP_ALIVE: str(self.silence_s + _KEPT_LONGER_S)}

    @property
    def ranges(self) -> tuple[str, ...]:
        """Those of `allow_from` as AWS takes them, each once: a single address is a range, too."""
        return tuple(dict.fromkeys(str(ipaddress.ip_network(text)) for text in self.allow_from))

    @property
    def _config(self) -> Config:
        layers = [default_layer(), environment_layer(settings_of_server(self.env))]
        return config_of({name: setting for layer in layers for name, setting in layer.settings.items()})

    def _check_certificate_region(self) -> None:
        service, region = (self.certificate or ":::").split(":")[2:4]
        if service == "acm" and region != self.region:
            raise InvalidArgument(
                f"certificate cannot be {self.certificate!r}: the load balancer takes those of {self.region} alone"
            )

    def _check_network(self) -> None:
        for what, names, kind in (
            ("vpc", () if self.vpc is None else (self.vpc,), "vpc"),
            ("subnets", self.subnets, "subnet"),
            ("server_subnets", self.server_subnets, "subnet"),
        ):
            check_all(what, names, re.compile(rf"{kind}-[0-9a-f]{{8,17}}").fullmatch, f"{kind}-0123456789abcdef0")
            if len(set(names)) != len(names):
                raise InvalidArgument(f"{what} names one twice")
        if self.vpc is None and (self.subnets or self.server_subnets or self.internal):
            what = "internal" if self.internal else "subnets"
            raise InvalidArgument(f"{what} needs vpc: without it the deployment makes a public network of its own")
        if self.vpc is not None and len(self.subnets) < LEAST_SUBNETS:
            raise InvalidArgument(
                f"vpc needs {LEAST_SUBNETS} subnets or more, of different zones, for the load balancer"
            )


def check_all(what: str, values: Collection[str], is_one: Callable[[str], object], example: str) -> None:
    """Refuse texts of another form.

    Raises:
        InvalidArgument: one has it.
    """
    for value in values:
        if not is_one(value):
            raise InvalidArgument(f"{what} cannot be {value!r}: write it as {example}")


def _check_image(given: str) -> None:
    if pulled_image("a", "1", given) != given:
        raise InvalidArgument(f"image cannot be {given!r}: say which tag or digest of it")


def _check_range(text: str) -> None:
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidArgument(f"allow_from cannot be {text!r}: {error}; write it as 10.0.0.0/8") from error
    if found.version != 4:  # the load balancer has no other addresses
        raise InvalidArgument(f"allow_from cannot be {text!r}: the load balancer has IPv4 addresses alone")
