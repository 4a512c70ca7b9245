"""Why each requirement of a bundle is there, and what was left out: section `requirements` of the manifest.

```yaml
requirements:
  kept:
  - requirement: pandas==2.2.3
    because:
    - {kind: import, name: pandas, detail: 'shop/words.py:3, iris.py:2'}
  left_out:
  - {name: json, place: 'iris.py:1', rule: standard library}
```

Places are paths in the bundle's package, so they can be looked up there, whatever machine saved it. Of many imports of
one module, the first few are named. What is left out although the bundle should have required it has a `distribution`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.code.sources import LeftOut
from bentoml.service.requirement_reasons import KINDS, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bentoml.saved_bundle.manifest import Manifest

SECTION = "requirements"
SHOWN_PLACES = 5


@dataclass(frozen=True)
class KeptRequirement:
    """One line of `requirements.txt`, and why it is there; no reasons when they were not recorded."""

    requirement: str
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class RequirementRecord:
    """What a bundle says about its requirements.

    Attributes:
        kept: the requirements, in the order of the file.
        left_out: imports and requirements that are not among them.
        is_complete: False for a bundle that did not record reasons; `left_out` is empty then.
    """

    kept: tuple[KeptRequirement, ...]
    left_out: tuple[LeftOut, ...] = ()
    is_complete: bool = True

    def manifest_section(self) -> dict[str, Any]:
        """The section of the manifest."""
        return {
            "kept": [
                {"requirement": one.requirement, "because": [_without_empty(reason) for reason in one.because]}
                for one in self.kept
            ],
            "left_out": [_without_empty(one) for one in self.left_out],
        }


def read_record(manifest: Manifest) -> RequirementRecord:
    """What a bundle says about its requirements, read without its code.

    Raises:
        BentoMLConfigException: the section of the manifest is not of the form above.
    """
    section = manifest.document.get(SECTION)
    if section is None:
        env = manifest.metadata.env
        lines = (line.strip() for line in env.requirements_txt.splitlines() or env.pip_packages)
        kept = tuple(KeptRequirement(line) for line in lines if line and not line.startswith("#"))
        return RequirementRecord(kept, is_complete=False)
    kept = tuple(
        KeptRequirement(_text(entry, "requirement"), tuple(_reason(one) for one in _entries(entry, "because")))
        for entry in _entries(section, "kept")
    )
    left_out = tuple(
        LeftOut(*(_text(entry, key) for key in ("name", "place", "rule", "distribution")))
        for entry in _entries(section, "left_out")
    )
    return RequirementRecord(kept, left_out)


def shown_places(places: Sequence[str]) -> str:
    """The first few places, and how many there are besides."""
    more = len(places) - SHOWN_PLACES
    return ", ".join(places[:SHOWN_PLACES]) + (f" and {more} more" if more > 0 else "")


def grouped(left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """One entry for all places in which the same was left out by the same rule, in the order of the first."""
    places: dict[LeftOut, list[str]] = {}
    for one in left_out:
        places.setdefault(replace(one, place=""), []).append(one.place)
    return tuple(replace(one, place=shown_places(found)) for one, found in places.items())


def _without_empty(value: Reason | LeftOut) -> dict[str, str]:
    return {key: text for key, text in dataclasses.asdict(value).items() if text}


def _reason(entry: dict[str, Any]) -> Reason:
    kind = _text(entry, "kind")
    if kind not in KINDS:
        raise _malformed(f"{kind!r} is no kind of reason")
    return Reason(kind, _text(entry, "name"), _text(entry, "detail"))


def _entries(section: Any, key: str) -> list[dict[str, Any]]:
    value = section.get(key, []) if isinstance(section, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _malformed(f"'{key}' must be a list of mappings")
    return value


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise _malformed(f"'{key}' must be a text")
    return value


def _malformed(what: str) -> BentoMLConfigException:
    return BentoMLConfigException(f"section '{SECTION}' of the manifest cannot be read: {what}; save the service again")
