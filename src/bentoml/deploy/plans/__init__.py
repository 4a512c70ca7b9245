"""What all platforms share: plans, which can be looked at, and their way into being, which is recorded.

A `Deployer` says which steps make what somebody wants; `Deployments` carries them out, and writes down before and
after each step what exists. So an attempt that fails half-way leaves a record that says what there is to remove.
"""

from bentoml.deploy.plans.deployer import Deployer
from bentoml.deploy.plans.deployments import Deployments
from bentoml.deploy.plans.plan import Plan, Step
from bentoml.deploy.plans.plan_files import write_plan
from bentoml.deploy.plans.plan_text import plan_text
from bentoml.deploy.plans.program import Program
from bentoml.deploy.plans.settings import (
    MOST_WORKERS,
    check_choice,
    check_number,
    check_variables,
    read_settings,
    settings_of_server,
)
from bentoml.deploy.plans.waiting import POLL_S, WAIT_S, Waiting, said
from bentoml.deploy.plans.workshop import Workshop

__all__ = [
    "MOST_WORKERS",
    "POLL_S",
    "WAIT_S",
    "Deployer",
    "Deployments",
    "Plan",
    "Program",
    "Step",
    "Waiting",
    "Workshop",
    "check_choice",
    "check_number",
    "check_variables",
    "plan_text",
    "read_settings",
    "said",
    "settings_of_server",
    "write_plan",
]
