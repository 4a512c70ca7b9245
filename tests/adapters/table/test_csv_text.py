"""Long CSV text is looked at from its beginning only, and read the same."""

from __future__ import annotations

import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.table import csv_text
from bentoml.adapters.table.csv_text import MAX_COLUMNS, parse_csv
from bentoml.adapters.table.layout import TableLayout

TEXTS = {
    "plain": "a,b\n1,2\n3,4\n5,6\n7,8\n",
    "quotes with line ends": 'a,"b\n\nx"\n1,"y\nz"\n3,"4"\n5,6\n',
    "blank lines": "\n\na,b\n\n1,2\n\n\n\n\n3,4\n5,6\n",
    "carriage returns": "a,b\r1,2\r3,4\r5,6\r",
    "two rows": "a,b\n1,2\n",
    "a quote that goes on": 'a,b\n1,2\n3,"' + "x\n" * 50 + '"\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_parse_csv_of_long_text_is_that_of_all_of_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parse_csv(text, TableLayout()).frame
    for characters in range(1, len(text)):
        monkeypatch.setattr(csv_text, "_HEAD_CHARACTERS", characters)
        assert parse_csv(text, TableLayout()).frame.equals(whole)


def test_parse_csv_of_a_header_longer_than_the_beginning_still_counts_columns() -> None:
    names = ",".join(f"column_{number:06}" for number in range(MAX_COLUMNS + 1))
    with pytest.raises(InputError, match="more than 10000 columns"):
        parse_csv(f"{names}\n1\n2\n3\n", TableLayout())
