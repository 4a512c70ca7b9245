"""Old names of the input adapters, for services written as `@api(DataframeHandler, ...)`."""

from __future__ import annotations

from typing import NoReturn

from bentoml._util.dropped import CLIPPER_KINDS, CLIPPER_REASON, refuse_name
from bentoml.adapters import BaseInputAdapter as BentoHandler
from bentoml.adapters import DataframeInput as DataframeHandler
from bentoml.adapters import JsonInput as JsonHandler
from bentoml.adapters import MultiImageInput as ImageHandler

__all__ = ["BentoHandler", "DataframeHandler", "ImageHandler", "JsonHandler"]

_DROPPED = {
    f"Clipper{kind}Handler": f"{CLIPPER_REASON}; use an input adapter of bentoml.adapters" for kind in CLIPPER_KINDS
}


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name, _DROPPED)
