"""Platforms that run one image behind a proxy of their own: Cloud Run, Heroku, and those that resemble it.

Each has a file that says how an app runs, and a command of its own that applies it. The file is made here, by a pure
function of what is in the bundle and what the user asks for; nothing is applied or recorded.
"""

from bentoml.deploy.app_platforms.app import App, app_of
from bentoml.deploy.app_platforms.app_files import PLATFORMS, app_plan
from bentoml.deploy.app_platforms.app_options import AppOptions
from bentoml.deploy.app_platforms.cloud_run import cloud_run_plan
from bentoml.deploy.app_platforms.cloud_run_options import GPU_TYPES, INGRESS, CloudRunOptions

__all__ = [
    "GPU_TYPES",
    "INGRESS",
    "PLATFORMS",
    "App",
    "AppOptions",
    "CloudRunOptions",
    "app_of",
    "app_plan",
    "cloud_run_plan",
]
