"""The result of an experiment as text: a table for the terminal, and the same in Markdown beside the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physim.experiments.declaration import Experiment

HEADER = ("observable", "value", "95 % interval", "published target", "tolerance", "tier", "verdict")


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One observable as the words of HEADER; empty where there is no number."""
    low, high = row["tolerance"] or (None, None)
    unit = f", {row['unit']}" if row["unit"] else ""
    return (f"{row['name']}{unit}", number(row["value"]), _between(*row["interval"]), number(row["target"]),
            _between(low, high), row["tier"], row["verdict"])  # fmt: skip


def text(result: Mapping[str, Any]) -> str:
    """The table, and how far to trust it."""
    from physim.explain import table

    lines = [table(HEADER, map(cells, result["observables"]))]
    if result["indicative"]:
        lines.append(f"\nThe {result['size']} size is indicative: "
                     + ("it judges verifications only." if result["size"] == "smoke" else
                        "of what is published it judges the trend only."))  # fmt: skip
    return "\n".join(lines)


def markdown(experiment: Experiment, result: Mapping[str, Any]) -> str:
    """A page with the table and the sources of the targets."""
    sources = {o.name: o.source for o in experiment.observables(experiment.sizes[result["size"]])}
    networks = result["seeds"]
    lines = [
        f"# {experiment.id}: {experiment.title}", "",
        f"Size {result['size']}{', indicative' if result['indicative'] else ''}; {len(networks)} "
        f"network{'s' if len(networks) != 1 else ''}; device: {result['device']}; "
        f"made by `physim experiment {experiment.id} --size {result['size']}`.", "",
        f"Published: {experiment.source}", "",
        *(_line(words) for words in ((*HEADER, "source"), ("---",) * (len(HEADER) + 1))),
    ]  # fmt: skip
    lines += [_line((*cells(row), sources[row["name"]])) for row in result["observables"]]
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Four digits; empty for None and NaN."""
    return "" if value is None or value != value else f"{value:.4g}"


def _between(low: float | None, high: float | None) -> str:
    first, last = number(low), number(high)
    if not first and not last:
        return ""
    return f"{first or '-inf'} ... {last or 'inf'}"


def _line(words: tuple[str, ...]) -> str:
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |"
