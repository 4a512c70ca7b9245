"""Readers of EasyOCR."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.torch_device import torch_device
from bentoml._util.files import replaced_directory, write_atomic
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_DETECTOR = "craft"
# In the state of a module, but counted or averaged, not trained.
_NOT_TRAINED = ("running_mean", "running_var", "num_batches_tracked")

logger = logging.getLogger(__name__)


class EasyOCRArtifact(ModelArtifact):
    """A `Reader`: the files of its two networks in `<name>/`, and what it was made with in `<name>.json`.

    EasyOCR reads its files by the full pickle. So they are read by PyTorch's reader of weights before, and a file that
    has anything but weights is refused. Nothing is downloaded. The reader is loaded onto the chosen device:
    `BENTOML_DEVICE`, or `bento_server.device`.

    Bundles of the classic library, with the files of the networks beside `<name>.json`, are read, too.
    """

    formats = (FileFormat("weights", ("/", ".json")),)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._made_with: dict[str, Any] = {}
        self._parameters = 0

    def pack(
        self,
        easyocr_reader: Any,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002 - kept by the base
        recog_network: str = "english_g2",
        lang_list: Sequence[str] | None = None,
        detect_model: str = "craft_mlt_25k",
        gpu: bool = False,
    ) -> Self:
        """Take an `easyocr.Reader`, and what it was made with, which it does not tell.

        Args:
            easyocr_reader: a reader with a detector and one of the recognizers that come with EasyOCR.
            metadata: anything to be kept with it.
            recog_network: the recognizer. For a reader with the default, `standard`, the error says which one that is.
            lang_list: codes of its languages; None is English.
            detect_model: the detector, which has to be CRAFT.
            gpu: whether it is meant for a GPU; onto which device it is loaded, `BENTOML_DEVICE` says.

        Raises:
            InvalidArgument: it is something else; it was made with other arguments; or a file of its networks has more
                than weights.
            MissingDependencyException: EasyOCR is not installed.
        """
        easyocr = _easyocr()
        if not isinstance(easyocr_reader, easyocr.Reader):
            raise InvalidArgument(f"EasyOCRArtifact '{self.name}' takes an easyocr.Reader, got {type(easyocr_reader)}")
        languages = ["en"] if lang_list is None else list(lang_list)
        self._check(easyocr_reader, recog_network, languages, detect_model)
        try:
            parameters = _count(Path(easyocr_reader.model_storage_directory), recog_network)
        except (FileNotFoundError, _NotWeightsError) as error:
            raise InvalidArgument(f"EasyOCRArtifact '{self.name}' can not keep this reader: {error}") from error
        quantize = easyocr_reader.quantize
        self._made_with = {
            "lang_list": languages,
            "recog_network": recog_network,
            "gpu": bool(gpu),
            "quantize": bool(quantize[0] if isinstance(quantize, tuple) else quantize),  # EasyOCR 1.7 makes a tuple
        }
        self._parameters = parameters
        self._model = easyocr_reader
        return self

    def load(self, path: str) -> Self:
        """Make a reader of the files.

        Raises:
            ArtifactLoadingException: a file has more than weights; EasyOCR refuses one; or this machine does not have
                the chosen device.
        """
        _easyocr()
        made_with = self._read(self._existing(self._description(path)))
        directory = self._directory(path) if self._directory(path).is_dir() else Path(path)
        try:
            self._parameters = _count(directory, made_with["recog_network"])
        except _NotWeightsError as error:
            raise ArtifactLoadingException(f"artifact '{self.name}' can not be loaded: {error}") from error
        device = str(torch_device(self.chosen_device()))
        if made_with["gpu"] and device == "cpu":
            logger.warning(
                "EasyOCRArtifact '%s' was packed for a GPU and is loaded onto the CPU; set BENTOML_DEVICE=cuda",
                self.name,
            )
        try:
            self._model = _reader(
                directory,
                made_with["lang_list"],
                made_with["recog_network"],
                gpu=device if device != "cpu" else False,
                quantize=made_with["quantize"],
            )
        except FileNotFoundError as error:  # its answer to a digest that is not the one it knows
            raise ArtifactLoadingException(
                f"artifact '{self.name}': EasyOCR refuses its files: {error}; for weights of your own the module of "
                "the service has to set the 'md5sum' in easyocr.config"
            ) from error
        self._made_with = made_with
        return self

    def save(self, dst: str) -> None:
        """Copy the files of the networks, and write what the reader was made with."""
        source = Path(self._model.model_storage_directory)
        with replaced_directory(self._directory(dst)) as directory:
            for file in _files(source, self._made_with["recog_network"]):
                shutil.copyfile(file, directory / file.name)
        write_atomic(self._description(dst), json.dumps(self._made_with))

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, languages, networks and number of weights."""
        return {
            **super().facts(),
            "languages": self._made_with["lang_list"],
            "networks": [_DETECTOR, self._made_with["recog_network"]],
            "parameters": self._parameters,
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add EasyOCR when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["easyocr"])

    def _check(self, reader: Any, network: str, languages: list[str], detect_model: str) -> None:
        """Refuse what would not be the same reader again."""
        where = f"EasyOCRArtifact '{self.name}'"
        fitting = [name for name, model in _recognizers().items() if model["characters"] == reader.character]
        if network not in fitting:
            found = (
                f"it knows the characters of {' or '.join(fitting)}"
                if fitting
                else "its recognizer is not EasyOCR's own"
            )
            raise InvalidArgument(f"{where}: this reader was not made with recog_network={network!r}: {found}")
        if Path(_detector_file()).stem != detect_model or getattr(reader, "detect_network", None) != _DETECTOR:
            raise InvalidArgument(f"{where} takes a reader with the detector craft, which is in {_detector_file()}")
        try:
            same = _reader(Path(reader.model_storage_directory), languages, network, detector=False, recognizer=False)
        except (FileNotFoundError, ValueError) as error:
            raise InvalidArgument(f"{where}: lang_list={languages!r} is not known to EasyOCR: {error}") from error
        if set(same.lang_char) != set(reader.lang_char):
            raise InvalidArgument(f"{where}: this reader was not made with lang_list={languages!r}; name its languages")

    def _read(self, file: Path) -> dict[str, Any]:
        """What the reader was made with; what the classic library did not write down was always the same."""
        described = {"quantize": True, **json.loads(file.read_text(encoding="utf-8"))}
        if described.get("recog_network") not in _recognizers() or not {"lang_list", "gpu"} <= described.keys():
            raise ArtifactLoadingException(f"artifact '{self.name}': {file} describes no reader of this EasyOCR")
        return described

    def _description(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.json"


class _NotWeightsError(Exception):
    """A file that PyTorch's reader of weights refuses."""


def _easyocr() -> Any:
    return require("easyocr")


def _recognizers() -> dict[str, Any]:
    """What EasyOCR knows of its recognizers, by name."""
    generations = require("easyocr.config", "easyocr").recognition_models
    return {name: model for generation in generations.values() for name, model in generation.items()}


def _detector_file() -> str:
    return str(require("easyocr.config", "easyocr").detection_models[_DETECTOR]["filename"])


def _files(directory: Path, network: str) -> list[Path]:
    """The files of the detector and of the recognizer."""
    return [directory / _detector_file(), directory / _recognizers()[network]["filename"]]


def _count(directory: Path, network: str) -> int:
    """How many numbers were trained; reads the files, and nothing but weights.

    Raises:
        FileNotFoundError: a file is missing.
        _NotWeightsError: there is more in one.
    """
    torch = require("torch")
    refusal: type[Exception] = require("pickle").UnpicklingError
    count = 0
    for file in _files(directory, network):
        file.stat()  # before PyTorch, whose error does not name it
        try:
            weights = torch.load(file, map_location="cpu", weights_only=True)
        except refusal as error:  # its text says how to read the file all the same
            raise _NotWeightsError(f"{file} holds more than weights, or is damaged") from error
        count += sum(value.numel() for name, value in weights.items() if not name.endswith(_NOT_TRAINED))
    return count


def _reader(directory: Path, languages: list[str], network: str, gpu: str | bool = False, **options: bool) -> Any:
    """A reader that finds everything in a directory, and neither downloads nor makes directories elsewhere."""
    place = str(directory)
    path = list(sys.path)
    try:
        return _easyocr().Reader(
            languages,
            gpu=gpu,
            model_storage_directory=place,
            user_network_directory=place,
            recog_network=network,
            download_enabled=False,
            verbose=False,
            **options,
        )
    finally:
        sys.path[:] = path  # it adds the directory for networks of the user's own
