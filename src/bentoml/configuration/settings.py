"""What each source of the configuration says: keys with values and places, and everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bentoml.configuration.check import describe, problem_with
from bentoml.configuration.environment import read_variable
from bentoml.configuration.keys import known_keys, known_sections, near
from bentoml.configuration.schema import Config
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import yaml

    from bentoml.configuration.key import Section

Source = Literal["default", "file", "environment"]


@dataclass(frozen=True)
class Setting:
    """The value of one key, and where it comes from.

    Attributes:
        value: the checked value.
        source: which kind of place.
        place: the file and line, or the variable; empty for a default.
    """

    value: Any
    source: Source
    place: str


@dataclass
class Layer:
    """What one source says.

    Attributes:
        settings: by the names of the keys.
        problems: one sentence for each thing that is wrong; it names the key and the place.
    """

    settings: dict[str, Setting] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, name: str, value: Any, source: Source, place: str) -> None:
        """Enter the value of a key, if it is one that the key takes."""
        problem = problem_with(known_keys()[name], value)
        if problem is None:
            self.settings[name] = Setting(value, source, place)
        else:
            self.problems.append(f"{place}: '{name}' {problem}")


def default_layer() -> Layer:
    """The defaults of all keys."""
    return Layer({key.name: Setting(key.default, "default", "") for key in known_keys().values()})


def file_layer(text: str, path: Path) -> Layer:
    """What the text of a file says; `path` is for the places."""
    from bentoml.configuration import plain_yaml

    layer = Layer()
    try:
        root = plain_yaml.compose(text)
    except plain_yaml.PlainYamlError as error:
        layer.problems.append(f"Config file {path} cannot be read: {error}")
        return layer
    if root is not None:
        _take_section(layer, root, "", path)
    return layer


def _take_section(layer: Layer, node: yaml.Node, section: str, path: Path) -> None:
    import yaml

    from bentoml.configuration import plain_yaml

    try:
        if not isinstance(node, yaml.MappingNode):
            value = plain_yaml.value_of(node)
            if value is not None:
                where = f"'{section}'" if section else "the file"
                place = f"{path}, line {node.start_mark.line + 1}"
                layer.problems.append(f"{place}: {where} must be a mapping of keys, not {describe(value)}")
            return
        for key_node, value_node in node.value:
            name = f"{section}.{key_node.value}" if section else key_node.value
            place = f"{path}, line {key_node.start_mark.line + 1}"
            if name in known_sections():
                _take_section(layer, value_node, name, path)
            elif name in known_keys():
                layer.take(name, plain_yaml.value_of(value_node), "file", place)
            else:
                layer.problems.append(f"{place}: {unknown(name)}")
    except plain_yaml.PlainYamlError as error:
        layer.problems.append(f"Config file {path} cannot be read: {error}")


def environment_layer(variables: Iterable[tuple[str, str]]) -> Layer:
    """What variables that begin with `BENTOML__` say."""
    layer = Layer()
    seen: dict[str, str] = {}
    for variable, text in variables:
        place = f"environment variable {variable}"
        try:
            name, value = read_variable(variable, text)
        except BentoMLConfigException as error:
            layer.problems.append(f"{place}: {error}")
            continue
        if name in seen:
            layer.problems.append(f"{place}: '{name}' is also set by {seen[name]}; unset one of them")
            continue
        seen[name] = variable
        layer.take(name, value, "environment", place)
    return layer


def unknown(name: str) -> str:
    """The sentence about a key that there is not: what was meant, or what there is."""
    from bentoml.configuration import old_names

    hint = old_names.hint(name)
    if hint is not None:
        return f"unknown key '{name}', of releases before 0.12: {hint}"
    meant = near(name)
    if meant is not None:
        return f"unknown key '{name}'; did you mean '{meant}'?"
    parent = name.rpartition(".")[0]
    known = sorted(known_sections().get(parent, Config).declarations)
    return f"unknown key '{name}'; known keys: {', '.join(known)}"


def config_of(settings: Mapping[str, Setting]) -> Config:
    """The configuration with these values; what has none has its default."""
    config: Config = _section_of(Config, "", settings)
    return config


def _section_of(schema: type[Section], prefix: str, settings: Mapping[str, Setting]) -> Any:
    values = {}
    for name, declaration in schema.declarations.items():
        full_name = f"{prefix}{name}"
        if declaration.section is not None:
            values[name] = _section_of(declaration.section, f"{full_name}.", settings)
        elif full_name in settings:
            values[name] = settings[full_name].value
    return schema(**values)
