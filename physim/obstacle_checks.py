"""What a scenario says of obstacles that cannot be: keys of another kind, holes that do not fit, nobody to feel it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from physim.units import format_quantity

if TYPE_CHECKING:
    from physim.scenario import Scenario
    from physim.sections import Obstacle

MOST_WIRES = 20_000_000


def problems(scenario: Scenario) -> list[str]:
    """One line each: where, what value, what to do."""
    lines = []
    if scenario.obstacles and not {"steric", "cortex"} & set(scenario.terms):
        lines.append("obstacles: nothing feels them; add a section [terms.steric] or [terms.cortex], or remove them")
    for index, one in enumerate(scenario.obstacles):
        lines += [f"obstacles.{index}.{line}" for line in _of(one, np.array(scenario.box.size))]
    return lines


def _of(one: Obstacle, size: np.ndarray) -> list[str]:
    lines = []
    for kind, keys in one.OF.items():
        lines += [f"{key}: has no meaning for a {one.kind}; leave it out, or write kind = \"{kind}\""
                  for key in keys if kind != one.kind and key in one.model_fields_set]  # fmt: skip
    if one.center is not None and not ((np.array(one.center) >= 0) & (np.array(one.center) <= size)).all():
        lines.append(f"center: {list(one.center)} um is outside the box; move it to 0 ... {size.tolist()} um")
    if one.kind == "cylinder" and one.radius is None:
        lines.append('radius: missing; add e.g. radius = "5 um"')
    if one.kind == "surface":
        return lines + _file(one)
    return lines + (_holes(one, size) if one.kind == "plate" else [])


def _file(one: Obstacle) -> list[str]:
    from physim.errors import InputError
    from physim.generate.obstacles import closed_surface

    if one.file is None:
        return ['file: missing; add e.g. file = "surface.stl"']
    try:
        closed_surface(one)
    except InputError as error:
        return [f"file: {line}" for line in error.problems]
    return []


def _holes(one: Obstacle, size: np.ndarray) -> list[str]:
    across = [size[("xyz".index(one.axis) + k) % 3] for k in (1, 2)]
    if one.hole_area is not None and one.hole_size is not None:
        return ["hole_area: stands beside hole_size; keep one of the two"]
    extent = one.hole_size or ((2 * np.sqrt(one.hole_area / np.pi),) * 2 if one.hole_area is not None else None)
    if extent is None:
        return [] if one.pitch is None else ["pitch: there is no hole; add hole_area, or leave pitch out"]
    lines = []
    if min(extent) <= 0:
        lines.append(f"hole_size: {list(extent)} um must be positive")
    if any(e >= edge for e, edge in zip(extent, across, strict=True)):
        lines.append(f"hole_{'area' if one.hole_area else 'size'}: a hole of {_um(max(extent))} is wider than the box; "
                     f'write less than "{_um(min(across))}"')  # fmt: skip
    if one.pitch is not None and one.pitch <= max(extent) + one.spacing:
        lines.append(f"pitch: {_um(one.pitch)} leaves no plate between holes of {_um(max(extent))}; write more")
    return lines


def _um(value: float) -> str:
    return str(format_quantity(float(f"{value:.4g}"), "um"))
