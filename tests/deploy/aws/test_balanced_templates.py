"""The templates of servers behind load balancers, with all kinds of options."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from typing import Any

import pytest

from bentoml.deploy.aws.ec2_options import Ec2Options
from bentoml.deploy.aws.ec2_template import InstanceStack
from bentoml.deploy.aws.ecs_options import EcsOptions
from bentoml.deploy.aws.ecs_template import ServiceStack
from tests.deploy.aws.balanced import BALANCED, CERTIFICATE, IMAGE, PARAMETER, REGION, SECRET, named, statements

SECRETS = {"A": f"{SECRET}:key::", "B": SECRET, "C": PARAMETER}
OF_ECS: dict[str, dict[str, Any]] = {
    **BALANCED,
    "scaled": {"max_replicas": 4, "requests_target": 100, "cpu_target_percent": None},
    "full": {
        "cpu": 4096, "memory": 30720, "architecture": "arm64", "replicas": 2, "max_replicas": 20, "workers": 2,
        "requests_target": 100, "storage": 200, "secrets": SECRETS, "task_role": "arn:aws:iam::123456789012:role/iris",
        "certificate": CERTIFICATE,
    },
}  # fmt: skip
OF_EC2: dict[str, dict[str, Any]] = {
    **BALANCED,
    "scaled": {"autoscale_max_size": 4, "autoscale_desired_capacity": 2, "instance_type": "t4g.small"},
    "disk": {"ami_id": "ami-0123456789abcdef0", "disk": 100, "autoscale_max_size": 2, "cpu_target_percent": None},
}
ALL = [*(("ecs", each) for each in OF_ECS), *(("ec2", each) for each in OF_EC2)]


def template_of(platform: str, kind: str, **more: Any) -> dict[str, Any]:
    config = {"region": REGION, **(OF_ECS if platform == "ecs" else OF_EC2)[kind], **more}
    if platform == "ecs":
        return ServiceStack("dev-iris", "Iris:1", EcsOptions.from_config(config)).template()
    return InstanceStack("dev-iris", "Iris:1", Ec2Options.from_config(config)).template()


def properties(template: dict[str, Any], resource: str) -> dict[str, Any]:
    found = template["Resources"][resource]["Properties"]
    assert isinstance(found, dict)
    return found


def attributes(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in pairs}


@pytest.mark.parametrize(("platform", "kind"), ALL)
def test_template_names_nothing_that_is_not_in_it(platform: str, kind: str) -> None:
    template = template_of(platform, kind)
    there = {*template["Resources"], *template["Parameters"]}
    names = set(named(template))
    assert {name for name in names if not name.startswith("AWS::")} <= there
    assert "Image" in names


@pytest.mark.parametrize(("platform", "kind"), ALL)
def test_roles_may_do_no_more_than_they_need(platform: str, kind: str) -> None:
    template = template_of(platform, kind)
    found = list(statements(template))
    everywhere = [each["Action"] for each in found if "*" in json.dumps(each["Resource"]) and "Condition" not in each]
    is_in_ecr = kind != "elsewhere"
    assert everywhere == ([["ecr:GetAuthorizationToken"]] if is_in_ecr else [])
    actions = {action for each in found for action in each["Action"]}
    assert not any("*" in action for action in actions)
    reads = {"secretsmanager:GetSecretValue", "ssm:GetParameters", "kms:Decrypt"} if kind == "full" else set()
    pulls = {"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
             "ecr:GetDownloadUrlForLayer"} if is_in_ecr else set()  # fmt: skip
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents", *reads, *pulls}


def test_roles_may_pull_out_of_the_repository_of_the_image_that_is_given() -> None:
    (pulls,) = [each for each in statements(template_of("ecs", "image")) if "ecr:BatchGetImage" in each["Action"]]
    repository = "arn:${AWS::Partition}:ecr:eu-west-1:123456789012:repository/team/iris"
    assert pulls["Resource"] == {"Fn::Sub": repository}
    assert IMAGE.endswith("/team/iris")


def test_secrets_are_named_and_nothing_else_of_them_is_in_the_template() -> None:
    template = template_of("ecs", "full")
    server = properties(template, "Task")["ContainerDefinitions"][0]
    assert server["Secrets"] == [{"Name": name, "ValueFrom": arn} for name, arn in SECRETS.items()]
    reads = {each["Action"][0]: each["Resource"] for each in statements(template)}
    # Whatever key has encrypted them; it decrypts nothing else.
    decrypts = [each for each in statements(template) if each["Action"] == ["kms:Decrypt"]]
    assert [each["Condition"] for each in decrypts] == [
        {"StringEquals": {"kms:EncryptionContext:SecretARN": [SECRET]}},
        {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": [PARAMETER]}},
    ]
    assert reads["secretsmanager:GetSecretValue"] == [SECRET]
    assert reads["ssm:GetParameters"] == [PARAMETER]


@pytest.mark.parametrize(("platform", "kind"), ALL)
def test_servers_let_nobody_in_but_the_load_balancer(platform: str, kind: str) -> None:
    template = template_of(platform, kind)
    assert "SecurityGroupIngress" not in properties(template, "ServerGroup")
    assert properties(template, "ServerIngress")["SourceSecurityGroupId"] == {
        "Fn::GetAtt": ["BalancerGroup", "GroupId"]
    }
    enters = properties(template, "BalancerGroup")["SecurityGroupIngress"]
    assert {each["FromPort"] for each in enters} == ({80, 443} if kind in {"https", "full"} else {80})
    ranges = {"10.0.0.0/8", "192.168.0.0/16"} if kind == "private" else {"0.0.0.0/0"}
    assert {each["CidrIp"] for each in enters} == ranges
    (leaves,) = properties(template, "BalancerGroup")["SecurityGroupEgress"]
    assert (leaves["FromPort"], leaves["ToPort"]) == (5000, 5000)


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
def test_load_balancer_waits_as_long_as_the_servers(platform: str) -> None:
    for kind, silence, drain in (("plain", "70", "60"), ("slow", "605", "600")):
        template = template_of(platform, kind)
        balancer = attributes(properties(template, "Balancer")["LoadBalancerAttributes"])
        assert balancer["idle_timeout.timeout_seconds"] == silence
        targets = properties(template, "Targets")
        assert attributes(targets["TargetGroupAttributes"])["deregistration_delay.timeout_seconds"] == drain
        assert targets["HealthCheckPath"] == "/readyz"


def variables_of(platform: str, kind: str, **more: Any) -> dict[str, str]:
    template = template_of(platform, kind, **more)
    if platform == "ecs":
        server, _ = properties(template, "Task")["ContainerDefinitions"]
        return {each["Name"]: each["Value"] for each in server["Environment"]}
    data = properties(template, "LaunchTemplate")["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Join"][1][-1]
    words = shlex.split(text, comments=True)
    return dict(each.split("=", 1) for word, each in pairwise(words) if word == "--env")


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
@pytest.mark.parametrize(
    ("env", "kept"),
    [({}, None), ({"TIMEOUT": "64.5"}, None), ({"TIMEOUT": "600"}, "615"), ({"TIMEOUT": "9999"}, "4010"),
     ({"KEEP_ALIVE_S": "20"}, "80"), ({"KEEP_ALIVE_S": "900"}, "900")],
)  # fmt: skip
def test_servers_close_connections_after_the_load_balancer_does(
    platform: str, env: dict[str, str], kept: str | None
) -> None:
    name = "BENTOML__BENTO_SERVER__"
    found = variables_of(platform, "plain", env={f"{name}{key}": value for key, value in env.items()})
    assert found.get(f"{name}KEEP_ALIVE_S") == kept


def test_tasks_stop_within_what_fargate_allows() -> None:
    for kind, most in (("plain", 70), ("slow", 120)):
        server, opens = properties(template_of("ecs", kind), "Task")["ContainerDefinitions"]
        assert server["StopTimeout"] == most
        assert server["ReadonlyRootFilesystem"]
        assert opens["ReadonlyRootFilesystem"]
        assert server["MountPoints"] == opens["MountPoints"]


def test_https_takes_the_certificate_and_sends_http_away() -> None:
    template = template_of("ecs", "https")
    assert properties(template, "SecureListener")["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    (action,) = properties(template, "Listener")["DefaultActions"]
    assert action["RedirectConfig"] == {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    assert template["Outputs"]["Endpoint"]["Value"] == {"Fn::Sub": "https://${Balancer.DNSName}"}


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
def test_port_of_the_load_balancer_has_one_listener_before_and_after_an_update(platform: str) -> None:
    """AWS refuses a second one, and removes what is no more in the template only after all else was changed."""
    ports: dict[int, set[str]] = {}
    for kind in ("plain", "https"):
        for name, resource in template_of(platform, kind)["Resources"].items():
            if resource["Type"].endswith("::Listener"):
                ports.setdefault(resource["Properties"]["Port"], set()).add(name)
    assert ports == {80: {"Listener"}, 443: {"SecureListener"}}
    # Clients are sent to the other port when it is there, and servers start when both are.
    assert template_of(platform, "https")["Resources"]["Listener"]["DependsOn"] == ["SecureListener"]


@pytest.mark.parametrize(("platform", "kind"), ALL)
def test_servers_start_when_there_is_a_way_to_them_and_a_way_out(platform: str, kind: str) -> None:
    resources = template_of(platform, kind)["Resources"]
    after = set(resources["Service" if platform == "ecs" else "Group"]["DependsOn"])
    ways = {name for name, each in resources.items() if each["Type"].endswith(("::Route", "RouteTableAssociation"))}
    assert after == {"Listener", *ways}
    assert len(ways) == (0 if kind in {"network", "private"} else 3)


@pytest.mark.parametrize(
    ("sizes", "policy"),
    [((1, 1, 1), "AutoScalingReplacingUpdate"), ((1, 2, 2), "AutoScalingReplacingUpdate"),
     ((1, 1, 2), "AutoScalingRollingUpdate"), ((2, 3, 9), "AutoScalingRollingUpdate")],
)  # fmt: skip
def test_update_of_instances_has_as_many_in_service_as_before(sizes: tuple[int, int, int], policy: str) -> None:
    names = ("autoscale_min_size", "autoscale_desired_capacity", "autoscale_max_size")
    group = template_of("ec2", "plain", **dict(zip(names, sizes, strict=True)))["Resources"]["Group"]
    assert list(group["UpdatePolicy"]) == [policy]
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == sizes[1]
    rolling = group["UpdatePolicy"].get("AutoScalingRollingUpdate")
    if rolling is not None:
        assert sizes[1] == rolling["MinInstancesInService"] < sizes[2]
        assert rolling["WaitOnResourceSignals"]


def test_instances_are_closed_up() -> None:
    data = properties(template_of("ec2", "plain"), "LaunchTemplate")["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert all(each["Ebs"]["Encrypted"] for each in data["BlockDeviceMappings"])
    assert "KeyName" not in data


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
def test_servers_have_public_addresses_where_nothing_else_leads_out(platform: str) -> None:
    for kind, is_public in (("plain", True), ("network", True), ("private", False)):
        template = template_of(platform, kind)
        if platform == "ecs":
            inside = properties(template, "Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert inside["AssignPublicIp"] == ("ENABLED" if is_public else "DISABLED")
        else:
            (interface,) = properties(template, "LaunchTemplate")["LaunchTemplateData"]["NetworkInterfaces"]
            assert interface["AssociatePublicIpAddress"] is is_public
