"""The licence of a distribution from what its author wrote."""

from __future__ import annotations

from email.message import Message

import pytest

from bentoml.saved_bundle.requirements.licences import Licence, licence_of

OSI = "License :: OSI Approved"


def metadata(*headers: tuple[str, str]) -> Message:
    message = Message()
    for key, value in headers:
        message[key] = value
    return message


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ([], None),
        ([("License-Expression", "mit or apache-2.0")], Licence("MIT OR Apache-2.0", True)),
        ([("License-Expression", "LicenseRef-Ours")], Licence("LicenseRef-Ours", True)),
        ([("License-Expression", "No such thing")], Licence("No such thing", False)),
        ([("License", "bsd-3-clause"), ("Classifier", f"{OSI} :: BSD License")], Licence("BSD-3-Clause", True)),
        ([("License", "BSD (new)")], Licence("BSD (new)", False)),
        ([("License", "UNKNOWN"), ("Classifier", f"{OSI} :: MIT License")], Licence("MIT License", False)),
        ([("License", "Permission is\n    hereby granted")], None),
        ([("License", "x" * 201), ("Classifier", OSI)], None),
        ([("Classifier", f"{OSI} :: A"), ("Classifier", "License :: B"), ("Classifier", "Topic :: C")],
         Licence("A, B", False)),
        ([("License", "MIT\x1b[31m")], None),
    ],
)  # fmt: skip
def test_licence_of_metadata(headers: list[tuple[str, str]], licence: Licence | None) -> None:
    assert licence_of(metadata(*headers)) == licence
