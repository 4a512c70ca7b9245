"""Old home of the artifact for compiled ONNX-MLIR models, which was dropped."""

from __future__ import annotations

from typing import NoReturn

from bentoml._util.dropped import refuse_name

_DROPPED = {"OnnxMlirModelArtifact": "its runtime is not published for Python 3.10 and later; keep the ONNX model"}


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name, _DROPPED)
