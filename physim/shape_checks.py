"""What a scenario says of cells with a shape (`terms.cortex`) that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physim.terms.cortex import Cortex
from physim.units import format_quantity

if TYPE_CHECKING:
    from physim.scenario import Scenario

_INSTEAD = {
    "network": "fibers that move do not yield to shells yet; take terms.network out",
    "steric": "the shell takes the place of terms.steric and terms.nucleus; take them out, or terms.cortex",
}


def problems(scenario: Scenario) -> list[str]:
    """One line each: where, what value, what to do."""
    term = scenario.terms.get(Cortex.name)
    if not isinstance(term, Cortex):
        return []
    lines = [f"terms.cortex: {remedy}" for name, remedy in _INSTEAD.items() if name in scenario.terms]
    remedy = "terms.cortex feels plates and cylinders, no closed surface of a file; take it out"
    lines += [f"obstacles.{index}.kind: {remedy}" for index, one in enumerate(scenario.obstacles)
              if one.kind == "surface"]  # fmt: skip
    for index, group in enumerate(scenario.cells):
        if not term.fits(group.radius, group.nucleus_radius):
            lines.append(f"cells.{index}.nucleus_radius: {format_quantity(group.nucleus_radius, 'um')} in a cell of "
                         f"{format_quantity(group.radius, 'um')} {term.misfit}")  # fmt: skip
    return lines
