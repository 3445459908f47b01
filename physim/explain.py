"""What a scenario will do, as text: the table of the step, each term's physics and its parameters."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Sequence

from physim.assembly import step_kernels
from physim.episodes import blood_of, has_episodes, tissue_of
from physim.problems import unit_of
from physim.scenario import Scenario
from physim.step import Kernel, Term
from physim.units import format_quantity

_WIDTH = 118


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns; the last ones wrap under themselves where the line is full."""
    body = [list(header), *([str(cell) for cell in row] for row in rows)]
    count = len(header)
    widest = [max(len(row[column]) for row in body) for column in range(count)]
    room = _WIDTH - 2 * count
    while sum(widest) > room:  # narrow the widest column until the table fits
        column = max(range(count), key=lambda index: widest[index])
        widest[column] -= 1
    lines = []
    for row in body:
        wrapped = [
            textwrap.wrap(cell, width, break_long_words=True) or [""]
            for cell, width in zip(row, widest, strict=True)
        ]
        for depth in range(max(map(len, wrapped))):
            parts = [
                (cell[depth] if depth < len(cell) else "").ljust(width)
                for cell, width in zip(wrapped, widest, strict=True)
            ]
            lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def step_table(step: Sequence[tuple[Term, Kernel]]) -> str:
    """The kernels in the order in which they run: what each reads, overwrites and adds to."""
    rows = [
        (
            str(order),
            term.name,
            kernel.name,
            kernel.per,
            *map(", ".join, (kernel.reads, kernel.writes, kernel.adds)),
        )
        for order, (term, kernel) in enumerate(step, 1)
    ]
    return table(("step", "term", "kernel", "per", "reads", "writes", "adds"), rows)


def parameter_table(term: Term) -> str:
    """Name, value, unit, default, meaning and source of every parameter of a term; empty if it has none."""
    rows = []
    for name, field in type(term).model_fields.items():
        unit = unit_of(field)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value, default = (_number(number, unit) for number in (getattr(term, name), field.default))
        rows.append(
            (name, value, unit or "-", default, field.description or "", str(extra.get("source", "")))
        )
    return table(("parameter", "value", "unit", "default", "meaning", "source"), rows) if rows else ""


def _number(value: object, unit: str) -> str:
    if isinstance(value, float):
        return str(format_quantity(value, unit)).removesuffix(unit).strip() if unit else f"{value:g}"
    return str(value)


def physics(term: Term) -> str:
    """The first paragraph of a term's docstring: its equation."""
    text = inspect.getdoc(type(term)) or ""
    return "\n".join(
        textwrap.wrap(text.split("\n\n")[0], _WIDTH - 4, initial_indent="  ", subsequent_indent="  ")
    )


def explain(scenario: Scenario) -> str:
    """Title, the table of one step, that of flow episodes, then the terms in the order in which they first act."""
    tables = [step_kernels(tissue_of(scenario))]
    if has_episodes(scenario):
        tables.append(step_kernels(blood_of(scenario)))
    terms = {term.name: term for step in tables for term, _ in step}
    parts = [scenario.title, step_table(tables[0])]
    parts += [f"in flow episodes\n\n{step_table(step)}" for step in tables[1:]]
    for name, term in terms.items():
        parts.append(
            "\n".join(filter(None, (name, physics(term), textwrap.indent(parameter_table(term), "  "))))
        )
    return "\n\n".join(parts)
