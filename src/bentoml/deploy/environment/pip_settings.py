"""What the user has told pip, and the same for uv, which reads neither the variables nor the files of pip."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-cache-dir": "UV_NO_CACHE",
}
"""Variables of uv by the settings of pip that they are equal to."""
WITHOUT_MEANING = frozenset(
    {"disable-pip-version-check", "no-input", "quiet", "verbose", "progress-bar", "no-color", "cache-dir", "log",
     "root-user-action", "no-warn-script-location", "require-virtualenv", "no-python-version-warning", "user",
     "break-system-packages", "prefer-binary", "retries", "compile", "no-compile", "use-feature"}
)  # fmt: skip
"""Settings that are for people, or about things that these installations have not."""
WHERE_TO = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON")
"""Variables of pip that would put packages somewhere else."""
_SECTIONS = ("global", "install")


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of pip for an installation, as its files and variables say; variables win.

    Args:
        environ: the variables.

    Returns:
        Text by the name of the option, without its dashes; values of lists with blanks between them.
    """
    settings: dict[str, str] = {}
    for path in _files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip says what is wrong with it
        for section in _SECTIONS:
            if parser.has_section(section):
                settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    variables = {
        name[4:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and name not in {*WHERE_TO, "PIP_CONFIG_FILE"} and value
    }
    return {name: " ".join(value.split()) for name, value in {**settings, **variables}.items()}


def _files(environ: Mapping[str, str]) -> list[Path]:
    """The files that pip reads, in its order."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME") or "~").expanduser()
    user_config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [
        *(Path(directory, "pip", "pip.conf") for directory in _global_directories(environ)),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        *([home / "Library" / "Application Support" / "pip" / "pip.conf"] if sys.platform == "darwin" else []),
        user_config / "pip" / "pip.conf",
        Path(sys.prefix, "pip.conf"),
        *([Path(named)] if named else []),
    ]


def _global_directories(environ: Mapping[str, str]) -> list[str]:
    return [directory for directory in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep) if directory]


def variables_for_uv(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str] | str:
    """The settings of pip as variables of uv. What the user has set for uv itself is left as it is.

    Args:
        settings: what `pip_settings` found.
        environ: the variables of the user.

    Returns:
        The variables; or, when uv has nothing that is equal to a setting, the name of that setting.
    """
    variables: dict[str, str] = {}
    for name, value in settings.items():
        variable = FOR_UV.get(name)
        if variable is None:
            if name in WITHOUT_MEANING:
                continue
            return name
        if variable in environ:
            continue
        # A list of places to look in has commas between them, every other list of uv has blanks.
        variables[variable] = value.replace(" ", ",") if variable == "UV_FIND_LINKS" else value
    return variables
