"""Models of Flax, and functions that JAX has exported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import signature
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bentoml._models.array_tree import difference_of_shapes, named_leaves, nested, refilled
from bentoml._models.flax_modules import difference_of_modules, is_key, is_nnx, leaves_of, parameters_of
from bentoml._models.stablehlo import export_in_batches, signature_of
from bentoml._models.tensor_file import is_storable, read_tensors, write_tensors
from bentoml._util.files import write_atomic
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_SUFFIXES = {"safetensors": "safetensors", "export": "jaxexport"}


class FlaxModelArtifact(ModelArtifact):
    """A model of Flax, its arrays in `<name>.safetensors`; or a function of JAX in `<name>.jaxexport`.

    Neither file holds Python. The architecture is made by the source of the service: `module(**arguments)`. An exported
    function needs none: it is a program of operations on arrays, with the numbers in it. It counts as a pickle, because
    JAX reads it without care: of a file that was changed it may write where it must not.

    Args:
        name: name of the artifact.
        module: a class of `flax.linen` or `flax.nnx` modules, or a function that returns such a module. A parameter
            `rngs` gets an `nnx.Rngs`.
        arguments: what to call it with, by name.
        format: `safetensors` or `export`.

    Raises:
        InvalidArgument: there is no such format, or no module for safetensors, or one for an exported function.
    """

    formats = (
        FileFormat("safetensors", (".safetensors",)),
        FileFormat("StableHLO", (".jaxexport",), runs_code=True),
    )
    survives_fork = False

    def __init__(
        self,
        name: str,
        module: Callable[..., Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        *,
        format: Literal["safetensors", "export"] = "safetensors",  # noqa: A002 - reads well where it is given
    ) -> None:
        super().__init__(name)
        if format not in _SUFFIXES:
            raise InvalidArgument(f"FlaxModelArtifact '{name}': format must be safetensors or export, not {format!r}")
        if callable(module) is (format == "export"):
            raise InvalidArgument(
                f"FlaxModelArtifact '{name}' needs module=, the class of the model, for the format safetensors, "
                "and has none for an exported function"
            )
        self._format = format
        self._module = module
        self._arguments = dict(arguments or {})
        self._exported: Any = None

    @property
    def carries_pickle(self) -> bool:
        """Exported functions count as pickles, safetensors do not."""
        return self._format == "export"

    def pack(self, model: Any, metadata: dict[str, Any] | None = None, *, example: Any = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a model.

        Args:
            model: an `nnx.Module`; of linen a pair `(module, variables)`, or a module that is bound to its variables.
                With the format `export` a `jax.export.Exported` as well.
            metadata: about the model.
            example: for the format `export` one array, or a tuple of arrays, as the model takes them. The first axis
                of each is left open for batches of any size.

        Raises:
            InvalidArgument: it is something else, or not the model that the artifact makes, or has what is no array.
            MissingDependencyException: Flax, or JAX, is not installed.
        """
        jax = require("jax")
        if self._format == "export":
            is_exported = isinstance(model, require("jax.export").Exported)
            exported = model if is_exported else self._export(self._checked(model), example)
            self._exported, self._model = exported, jax.jit(exported.call)
            return self
        model = self._checked(model)
        self._check_architecture(model)
        for name, leaf in leaves_of(model).items():
            self._check_leaf(name, leaf)
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the model for the chosen device: a bound linen module, an `nnx.Module`, or a compiled function.

        Raises:
            ArtifactLoadingException: the file is not whole, is of another architecture, or there is no such device.
        """
        jax = require("jax")
        device = self._device()
        if self._format == "export":
            exported = require("jax.export").deserialize(bytearray(self._file(path).read_bytes()))
            self._exported = exported
            self._model = jax.jit(exported.call, in_shardings=jax.sharding.SingleDeviceSharding(device))
            return self
        require("flax")
        arrays, notes = read_tensors(self._file(path))
        impls = json.loads(notes.get("prng_keys", "{}"))
        leaves = {}
        for name, array in arrays.items():
            if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
                raise ArtifactLoadingException(f"artifact '{self.name}': {_too_wide(name, array.dtype)}")
            leaf = jax.device_put(array, device)  # the CPU computes with the mapped file itself
            leaves[name] = jax.random.wrap_key_data(leaf, impl=impls[name]) if name in impls else leaf
        self._model = self._restored(leaves, notes.get("kind"))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        if self._format == "export":
            write_atomic(self._file(dst), bytes(self._exported.serialize()))
            return
        jax, numpy = require("jax"), require("numpy")
        arrays, impls = {}, {}
        for name, leaf in leaves_of(self._model).items():
            if is_key(leaf):
                impls[name] = str(jax.random.key_impl(leaf))
            arrays[name] = numpy.asarray(jax.random.key_data(leaf) if name in impls else leaf)
        kind = "nnx" if is_nnx(self._model) else "linen"
        write_tensors(self._file(dst), arrays, {"kind": kind, "prng_keys": json.dumps(impls)})

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number and types of parameters; of an exported function, what it takes."""
        jax = require("jax")
        if self._format == "export":
            return {
                "class": "jax.export.Exported",
                "framework": "jax",
                "framework_version": jax.__version__,
                "input_signature": signature_of(self._exported),
                "platforms": list(self._exported.platforms),
            }
        parameters = parameters_of(self._model)
        return {
            **super().facts(),
            "framework": "flax",
            "framework_version": require("flax").__version__,
            "jax_version": jax.__version__,
            "parameters": sum(prod(leaf.shape) for leaf in parameters),
            "dtype": ", ".join(sorted({str(leaf.dtype) for leaf in parameters})),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add JAX, and Flax or what reads exported functions, when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["jax", "jaxlib", "flatbuffers" if self._format == "export" else "flax"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.{_SUFFIXES[self._format]}"

    def _checked(self, model: Any) -> Any:
        """A module that can be called: of linen a bound one."""
        linen, nnx = require("flax.linen"), require("flax.nnx")
        if isinstance(model, nnx.Module) or (isinstance(model, linen.Module) and model.scope is not None):
            return model
        if isinstance(model, tuple) and len(model) == 2:
            module, variables = model
            if isinstance(module, linen.Module) and isinstance(variables, Mapping):
                return module.bind(linen.meta.unbox(variables))
        raise InvalidArgument(
            f"FlaxModelArtifact '{self.name}' takes an nnx.Module, or a pair (module, variables) of linen, "
            f"got {type(model)}"
        )

    def _check_architecture(self, model: Any) -> None:
        """Whether the artifact makes what was packed.

        Raises:
            InvalidArgument: it makes something else.
        """
        if is_nnx(model):
            made = self._abstract()
            problem = difference_of_modules(made, model) or difference_of_shapes(leaves_of(made), leaves_of(model))
        else:
            made = self._made(require("flax.linen").Module)
            problem = difference_of_modules(made, model)
        if problem:
            raise InvalidArgument(
                f"module= and arguments= of FlaxModelArtifact '{self.name}' do not make the model that is packed: "
                f"{problem}"
            )

    def _check_leaf(self, name: str, leaf: Any) -> None:
        jax, numpy = require("jax"), require("numpy")
        if not isinstance(leaf, (jax.Array, numpy.ndarray, numpy.generic)):
            problem = f"{name} is a {type(leaf)}, and only arrays can be kept; make it one: jax.numpy.asarray(...)"
        elif is_key(leaf):
            return
        elif not is_storable(leaf.dtype):
            problem = f"{name} is of the type {leaf.dtype}, which a file of safetensors can not hold"
        elif jax.dtypes.canonicalize_dtype(leaf.dtype) != leaf.dtype:
            problem = _too_wide(name, leaf.dtype)
        else:
            return
        raise InvalidArgument(f"FlaxModelArtifact '{self.name}': {problem}")

    def _made(self, kind: type) -> Any:
        """The module without numbers, as the source of the service makes it."""
        assert self._module is not None
        arguments = dict(self._arguments)
        # Of a class not its own signature: that of nnx is the one of their metaclass.
        call = self._module.__init__ if isinstance(self._module, type) else self._module  # type: ignore[misc]
        if "rngs" not in arguments and "rngs" in signature(call).parameters:
            arguments["rngs"] = require("flax.nnx").Rngs(0)
        made = self._module(**arguments)
        if not isinstance(made, kind):
            raise InvalidArgument(
                f"module= of FlaxModelArtifact '{self.name}' must give the {kind.__module__}.{kind.__qualname__} "
                f"that is packed, not {type(made)}"
            )
        return made

    def _abstract(self) -> Any:
        """A module of nnx with shapes in place of arrays."""
        nnx = require("flax.nnx")
        return nnx.eval_shape(lambda: self._made(nnx.Module))

    def _restored(self, leaves: dict[str, Any], kind: str | None) -> Any:
        if kind != "nnx":
            return self._made(require("flax.linen").Module).bind(nested(leaves))
        nnx = require("flax.nnx")
        graph, state = nnx.split(self._abstract())
        made = nnx.to_pure_dict(state)
        if problem := difference_of_shapes(named_leaves(made), leaves):
            raise ArtifactLoadingException(
                f"artifact '{self.name}' is not of the architecture that module= and arguments= make: {problem}"
            )
        nnx.replace_by_pure_dict(state, refilled(made, leaves))
        model = nnx.merge(graph, state)
        model.eval()
        return model

    def _export(self, model: Any, example: Any) -> Any:
        """A model as a function of arrays, in its mode for inference."""
        if example is None:
            raise InvalidArgument(
                f"FlaxModelArtifact '{self.name}' needs example=, an array as the model takes it, to export a model; "
                "or pack what jax.export.export gives"
            )
        examples = example if isinstance(example, tuple) else (example,)
        if is_nnx(model):
            nnx = require("flax.nnx")
            model = nnx.clone(model)
            model.eval()
            return export_in_batches(model, examples)
        module, variables = model.unbind()
        return export_in_batches(lambda *arrays: module.apply(variables, *arrays), examples)

    def _device(self) -> Any:
        """The device of JAX that is chosen.

        Raises:
            ArtifactLoadingException: there is none.
        """
        jax = require("jax")
        chosen = self.chosen_device()
        platform, _, number = chosen.partition(":")
        try:
            return jax.devices(platform)[int(number or 0)]
        except (RuntimeError, IndexError) as error:
            there = ", ".join(f"{it.platform}:{it.id}".replace("gpu", "cuda") for it in jax.devices())
            raise ArtifactLoadingException(
                f"artifact '{self.name}': JAX has no device {chosen}, only {there}; choose one of these by "
                "BENTOML_DEVICE, or install JAX for the device: pip install 'jax[cuda13]'"
            ) from error


def _too_wide(name: str, dtype: Any) -> str:
    return (
        f"{name} is of the type {dtype}, and JAX would cut it to 32 bits; "
        "call jax.config.update('jax_enable_x64', True) in the module of the service, or cast the array"
    )
