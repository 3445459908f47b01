"""Checks across the sections of a scenario: values that are each fine but do not fit together."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from physim import obstacle_checks, shape_checks, vessel_checks
from physim.problems import show
from physim.units import format_quantity

if TYPE_CHECKING:
    from physim.scenario import Scenario
    from physim.sections import Cells, Collagen
    from physim.terms import Links

MOST_CELLS = 42_000_000
"""With 100 rows each, neighbour lists still have fewer than the 2^32 entries that kernels can number."""
MOST_SEGMENTS = 200_000_000
DENSEST_RANDOM = 0.30
"""Share of the box that spheres dropped at random may fill: they jam at 0.38, ever more slowly."""
SKIN = 1.0
"""Neighbour lists reach this far (um) beyond the forces, unless [terms.neighbors] says otherwise."""


def problems(scenario: Scenario) -> list[str]:
    """One line per misfit: place: value: what is wrong; remedy."""
    return [*_times(scenario), *_cells(scenario), *_fit(scenario), *_collagen(scenario), *_terms(scenario),
            *obstacle_checks.problems(scenario), *shape_checks.problems(scenario),
            *vessel_checks.problems(scenario)]


def _times(scenario: Scenario) -> list[str]:
    run, interval, lines = scenario.run, scenario.record.interval, []
    if run.step > run.duration:
        lines.append(
            f"run.step: {_min(run.step)} is longer than the run of {_min(run.duration)}; shorten the step"
        )
    for place, time in (("run.duration", run.duration), ("record.interval", interval)):
        steps = time / run.step
        if abs(steps - round(steps)) > min(1e-6 * steps, 0.01) and (steps > 1 or place != "run.duration"):
            nearest = max(round(steps), 1) * run.step
            lines.append(
                f"{place}: {_min(time)} is no multiple of run.step {_min(run.step)}; nearest: {_min(nearest)}"
            )
    if interval > run.duration * (1 + 1e-9):
        lines.append(
            f"record.interval: {_min(interval)} is longer than run.duration {_min(run.duration)}; shorten it"
        )
    if run.duration / run.step > 2**31:
        lines.append(
            f"run.duration: {_min(run.duration)} is {run.duration / run.step:.3g} steps, more than 2^31; "
            "lengthen run.step"
        )
    return lines


def _cells(scenario: Scenario) -> list[str]:
    lines = []
    for index, group in enumerate(scenario.cells):
        if group.nucleus_radius >= group.radius:
            lines.append(
                f"cells.{index}.nucleus_radius: {_um(group.nucleus_radius)} is not smaller than "
                f"the cell's radius {_um(group.radius)}; "
                f'write e.g. "{0.56 * group.radius:.2g} um"'
            )
        if group.spacing is not None and group.spacing < group.radius:
            lines.append(
                f"cells.{index}.spacing: {_um(group.spacing)} is less than the radius {_um(group.radius)}, "
                f'the cells would lie inside each other; write e.g. "{group.default_spacing:.3g} um"'
            )
        if group.place == "file" and group.file is None:
            continue  # reported where the file is read
        for key, wanted in _PLACED.items():
            if getattr(group, key) is not None and group.place not in wanted:
                lines.append(
                    f'cells.{index}.{key}: has no meaning with place = "{group.place}"; '
                    f'leave it out or write place = "{wanted[0]}"'
                )
    names = [group.name for group in scenario.cells]
    for index, name in enumerate(names):
        if name in names[:index]:
            lines.append(
                f'cells.{index}.name: "{name}" is taken by cells.{names.index(name)}; '
                "give each group its own name"
            )
    total = sum(group.count or 0 for group in scenario.cells)
    if total > MOST_CELLS:
        where = f"cells.{max(range(len(names)), key=lambda i: scenario.cells[i].count or 0)}.count"
        lines.append(
            f"{where}: {total:,} cells in all are more than the {MOST_CELLS:,} that physim takes; use fewer"
        )
    return lines


_PLACED = {"file": ("file",), "center": ("spheroid", "sheet"), "axis": ("sheet",),
           "spacing": ("spheroid", "sheet", "random")}  # fmt: skip
"""Keys of a group of cells that only some places have."""


def ball_radius(count: int, spacing: float) -> float:
    """Radius of a ball of `count` close-packed points: each takes spacing^3 / sqrt(2); the rim is rough."""
    return ((3 * count / (4 * math.pi * math.sqrt(2))) ** (1 / 3) + 0.25) * spacing if count > 1 else 0.0


def _balls(scenario: Scenario) -> dict[tuple[float, ...], tuple[int, int, float, float]]:
    """The balls by centre: first group, cells in all, spacing, radius to the outside of the cells."""
    balls: dict[tuple[float, ...], tuple[int, int, float, float]] = {}
    for index, group in enumerate(scenario.cells):
        if group.place == "spheroid" and group.center and group.count and group.spacing:
            first, count, spacing, _ = balls.get(group.center, (index, 0, 0.0, 0.0))
            count, spacing = count + group.count, max(spacing, group.spacing)
            balls[group.center] = (first, count, spacing, ball_radius(count, spacing) + group.radius)
    return balls


def _sheet_fits(group: Cells, scenario: Scenario) -> list[str]:
    assert group.center and group.count and group.spacing and group.axis
    reach = group.spacing * math.ceil((math.sqrt(group.count) - 1) / 2)
    for axis, edge, middle in zip("xyz", scenario.box.size, group.center, strict=True):
        half = 0.0 if axis == group.axis else reach
        if middle - half < 0 or middle + half > edge:
            return [f"count: a sheet of {group.count:,} cells, {_um(group.spacing)} apart, lies between "
                    f"{_um(middle - half)} and {_um(middle + half)} along {axis}, but the box between 0 and "
                    f"{_um(edge)}; use fewer cells, move the center or enlarge box.size"]  # fmt: skip
    return []


def _fit(scenario: Scenario) -> list[str]:
    lines, balls = [], _balls(scenario)
    for center, (first, count, _, radius) in balls.items():
        for axis, edge, middle, periodic in zip(
            "xyz", scenario.box.size, center, scenario.box.periodic, strict=True
        ):
            room = edge / 2 if periodic else min(middle, edge - middle)
            if not 0 <= middle <= edge:
                lines.append(
                    f"cells.{first}.center: {axis} = {_um(middle)} is outside the box of {_um(edge)}; move it"
                )
            elif radius > room:
                lines.append(
                    f"cells.{first}.count: a spheroid of {count:,} cells has a radius of about "
                    f"{_um(radius)}, but along {axis} there is room for {_um(room)}; use fewer cells, "
                    "move the center or enlarge box.size"
                )
                break
    for (one, a), (two, b) in itertools.combinations(balls.items(), 2):
        apart = math.dist(one, two)
        if apart < 0.8 * (a[3] + b[3]):
            lines.append(
                f"cells.{b[0]}.center: spheroids of radius {_um(a[3])} and {_um(b[3])} are only {_um(apart)} "
                "apart and overlap; move one, or give both the same center to mix them"
            )
    volume = math.prod(scenario.box.size)
    for index, group in enumerate(scenario.cells):
        if group.place == "sheet" and group.center and group.count and group.spacing and group.axis:
            lines += [f"cells.{index}.{line}" for line in _sheet_fits(group, scenario)]
        if group.place == "random" and group.count and group.spacing:
            sphere = math.pi / 6 * group.spacing**3
            if group.count * sphere > DENSEST_RANDOM * volume:
                lines.append(
                    f"cells.{index}.count: {group.count:,} cells at least {_um(group.spacing)} apart fill "
                    f"{group.count * sphere / volume:.0%} of the box; at random {DENSEST_RANDOM:.0%} can be "
                    f"filled: use at most {int(DENSEST_RANDOM * volume / sphere):,}, a smaller spacing or a "
                    "larger box"
                )
            if 2 * group.radius > min(scenario.box.size):
                lines.append(
                    f"cells.{index}.radius: {_um(group.radius)}: the cell is wider than the box; "
                    "enlarge box.size"
                )
    return lines


def _collagen(scenario: Scenario) -> list[str]:
    from physim.generate.collagen import default_fiber_length, length_density

    lines: list[str] = []
    collagen = scenario.collagen
    if collagen is None:
        return lines
    if collagen.bundle_diameter > collagen.segment_length:
        lines.append(
            f"collagen.bundle_diameter: {_um(collagen.bundle_diameter)} is thicker than a segment is long "
            f'({_um(collagen.segment_length)}); write e.g. "0.2 um"'
        )
    if collagen.file is not None:
        return lines + _traced(scenario, collagen)
    if collagen.concentration is None:
        return [*lines, 'collagen: has neither concentration nor file; add e.g. concentration = "2 mg/ml"']
    for key in collagen.TRACED:
        if key in collagen.model_fields_set and getattr(collagen, key) is not None:
            lines.append(f"collagen.{key}: has no meaning without file; leave it out or add a file")
    if not any(collagen.alignment_direction):
        lines.append("collagen.alignment_direction: [0, 0, 0] has no direction; write e.g. [1, 0, 0]")
    density = length_density(collagen.concentration, collagen.bundle_diameter)
    length = collagen.fiber_length or default_fiber_length(density, collagen.valence, collagen.alignment)
    origin = "" if collagen.fiber_length else ", the default at this density,"
    if collagen.segment_length > 0.5 * length:
        lines.append(
            f"collagen.segment_length: {_um(collagen.segment_length)} is more than half of the fibers' "
            f"length {_um(length)}{origin} so they could not bend; "
            f'write at most "{_um(math.floor(50 * length) / 100)}"'
        )
    for axis, edge, periodic in zip("xyz", scenario.box.size, scenario.box.periodic, strict=True):
        if (periodic or "network" in scenario.terms) and length > edge:  # through periodic faces, or held at both ends
            lines.append(
                f"collagen.fiber_length: {_um(length)}{origin} is longer than the box along {'periodic ' * periodic}"
                f"{axis} ({_um(edge)}); shorten it or enlarge box.size"
            )
    segments = density * math.prod(scenario.box.size) / collagen.segment_length
    if segments > MOST_SEGMENTS:
        lines.append(
            f"collagen.concentration: makes {segments:.3g} segments, more than {MOST_SEGMENTS:,}; "
            "use a smaller box, a lower concentration or thicker bundles"
        )
    return lines


def _traced(scenario: Scenario, collagen: Collagen) -> list[str]:
    """Fibers from a file: keys that only grown networks have, and lengths that do not fit."""
    lines, given = [], collagen.model_fields_set
    if "concentration" in given:
        lines.append(
            f"collagen.file: {show(collagen.file)} stands beside concentration; keep one of the two, "
            "the file has its own"
        )
    for key in collagen.GROWN[1:]:
        if key in given:
            lines.append(f"collagen.{key}: has no meaning with file; leave it out")
    tolerance, longest = collagen.tolerance or 0.0, collagen.segment_length
    if tolerance > 0.5 * longest:
        lines.append(
            f"collagen.tolerance: {_um(tolerance)} is more than half of segment_length {_um(longest)}; "
            f'write e.g. "{0.1 * longest:.3g} um"'
        )
    for axis, edge, periodic in zip("xyz", scenario.box.size, scenario.box.periodic, strict=True):
        if periodic and 2 * longest > edge:
            lines.append(
                f"collagen.segment_length: {_um(longest)} is more than half of the box along periodic {axis} "
                f"({_um(edge)}); shorten it"
            )
    return lines


def _terms(scenario: Scenario) -> list[str]:
    lines = []
    present = {"cells", *scenario.terms} | {key for key in ("collagen", "vessels") if getattr(scenario, key)}
    for name, term in scenario.terms.items():
        for need in term.needs:
            if need not in present:
                section = f"[{need}]" if need in ("collagen", "vessels") else f"[terms.{need}]"
                lines.append(
                    f"terms.{name}: needs {need}, which is not there; add a section {section} "
                    "or remove the term"
                )
    lines += _lengths(scenario)
    ranges = {name: term.pair_range() for name, term in scenario.terms.items()}
    if ranges:
        name = max(ranges, key=lambda key: ranges[key])
        reach = ranges[name] * 2 * max(group.radius for group in scenario.cells)
        reach += getattr(scenario.terms.get("neighbors"), "skin", SKIN)
        for axis, edge, periodic in zip("xyz", scenario.box.size, scenario.box.periodic, strict=True):
            if periodic and ranges[name] and edge < 3 * reach:
                lines.append(
                    f"box.size: {_um(edge)} along periodic {axis} is less than 3 x the range {_um(reach)} "
                    f'of term {name}; write at least "{_um(3.001 * reach)}" or make the boundary open'
                )
    return lines


def _lengths(scenario: Scenario) -> list[str]:
    """Lengths of terms that do not fit the box or the cells."""
    from physim.terms import Advance, Links

    lines = _deposits(scenario)
    advance = scenario.terms.get("advance", Advance())
    if isinstance(advance, Advance) and advance.largest_move > 0.5 * min(scenario.box.size):
        lines.append(
            f"terms.advance.largest_move: {_um(advance.largest_move)} is more than half of the box's shortest edge "
            f'{_um(min(scenario.box.size))}; write at most "{_um(0.5 * min(scenario.box.size))}"'
        )
    smallest = min(group.radius for group in scenario.cells)
    links = scenario.terms.get("links")
    if isinstance(links, Links) and (misfit := link_misfit(links, smallest)):
        lines.append(f"terms.links.{misfit} of {_group(scenario, 'radius', smallest)}; lower it or raise reach")
    return lines


def _deposits(scenario: Scenario) -> list[str]:
    """Fibers to be laid down that are too long for the box, or too many."""
    from physim.generate.reserve import segments_of
    from physim.terms import Deposition

    term, collagen, lines = scenario.terms.get("deposition"), scenario.collagen, []
    if not isinstance(term, Deposition) or collagen is None:
        return []
    edge = min(scenario.box.size)
    for name in ("length", "clearance"):
        if getattr(term, name) > 0.5 * edge:
            lines.append(
                f"terms.deposition.{name}: {_um(getattr(term, name))} is more than half of the box's shortest edge "
                f'{_um(edge)}; write at most "{_um(0.5 * edge)}"'
            )
    segments = term.reserve * segments_of(term.length, collagen.segment_length)
    if segments > MOST_SEGMENTS:
        lines.append(
            f"terms.deposition.reserve: makes {segments:,} segments, more than {MOST_SEGMENTS:,}; lower it"
        )
    return lines


def link_misfit(links: Links, radius: float) -> str:
    """Why a cell of this radius (um) could not hold a link; empty where it can."""
    longest = radius + links.reach
    for name in ("shortest", "shortest_rest"):
        if (length := getattr(links, name)) >= longest:
            return f"{name}: {_um(length)} is not less than the longest probe, {_um(longest)} from the centre"
    return ""


def _group(scenario: Scenario, key: str, value: float) -> str:
    return next(f"cells.{k}" for k, group in enumerate(scenario.cells) if getattr(group, key) == value)


def _um(value: float) -> str:
    return str(format_quantity(float(f"{value:.4g}"), "um"))


def _min(value: float) -> str:
    return str(format_quantity(float(f"{value:.9g}"), "min"))
