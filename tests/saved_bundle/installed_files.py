"""Distributions that are nothing but metadata, in a directory of a test that is on the path of imports."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest


class SitePackages:
    """A directory of installed distributions."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        directory.mkdir()
        monkeypatch.syspath_prepend(str(directory))

    def add(
        self,
        name: str,
        version: str,
        *headers: str,
        origin: Any = None,
        description: str = "",
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Install one: `headers` are whole lines, `origin` is what pip writes into direct_url.json.

        The content of `files` is written beside the metadata, and their names into RECORD.
        """
        info = self.directory / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *headers]
        (info / "METADATA").write_text("\n".join([*lines, "", description]), encoding="utf-8")
        if origin is not None:
            (info / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))
        for file, text in (files or {}).items():
            path = self.directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if files:
            (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        importlib.invalidate_caches()
