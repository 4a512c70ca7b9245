"""The `bentoml` command, also as `python -m bentoml`."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line with the arguments of this process and exit with its status."""
    # What is imported stays to the end, so looking through it for garbage, now or at exit, is a waste: an eighth of
    # the time of `bentoml --help`.
    gc.disable()
    from bentoml.cli.main import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
