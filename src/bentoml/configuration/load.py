"""Reading the configuration: defaults, then the file, checked against the schema."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import os
import types
import typing
from functools import lru_cache
from pathlib import Path
from typing import Any

from bentoml.configuration.schema import Config
from bentoml.exceptions import BentoMLConfigException

logger = logging.getLogger(__name__)

_LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
_CHOICES = {
    "logging.level": _LOG_LEVELS,
    "bento_server.logging.level": _LOG_LEVELS,
    "logging.access.format": ("text", "json"),
}
_RANGES: dict[str, tuple[int, int | None]] = {
    "logging.prediction.sample_rate": (0, 1),
    "logging.prediction.max_field_bytes": (0, None),
}
_AT_LEAST_ONE = frozenset(
    {
        "bento_server.port",
        "bento_server.timeout",
        "bento_server.max_request_size",
        "bento_server.microbatch.max_batch_size",
        "bento_server.microbatch.max_latency",
        "bento_server.workers",
        "bento_server.worker_timeout_s",
        "bento_server.worker_max_rss_bytes",
        "bento_server.worker_max_requests",
        "bento_server.grace_s",
        "bento_server.header_timeout_s",
        "bento_server.body_timeout_s",
    }
)


def bentoml_home() -> Path:
    """`$BENTOML_HOME`, by default `~/bentoml`; `~` and `$X` in it are expanded. It is not created."""
    return Path(os.path.expandvars(os.environ.get("BENTOML_HOME") or "~/bentoml")).expanduser()


def is_debug() -> bool:
    """Whether `$BENTOML_DEBUG` asks for debug logs and tracebacks."""
    return os.environ.get("BENTOML_DEBUG", "").strip().lower() in {"1", "true", "yes", "on"}


def get_config() -> Config:
    """The configuration in force.

    That is the file named by `$BENTOML_CONFIG`, else `$BENTOML_HOME/bentoml.yml`, over the defaults.

    Raises:
        BentoMLConfigException: the file is missing, cannot be read, or has an unknown key or a wrong type.
    """
    named = os.environ.get("BENTOML_CONFIG")
    path = Path(os.path.expandvars(named)).expanduser() if named else bentoml_home() / "bentoml.yml"
    if not path.is_file():
        if named:
            raise BentoMLConfigException(f"Config file {path} not found; correct or unset BENTOML_CONFIG")
        return Config()
    stamp = path.stat()
    return _load_cached(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _load_cached(path: Path, _modified_ns: int, _size_bytes: int) -> Config:
    return load_config(path)


def load_config(path: Path) -> Config:
    """Read one configuration file over the defaults.

    Raises:
        BentoMLConfigException: it cannot be read, or has an unknown key or a wrong type; the text names key and file.
    """
    import yaml

    if path.suffix not in {".yml", ".yaml"}:
        raise BentoMLConfigException(f"Config file {path} must end in .yml or .yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BentoMLConfigException(f"Config file {path} cannot be read: {error}") from error
    if content is None:
        return Config()
    config: Config = _build(Config, content, "", path)
    return config


def _build(schema: type[Any], content: Any, prefix: str, path: Path) -> Any:
    if not isinstance(content, dict):
        where = f"'{prefix.rstrip('.')}'" if prefix else "the file"
        raise BentoMLConfigException(f"{path}: {where} must be a mapping of keys, not {_describe(content)}")
    hints = typing.get_type_hints(schema)
    values = {}
    for key, value in content.items():
        full_key = f"{prefix}{key}"
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, n=1)
            hint = f"; did you mean '{prefix}{near[0]}'?" if near else f"; known keys: {', '.join(sorted(hints))}"
            raise BentoMLConfigException(f"{path}: unknown key '{full_key}'{hint}")
        kind = hints[key]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            if value is not None:
                values[key] = _build(kind, value, f"{full_key}.", path)
        else:
            values[key] = _check(kind, value, full_key, path)
    return schema(**values)


def _check(kind: Any, value: Any, key: str, path: Path) -> Any:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if not any(_matches(option, value) for option in options):
        expected = " or ".join(_name_of(option) for option in options)
        raise BentoMLConfigException(f"{path}: '{key}' must be {expected}, not {_describe(value)}")
    if key in _AT_LEAST_ONE and value is not None and value < 1:
        raise BentoMLConfigException(f"{path}: '{key}' must be at least 1, not {value}")
    if key in _RANGES:
        low, high = _RANGES[key]
        if not low <= value or not (high is None or value <= high):
            limits = f"at least {low}" if high is None else f"from {low} to {high}"
            raise BentoMLConfigException(f"{path}: '{key}' must be {limits}, not {value}")
    choices = _CHOICES.get(key)
    if choices is not None and value not in choices:
        raise BentoMLConfigException(f"{path}: '{key}' must be one of {', '.join(choices)}, not {_describe(value)}")
    return value


def _matches(kind: Any, value: Any) -> bool:
    if kind is types.NoneType:
        return value is None
    origin = typing.get_origin(kind) or kind
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin is list:
        (item,) = typing.get_args(kind)
        return isinstance(value, list) and all(_matches(item, element) for element in value)
    return isinstance(value, origin)


def _name_of(kind: Any) -> str:
    names = {
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        types.NoneType: "null",
        dict: "a mapping",
        list: "a list",
    }
    return names.get(typing.get_origin(kind) or kind, str(kind))


def _describe(value: Any) -> str:
    return f"{value!r} ({_name_of(type(value))})"
