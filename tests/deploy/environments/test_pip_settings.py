"""What the user has told pip reaches uv, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.deploy.environment.pip_settings import pip_settings, variables_for_uv

if TYPE_CHECKING:
    from pathlib import Path


def test_pip_settings_are_those_of_files_and_variables_which_win(tmp_path: Path) -> None:
    for place, text in {
        "global/pip/pip.conf": "[global]\nindex-url = https://global.example\ntimeout = 5\n[list]\nformat = json\n",
        ".config/pip/pip.conf": "[install]\nindex_url = https://user.example\nfind-links =\n  /a\n  /b\n",
        "named.conf": "[global]\nno-index = true\n",
        ".pip/pip.conf": "this is no configuration",
    }.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path / "global"),
        "PIP_TIMEOUT": "9",
        "PIP_TARGET": "/x",
    }
    expected = {"index-url": "https://user.example", "timeout": "9", "find-links": "/a /b"}
    found = pip_settings(environ)
    found.pop("cert", None)  # of this machine's /etc/pip.conf
    assert found == expected
    named = {**environ, "PIP_CONFIG_FILE": str(tmp_path / "named.conf")}
    assert pip_settings(named)["no-index"] == "true"
    assert pip_settings({**environ, "PIP_CONFIG_FILE": "/dev/null"}) == {"timeout": "9"}


def test_variables_for_uv_say_the_same(tmp_path: Path) -> None:
    settings = {
        "index-url": "https://a.example",
        "extra-index-url": "https://b.example https://c.example",
        "find-links": "/a /b",
        "cert": "/ca.pem",
        "no-input": "1",
    }
    assert variables_for_uv(settings, {"SSL_CERT_FILE": "/mine.pem"}) == {
        "UV_DEFAULT_INDEX": "https://a.example",
        "UV_INDEX": "https://b.example https://c.example",
        "UV_FIND_LINKS": "/a,/b",
    }


def test_variables_for_uv_of_a_setting_that_it_lacks_names_it() -> None:
    assert variables_for_uv({"no-input": "1", "client-cert": "/me.pem"}, {}) == "client-cert"
