"""Runs a bundle on a Ray of its own as `bentoml ray` does on a cluster: `python ray_bundle.py BUNDLE PORT`."""

import sys

import ray
from ray import serve

from bentoml.deploy.ray.replica import application

if __name__ == "__main__":
    bundle, port = sys.argv[1:]
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    arguments = {"bundle": bundle, "prefix": "/", "workers": 1, "env": {}, "grace_s": 10.0}
    server = application(arguments)
    serve.run(server, route_prefix="/", blocking=True)
