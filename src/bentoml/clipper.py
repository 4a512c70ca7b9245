"""Old home of the deployment to Clipper, which was dropped."""

from __future__ import annotations

from typing import NoReturn

from bentoml._util.dropped import CLIPPER_REASON, refuse_name

_DROPPED = {"deploy_bentoml": f"{CLIPPER_REASON}; serve the bundle with `bentoml serve`"}


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name, _DROPPED)
