"""Networks of Flax that are trained to read digits, for tests."""

from __future__ import annotations

import functools
from typing import Any

from sklearn.datasets import load_digits

from bentoml.frameworks.flax import FlaxModelArtifact
from tests.environments.late_import import late_import

jax = late_import("jax")
nnx = late_import("flax.nnx")
optax = late_import("optax")
nets = late_import("tests.frameworks.flax_nets")

IMAGES, DIGITS = load_digits(return_X_y=True)
IMAGES = IMAGES.astype("float32")
STEPS = 60


def loss(scores: Any) -> Any:
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, DIGITS).mean()


@functools.cache
def trained_linen() -> tuple[Any, dict[str, Any]]:
    """A module and its variables after some steps."""
    module = nets.LinenDigits(hidden=48)
    variables = module.init(jax.random.key(0), IMAGES[:1])
    optimizer = optax.adam(0.02)

    @jax.jit  # type: ignore[untyped-decorator]
    def step(variables: Any, state: Any) -> Any:
        def scored(params: Any) -> Any:
            mutable = ["batch_stats", "counters"]
            scores, updated = module.apply({**variables, "params": params}, IMAGES, train=True, mutable=mutable)
            return loss(scores), updated

        slopes, updated = jax.grad(scored, has_aux=True)(variables["params"])
        updates, state = optimizer.update(slopes, state)
        return {"params": optax.apply_updates(variables["params"], updates), **updated}, state

    state = optimizer.init(variables["params"])
    for _ in range(STEPS):
        variables, state = step(variables, state)
    return module, variables


@functools.cache
def trained_nnx() -> Any:
    """A module after some steps, ready to answer."""
    model = nets.NnxDigits(48, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(0.02), wrt=nnx.Param)

    @nnx.jit  # type: ignore[untyped-decorator]
    def step(model: Any, optimizer: Any) -> None:
        optimizer.update(model, nnx.grad(lambda model: loss(model(IMAGES)))(model))

    for _ in range(STEPS):
        step(model, optimizer)
    model.eval()
    return model


def linen_artifact(name: str = "model") -> FlaxModelArtifact:
    return FlaxModelArtifact(name, nets.LinenDigits, {"hidden": 48})


def nnx_artifact(name: str = "model") -> FlaxModelArtifact:
    return FlaxModelArtifact(name, nets.NnxDigits, {"hidden": 48})
