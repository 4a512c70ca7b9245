"""Words of templates of CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from bentoml.exceptions import InvalidArgument

LARGEST_TEMPLATE = 51_200
"""Bytes of a template that goes with the call."""

IMAGE = "Image"
"""Parameter of each template: the address of the image, by its digest, so that another content is a change."""
PARAMETERS = {IMAGE: {"Type": "String"}}
FEWER_VARIABLES = "put long values of variables into the image, or into the configuration of the bundle"
"""What makes a template smaller that has a part for each variable."""
GOES = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
"""Of what cfn-lint wants to be said: it goes with its stack."""

KEPT_DAYS = 30
"""How long lines of logs are kept."""


def log_group(name: str) -> dict[str, Any]:
    """A group of logs, which goes with its stack."""
    return {
        "Type": "AWS::Logs::LogGroup",
        **GOES,
        "Properties": {"LogGroupName": name, "RetentionInDays": KEPT_DAYS},
    }


def template_text(template: dict[str, Any], advice: str) -> str:
    """A template as CloudFormation reads it.

    Args:
        template: all of it.
        advice: what makes it smaller.

    Raises:
        InvalidArgument: it is larger than CloudFormation takes it.
    """
    text = json.dumps(template, indent=1) + "\n"
    if len(text.encode()) > LARGEST_TEMPLATE:
        raise InvalidArgument(
            f"the template has more than {LARGEST_TEMPLATE} bytes, which CloudFormation does not take: {advice}"
        )
    return text


def sub(text: str) -> dict[str, str]:
    """A text, in which `${NAME}` stands for something of the stack."""
    return {"Fn::Sub": text}


def ref(resource: str) -> dict[str, str]:
    """What a resource is called, or the value of a parameter."""
    return {"Ref": resource}


def attribute(resource: str, name: str = "Arn") -> dict[str, Any]:
    """Something of a resource."""
    return {"Fn::GetAtt": [resource, name]}
