"""The stack of a deployment on AWS Lambda: a function for each API, and a way to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.lambda_handler import API_VARIABLE
from bentoml.deploy.aws.names import logical_id, with_suffix
from bentoml.deploy.aws.observation import ENDPOINT
from bentoml.deploy.aws.roles import may_log, role
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, IMAGE, PARAMETERS, attribute, log_group, ref, sub
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.deploy.aws.lambda_options import LambdaOptions
    from bentoml.service.metadata import ApiMetadata

LONGEST_FUNCTION = 64
_MOST_VARIABLE_BYTES = 4096
_ROLE, _GATEWAY = "Role", "Gateway"
_ADDRESS = f"https://${{{_GATEWAY}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"


@dataclass(frozen=True)
class FunctionStack:
    """What the template is made from.

    Attributes:
        name: of the stack.
        bundle: name and version.
        options: what the user asks for.
        apis: those that get a function.
    """

    name: str
    bundle: str
    options: LambdaOptions
    apis: Sequence[ApiMetadata]

    def template(self) -> dict[str, Any]:
        """The template.

        Raises:
            InvalidArgument: the variables are longer than Lambda takes them.
        """
        resources: dict[str, Any] = {
            _ROLE: role("lambda", [may_log(*(logical_id("Log", api.name) for api in self.apis))])
        }
        outputs: dict[str, Any] = {}
        if self.options.endpoint == "http-api":
            resources.update(self._gateway())
        for api in self.apis:
            resources.update(self._function(api))
            if self.options.endpoint == "http-api":
                resources.update(self._route(api))
                outputs[logical_id(ENDPOINT, api.name)] = {"Value": sub(f"{_ADDRESS}/{api.route}")}
            elif self.options.endpoint == "function-url":
                resources.update(self._url(api))
                address = {"Fn::GetAtt": [logical_id("Url", api.name), "FunctionUrl"]}
                outputs[logical_id(ENDPOINT, api.name)] = {"Value": address}
            outputs[logical_id("Name", api.name)] = {"Value": ref(logical_id("Function", api.name))}
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{self.bundle} on AWS Lambda",
            "Parameters": PARAMETERS,
            "Resources": resources,
            "Outputs": outputs,
        }

    def _function(self, api: ApiMetadata) -> dict[str, Any]:
        name, log = with_suffix(self.name, api.name, LONGEST_FUNCTION), logical_id("Log", api.name)
        properties = {
            "FunctionName": name,
            "PackageType": "Image",
            "Code": {"ImageUri": ref(IMAGE)},
            "Role": attribute(_ROLE),
            "MemorySize": self.options.memory_size,
            "Timeout": self.options.timeout,
            "Architectures": [self.options.architecture],
            "Environment": {"Variables": self._variables(api)},
            "LoggingConfig": {"LogGroup": ref(log)},
        }
        return {
            log: log_group(f"/aws/lambda/{name}"),
            logical_id("Function", api.name): {"Type": "AWS::Lambda::Function", "Properties": properties},
        }

    def _variables(self, api: ApiMetadata) -> dict[str, str]:
        found = {**self.options.env, API_VARIABLE: api.name}
        size = len(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode())
        if size > _MOST_VARIABLE_BYTES:
            raise InvalidArgument(
                f"the variables of a function are {size} bytes long, and Lambda takes {_MOST_VARIABLE_BYTES} of all "
                f"together: {FEWER_VARIABLES}"
            )
        return found

    def _gateway(self) -> dict[str, Any]:
        stage = {"ApiId": ref(_GATEWAY), "StageName": "$default", "AutoDeploy": True}
        return {
            _GATEWAY: {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {"Name": self.name, "ProtocolType": "HTTP", "Description": self.bundle},
            },
            "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": stage},
        }

    def _route(self, api: ApiMetadata) -> dict[str, Any]:
        integration, function = logical_id("Integration", api.name), logical_id("Function", api.name)
        source = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{_GATEWAY}}}/*"
        return {
            integration: {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": ref(_GATEWAY),
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": attribute(function),
                    "PayloadFormatVersion": "2.0",
                },
            },
            logical_id("Route", api.name): {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": ref(_GATEWAY),
                    "RouteKey": f"POST /{api.route}",
                    "Target": sub(f"integrations/${{{integration}}}"),
                },
            },
            logical_id("Permission", api.name): {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": ref(function),
                    "Action": "lambda:InvokeFunction",
                    "Principal": "apigateway.amazonaws.com",
                    "SourceArn": sub(source),
                },
            },
        }

    def _url(self, api: ApiMetadata) -> dict[str, Any]:
        function = logical_id("Function", api.name)
        everybody = {"FunctionName": ref(function), "Principal": "*"}
        # Since October 2025 a new address needs both.
        permissions: dict[str, dict[str, Any]] = {
            "UrlPermission": {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
            "Permission": {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
        }
        return {
            logical_id("Url", api.name): {
                "Type": "AWS::Lambda::Url",
                "Properties": {"AuthType": "NONE", "TargetFunctionArn": attribute(function)},
            },
            **{
                logical_id(kind, api.name): {"Type": "AWS::Lambda::Permission", "Properties": {**everybody, **more}}
                for kind, more in permissions.items()
            },
        }
