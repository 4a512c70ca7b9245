"""The network of servers behind a load balancer: a small one of their own, or a part of one that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.template_values import attribute, ref

if TYPE_CHECKING:
    from bentoml.deploy.aws.balanced_options import BalancedOptions

PORT = 5000
SERVER_GROUP, BALANCER_GROUP = "ServerGroup", "BalancerGroup"
_ROUTE = "Route"
_RANGE = "10.0.0.0/23"
_SUBNETS = {"SubnetA": "10.0.0.0/24", "SubnetB": "10.0.1.0/24"}


@dataclass(frozen=True)
class Network:
    """A network.

    Attributes:
        name: of the stack.
        options: what the user asks for.
    """

    name: str
    options: BalancedOptions

    @property
    def is_own(self) -> bool:
        """Whether the stack makes it."""
        return self.options.vpc is None

    @property
    def vpc(self) -> Any:
        """Its id."""
        return self.options.vpc or ref("Vpc")

    @property
    def balancer_subnets(self) -> list[Any]:
        """Ids of those for the load balancer."""
        return [ref(name) for name in _SUBNETS] if self.is_own else list(self.options.subnets)

    @property
    def server_subnets(self) -> list[Any]:
        """Ids of those for the servers."""
        return list(self.options.server_subnets) or self.balancer_subnets

    @property
    def has_public_servers(self) -> bool:
        """Whether servers need addresses of their own on the way out; their group lets nobody in nevertheless."""
        return not self.options.server_subnets

    def resources(self) -> dict[str, Any]:
        """What the template has of it."""
        return {**(self._own() if self.is_own else {}), **self._groups()}

    def needs(self, *more: str) -> dict[str, Any]:
        """What has to be there before anything that talks to others, and that goes after it."""
        names = [*more, *([_ROUTE, *map(_routes_of, _SUBNETS)] if self.is_own else [])]
        return {"DependsOn": names} if names else {}

    def tags(self) -> list[dict[str, str]]:
        """The name that the console shows."""
        return [{"Key": "Name", "Value": self.name}]

    def _own(self) -> dict[str, Any]:
        network = {"CidrBlock": _RANGE, "EnableDnsSupport": True, "EnableDnsHostnames": True, "Tags": self.tags()}
        attached = {"VpcId": ref("Vpc"), "InternetGatewayId": ref("InternetGateway")}
        route = {
            "RouteTableId": ref("RouteTable"),
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": ref("InternetGateway"),
        }
        found: dict[str, Any] = {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": network},
            "InternetGateway": {"Type": "AWS::EC2::InternetGateway", "Properties": {"Tags": self.tags()}},
            "Attachment": {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": attached},
            "RouteTable": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Vpc"), "Tags": self.tags()}},
            _ROUTE: {"Type": "AWS::EC2::Route", "DependsOn": ["Attachment"], "Properties": route},
        }
        for number, (subnet, cidr) in enumerate(_SUBNETS.items()):
            zone = {"Fn::Select": [number, {"Fn::GetAZs": ""}]}
            place = {"VpcId": ref("Vpc"), "CidrBlock": cidr, "AvailabilityZone": zone, "Tags": self.tags()}
            table = {"SubnetId": ref(subnet), "RouteTableId": ref("RouteTable")}
            found[subnet] = {"Type": "AWS::EC2::Subnet", "Properties": place}
            found[_routes_of(subnet)] = {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": table}
        return found

    def _groups(self) -> dict[str, Any]:
        ports = (80,) if self.options.certificate is None else (80, 443)
        enters = [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": cidr}
            for port in ports
            for cidr in self.options.ranges
        ]
        server = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT}
        return {
            SERVER_GROUP: self._group("servers: requests come from the load balancer alone"),
            BALANCER_GROUP: self._group(
                "load balancer",
                SecurityGroupIngress=enters,
                SecurityGroupEgress=[{**server, "DestinationSecurityGroupId": attribute(SERVER_GROUP, "GroupId")}],
            ),
            "ServerIngress": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    **server,
                    "GroupId": attribute(SERVER_GROUP, "GroupId"),
                    "SourceSecurityGroupId": attribute(BALANCER_GROUP, "GroupId"),
                },
            },
        }

    def _group(self, what: str, **rules: Any) -> dict[str, Any]:
        properties = {"GroupDescription": f"{self.name} {what}", "VpcId": self.vpc, **rules, "Tags": self.tags()}
        return {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}


def _routes_of(subnet: str) -> str:
    """What gives a subnet its table of routes."""
    return f"{subnet}Routes"
