"""What nobody but its owner may see does not show."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.configuration.keys import known_keys
from bentoml.configuration.secrets import HIDDEN, without_secrets


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("yatai.remote.access_token", "hush", HIDDEN),
        ("yatai.remote.access_token", None, None),
        ("bento_server.auth.docs_tokens", ["hush"], HIDDEN),
        ("bento_server.auth.docs_tokens", [], []),
        ("yatai.database.url", "postgresql://ada:hu:s@h@db:5432/x?a=b", f"postgresql://ada:{HIDDEN}@db:5432/x?a=b"),
        ("yatai.database.url", "postgresql://ada:hu/sh?@db/x", f"postgresql://ada:{HIDDEN}@db/x"),
        ("yatai.database.url", "postgresql://:hush@db/x", f"postgresql://:{HIDDEN}@db/x"),
        ("yatai.database.url", "https://hush@db/x", f"https://{HIDDEN}@db/x"),
        ("yatai.database.url", "mysql://db/x?ssl=1&password=hush&b=c", f"mysql://db/x?ssl=1&password={HIDDEN}&b=c"),
        ("yatai.remote.url", "http://host:3000/path", "http://host:3000/path"),
        ("bento_server.port", 5000, 5000),
        (
            "logging.advanced.config",
            {"handlers": [{"password": "hush", "api_key": 5, "secret": None, "url": "x://a:hush@b"}]},
            {"handlers": [{"password": HIDDEN, "api_key": HIDDEN, "secret": None, "url": f"x://a:{HIDDEN}@b"}]},
        ),
    ],
)
def test_value_for_everybody_has_no_secret(name: str, value: Any, shown: Any) -> None:
    assert without_secrets(known_keys()[name], value) == shown
