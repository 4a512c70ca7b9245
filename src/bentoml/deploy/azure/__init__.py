"""Deployments on Azure: a function app in a custom container, or a container app, each in a resource group of its own.

Nobody here sees a password: az knows who is logged in, and apps read images and storage with an identity of their own.
"""

from bentoml.deploy.azure.az import with_subscription
from bentoml.deploy.azure.container_apps import AzureContainerAppsDeployer
from bentoml.deploy.azure.functions import AzureFunctionsDeployer
from bentoml.deploy.azure.images import ImageSource
from bentoml.deploy.azure.options import AUTH_LEVELS, PREMIUM_PLAN_SKUS, ContainerAppsOptions, FunctionsOptions

__all__ = [
    "AUTH_LEVELS",
    "PREMIUM_PLAN_SKUS",
    "AzureContainerAppsDeployer",
    "AzureFunctionsDeployer",
    "ContainerAppsOptions",
    "FunctionsOptions",
    "ImageSource",
    "with_subscription",
]
