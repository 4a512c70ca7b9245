"""Loads a bundle in a process of its own and prints, as JSON, what its model says and which metadata it has.

    python -m tests.frameworks.fresh_process BUNDLE pickles|no-pickles MODULE CLASS

The second word says whether pickles are allowed. The class is the contract test whose `outcome` asks the model. It is
imported after the bundle was loaded, so that the bundle alone has to bring in what it needs.
"""

from __future__ import annotations

import importlib
import json
import sys

import bentoml


def main(bundle: str, allowed: str, module: str, class_name: str) -> None:
    """Load, ask, print."""
    artifact = bentoml.load(bundle, allow_pickle=allowed == "pickles").artifacts["model"]
    contract = getattr(importlib.import_module(module), class_name)()
    print(json.dumps({"outcome": contract.outcome(artifact.get()), "metadata": artifact.metadata}))


if __name__ == "__main__":
    main(*sys.argv[1:])
