"""Coverage-guided fuzzing of one target: `python -m tests.fuzz.guided TARGET DIRECTORY [libFuzzer option]...`.

Each input is one byte that chooses the head, and the body. The directory keeps the inputs that found new ways
through the code; what fails is written beside it by libFuzzer.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["bentoml.adapters", "bentoml._util", "bentoml.service"]):
    from tests.fuzz.check import Checker
    from tests.fuzz.targets import TARGETS


def main(argv: list[str]) -> None:
    """Fuzz until an option of libFuzzer says stop; the exit status tells whether something failed."""
    name, corpus, *options = argv
    target = TARGETS[name]
    logging.getLogger("bentoml").setLevel(logging.CRITICAL)  # what is refused is refused on purpose
    checker = Checker(target)
    heads = target.heads
    for number, (head, body) in enumerate(target.requests):
        (Path(corpus) / f"seed-{number}").write_bytes(bytes([heads.index(head)]) + body)

    def run(data: bytes) -> None:
        if data:
            checker.check(heads[data[0] % len(heads)], data[1:])

    atheris.Setup([sys.argv[0], *options, corpus], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
