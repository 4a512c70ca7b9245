"""What an output file holds, by its name."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from bentoml.exceptions import InvalidArgument


class OutputFormat(str, Enum):
    """The formats that answers are written in."""

    CSV = ".csv"
    JSON_LINES = ".jsonl"
    ARROW = ".arrow"
    PARQUET = ".parquet"

    @property
    def needs_arrow(self) -> bool:
        """Whether pyarrow writes it."""
        return self in {OutputFormat.ARROW, OutputFormat.PARQUET}


def output_format(name: str) -> OutputFormat:
    """The format that an extension stands for.

    Raises:
        InvalidArgument: it stands for none.
    """
    suffix = Path(name).suffix.lower()
    try:
        return OutputFormat({".ndjson": ".jsonl", ".feather": ".arrow"}.get(suffix, suffix))
    except ValueError as error:
        names = ", ".join(one.value for one in OutputFormat)
        raise InvalidArgument(f"answers cannot be written to {name}; name a file that ends with {names}") from error
