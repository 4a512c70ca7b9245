"""A client in a process of its own, which a test may kill: `push URL DIRECTORY CACHE`, `pull URL TAG CACHE`."""

from __future__ import annotations

import sys
from pathlib import Path

from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.types import Tag
from bentoml.yatai.remote import RemoteSettings, open_registry


def main(verb: str, url: str, what: str, cache: str) -> None:
    registry = open_registry(url, RemoteSettings(cache_directory=Path(cache)))
    if verb == "push":
        registry.register(Path(what), load_bento_service_metadata(what))
    else:
        with registry.reading(registry.find(Tag.parse(what))) as directory:
            print(directory)


if __name__ == "__main__":
    main(*sys.argv[1:])
