"""Draws docs/plots/*.svg from what load.py, race.py and scale.py kept beside them, and lists them for benchmarks.md.

Nothing is measured here; a plot whose figures are not there yet is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from results import FOLDER, kept
from sets import say

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "axes.edgecolor": "#888888",
    "legend.frameon": False,
    "svg.hashsalt": "kb",  # the same plot is the same file
    "svg.fonttype": "path",
}
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito, told apart by all."""
Draw = Callable[[Axes, Any], None]


def main() -> None:
    """Draws what can be drawn, and prints the section that shows it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="not needed: nothing is indexed")
    parser.add_argument("--results", type=Path, default=FOLDER, help="where the figures are")
    parser.add_argument("--to", type=Path, default=FOLDER, help="where the plots go")
    parser.add_argument("--format", choices=("svg", "png"), default="svg")
    chosen = parser.parse_args()
    print("## Plots\n")
    for name, (source, title, draw) in PLOTS.items():
        if (figures := kept(source, chosen.results)) is None:
            say(f"no figures for {name}: run bench/run.py {source} first")
            continue
        file = chosen.to / f"{name}.{chosen.format}"
        _drawn(draw, figures, file)
        print(f"![{title}](plots/{file.name})\n")


def _drawn(draw: Draw, figures: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        draw(figure.subplots(), figures)
        metadata = {"Date": None} if file.suffix == ".svg" else None
        figure.savefig(file, metadata=metadata, dpi=120, facecolor="white")


def _latency(axes: Axes, scale: Any) -> None:
    sizes, made = _by_size(scale)
    for name, colour in (("p50", BLUE), ("p95", ORANGE)):
        axes.plot(sizes, [one[name] for one in made], "o-", color=colour, label=name)
    _of_sizes(axes, sizes)
    axes.set(title="Search, embedding included, one thread", ylabel="ms")
    axes.legend()


def _memory(axes: Axes, scale: Any) -> None:
    sizes, made = _by_size({size: one for size, one in scale.items() if "memory" in one})
    for name, label, colour in (("memory", "one server", BLUE), ("further", "each further worker", ORANGE)):
        axes.plot(sizes, [one[name] for one in made], "o-", color=colour, label=label)
    _of_sizes(axes, sizes)
    axes.set(title="Memory of a serving process (PSS)", ylabel="MB")
    axes.legend()


def _by_size(scale: Any) -> tuple[list[int], list[Any]]:
    made = sorted(scale.values(), key=lambda one: one["passages"])
    return [one["passages"] for one in made], made


def _of_sizes(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("passages")
    axes.set_xticks(sizes, [_short(size) for size in sizes])
    axes.minorticks_off()


def _short(size: float) -> str:
    """`50k` for 50,142."""
    return f"{size / 1e6:.1f}M".replace(".0M", "M") if size >= 999_500 else f"{size / 1e3:.0f}k"


def _lists(axes: Axes, scale: Any) -> None:
    """The vector list: a colour a filter, a bigger point for more passages."""
    _, made = _by_size(scale)
    for colour, name in zip(COLOURS, made[0]["lists"], strict=True):
        points = [one["lists"][name] for one in made]
        took, recalls = [point["p50"] for point in points], [point["recall"] for point in points]
        sizes = [20 + 25 * place for place in range(len(made))]
        axes.plot(took, recalls, "-", color=colour, alpha=0.4)
        axes.scatter(took, recalls, sizes, color=colour, label=name, zorder=3)
    least = min(point["recall"] for one in made for point in one["lists"].values())
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(min(0.94, least - 0.02), 1.005)
    span = " → ".join(_short(one["passages"]) for one in made)
    axes.set(title=f"Vector list, {span} passages", xlabel="p50 ms", ylabel="recall@10 against exact search")
    axes.legend(title="filter", fontsize=9, loc="lower right")


def _race(axes: Axes, race: Any) -> None:
    """Each system's two figures joined by a line: with the embedding, and with vectors handed over."""
    for colour, marker, (name, one) in zip(COLOURS, "osD^v", race["systems"].items(), strict=False):
        axes.plot([one["handed"], one["p50"]], [one["recall"]] * 2, "-", color=colour, alpha=0.4)
        axes.scatter(one["handed"], one["recall"], 36, marker=marker, facecolors="white", edgecolors=colour, zorder=3)
        axes.scatter(one["p50"], one["recall"], 60, marker=marker, color=colour, label=name, zorder=4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.margins(x=0.08, y=0.12)
    title = f"{race['passages']:,} passages, one thread (hollow: vectors handed over)"
    axes.set(title=title, xlabel="p50 ms", ylabel="recall@10")
    axes.figure.legend(loc="outside lower center", ncols=2, fontsize=9)


def _throughput(axes: Axes, load: Any) -> None:
    made = load["throughput"]
    counts = [int(count) for count in made["clients"]]
    axes.plot(counts, [one["rate"] for one in made["clients"].values()], "o-", color=BLUE, label="answers over HTTP")
    alone = sorted(made["alone"])[len(made["alone"]) // 2]
    axes.axhline(alone, color=GREY, linestyle="--", label="the model alone, 32 questions a call")
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(bottom=0)
    axes.set(title=f"One server, {load['passages']:,} passages", xlabel="clients", ylabel="a second")
    axes.legend(loc="lower right")


PLOTS: dict[str, tuple[str, str, Draw]] = {
    "latency": ("scale", "Latency against the number of passages", _latency),
    "memory": ("scale", "Memory against the number of passages", _memory),
    "vector-list": ("scale", "Recall of the vector list against its latency", _lists),
    "race": ("race", "Recall against latency, beside other systems", _race),
    "throughput": ("load", "Answers a second against the number of clients", _throughput),
}
"""Each plot's source, what it shows, and how it is drawn."""

if __name__ == "__main__":
    main()
