"""The raw numbers of a run: a flat list of measurements in one JSON file, written after each of them."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Record = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Results:
    """What has been measured so far.

    Attributes:
        path: The JSON file.
        about: Machine, date, settings and versions.
        measurements: Each with `scenario`, `server` and `round`, and with what was measured there.
        failures: Each with `scenario`, `server`, `round` and `reason`.
        unavailable: Peers that could not be installed, with the reason.
    """

    path: Path
    about: Record = field(default_factory=dict)
    measurements: list[Record] = field(default_factory=list)
    failures: list[Record] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)

    def has(self, scenario: str, server: str, number: int) -> bool:
        """Whether this measurement is there already, from a run that is resumed."""
        wanted = (scenario, server, number)
        return any((item["scenario"], item["server"], item["round"]) == wanted for item in self.measurements)

    def add(self, scenario: str, server: str, number: int, **values: Any) -> None:
        """Keep one measurement, on disk too."""
        self.measurements.append({"scenario": scenario, "server": server, "round": number, **values})
        self.save()

    def fail(self, scenario: str, server: str, number: int, reason: str) -> None:
        """Keep the reason why there is no measurement, on disk too."""
        shown = without_places(reason)
        self.failures.append({"scenario": scenario, "server": server, "round": number, "reason": shown})
        self.save()

    def of(self, scenario: str, server: str) -> list[Record]:
        """The measurements of one server in one scenario, in the order of the rounds."""
        return [item for item in self.measurements if (item["scenario"], item["server"]) == (scenario, server)]

    def median(self, scenario: str, server: str, quantity: str) -> float | None:
        """Median of a quantity over the rounds; None without a measurement."""
        values = [item[quantity] for item in self.of(scenario, server) if item.get(quantity) is not None]
        return statistics.median(values) if values else None

    def ratio(self, scenario: str, quantity: str, server: str, other: str) -> float | None:
        """The median of one server divided by that of another; None when one of them was not measured or is 0."""
        mine, theirs = self.median(scenario, server, quantity), self.median(scenario, other, quantity)
        return None if mine is None or not theirs else mine / theirs

    def save(self) -> None:
        """Write the file: a temporary one first, so that it is whole at all times."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "about": self.about,
            "unavailable": self.unavailable,
            "failures": self.failures,
            "measurements": self.measurements,
        }
        new = self.path.with_name(self.path.name + ".new")
        new.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        new.replace(self.path)


def without_places(text: str) -> str:
    """A message without the directories of this machine: what is published tells about servers, not about disks."""
    return text.replace(str(ROOT), ".").replace(str(Path.home()), "~")


def load_results(path: Path) -> Results:
    """Read the file of an earlier run.

    Raises:
        OSError, ValueError: it is not there or no such file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    return Results(path, document["about"], document["measurements"], document["failures"], document["unavailable"])
