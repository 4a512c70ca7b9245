"""Words of templates of CloudFormation."""

from __future__ import annotations

from typing import Any

IMAGE = "Image"
"""Parameter of each template: the address of the image, by its digest, so that another content is a change."""
PARAMETERS = {IMAGE: {"Type": "String"}}
GOES = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
"""Of what cfn-lint wants to be said: it goes with its stack."""


def sub(text: str) -> dict[str, str]:
    """A text, in which `${NAME}` stands for something of the stack."""
    return {"Fn::Sub": text}


def ref(resource: str) -> dict[str, str]:
    """What a resource is called, or the value of a parameter."""
    return {"Ref": resource}


def attribute(resource: str, name: str = "Arn") -> dict[str, Any]:
    """Something of a resource."""
    return {"Fn::GetAtt": [resource, name]}
