"""The chart of the closed-loop comparisons, as a PNG."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from benchmarks.comparison import measured_scenarios, servers_of
from benchmarks.contestant import OURS
from benchmarks.plain_table import number

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Results

OUR_COLOUR, PEER_COLOUR = "#c2410c", "#94a3b8"
_LEFT_OUT = ("one-connection",)


def draw_chart(results: Results, path: Path) -> bool:
    """Draw one panel of bars for each scenario with many connections, logarithmic, the fastest on top.

    Returns:
        False when there is nothing to draw.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    scenarios = [name for name in measured_scenarios(results) if name not in _LEFT_OUT]
    panels = [(name, bars) for name in scenarios if (bars := bars_of(results, name))]
    if not panels:
        return False
    rows = (len(panels) + 1) // 2
    columns = min(2, len(panels))
    figure = Figure(figsize=(6.2 * columns, 3.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, bars) in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, place)
        rates = [rate for _, rate, _ in bars]
        colours = [OUR_COLOUR if is_ours else PEER_COLOUR for _, _, is_ours in bars]
        drawn = axes.barh(range(len(bars)), rates, color=colours)
        axes.set_yticks(range(len(bars)), [label for label, _, _ in bars])
        axes.bar_label(drawn, [number(rate) for rate in rates], padding=3, fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(min(rates) / 2)), max(rates) * 4)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{name.replace('-', ', ')} connections", fontsize=10)
        axes.set_xlabel("answers per second (logarithmic)", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def bars_of(results: Results, scenario: str) -> list[tuple[str, float, bool]]:
    """The bars of one panel from the bottom up, the slowest first: label, answers per second, whether it is ours."""
    titles = results.about.get("titles", {})
    bars = []
    for server in servers_of(results, scenario):
        rate = results.median(scenario, server, "rate")
        if rate:
            label = re.sub(r" \([^)]*\)", "", titles.get(server, server))
            bars.append((label, rate, server.startswith(OURS)))
    return sorted(bars, key=lambda bar: bar[1])
