"""Deployments on a Ray cluster: replicas of Ray Serve, each with a whole server of the bundle behind it.

What runs on the machine of the user speaks HTTP with the dashboard of the cluster, and needs no Ray. What runs on the
nodes is `replica.py` and the modules below it.
"""

from bentoml.deploy.ray.deployer import RayDeployer
from bentoml.deploy.ray.options import RayOptions
from bentoml.deploy.ray.place import with_place

__all__ = ["RayDeployer", "RayOptions", "with_place"]
