"""Where cells start: compact balls, random positions without overlaps, or positions read from a CSV.

All lengths are in um, and the seed fixes all results. `initial_cells` joins the groups of a scenario.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from physim import memory
from physim.errors import InputError
from physim.generate.positions_csv import LARGEST_ID, Rows, read_positions

if TYPE_CHECKING:
    from physim.scenario import Scenario

__all__ = ["Rows", "initial_cells", "random_positions", "read_positions", "sheet", "spheroid"]

Points = NDArray[np.float64]
CLOSEST = 1e-3
"""Two cells nearer than this (um) are one cell given twice: their repulsion has no direction."""
BYTES_PER_CELL = 350
"""Peak while cells are placed, measured for a spheroid of a million; the state on the device is checked there."""
JITTER = 0.05
"""Standard displacement from the lattice, in units of the spacing: a perfect crystal hides clumping."""


def _random(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *purpose))))


def _rotation(random: np.random.Generator) -> Points:
    """A rotation drawn evenly from all rotations."""
    q, r = np.linalg.qr(random.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def spheroid(count: int, spacing: float, center: ArrayLike, seed: int) -> Points:
    """(count, 3) centres of a compact ball, from the inside out: close packing, turned and jittered.

    Neighbours on the hexagonal lattice are `spacing` apart; each point then moves by a normal displacement of
    0.05 spacing per axis, cut at 0.1, so that no two are nearer than 0.65 spacing. Their mean is `center`.
    """
    random = _random(seed, 1)
    n = (
        math.ceil((3 * count / (4 * math.pi * math.sqrt(2))) ** (1 / 3) * 1.25) + 2
    )  # half-width in lattice steps
    span = np.arange(-n, n + 1)
    i, j, k = (
        axis.ravel()
        for axis in np.meshgrid(span, span, np.arange(-n - n // 4, n + n // 4 + 1), indexing="ij")
    )
    odd = k % 2
    lattice = (
        np.stack([2 * i + (j + odd) % 2, math.sqrt(3) * (j + odd / 3), 2 * math.sqrt(6) / 3 * k], axis=1) / 2
    )
    start = random.uniform(-0.5, 0.5, 3)
    distance = ((lattice - start) ** 2).sum(axis=1)
    nearest = np.argpartition(distance, count)[: count + 1]
    nearest = nearest[np.argsort(distance[nearest], kind="stable")][:count]
    points = (lattice[nearest] - start) @ _rotation(random).T
    if count > 2:
        points += np.clip(random.normal(0.0, JITTER, points.shape), -2 * JITTER, 2 * JITTER)
    points -= points.mean(axis=0)
    return np.asarray(center, float) + spacing * points[np.argsort((points**2).sum(axis=1), kind="stable")]


def sheet(count: int, spacing: float, center: ArrayLike, axis: str) -> Points:
    """(count, 3) centres on a square lattice across an axis, the ones nearest to `center`, which is one of them."""
    half = math.ceil(math.sqrt(count) / 2) + 1
    line = np.arange(-half, half + 1)
    lattice = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    square = np.abs(lattice).max(axis=1), (lattice**2).sum(axis=1)
    nearest = lattice[np.lexsort((square[1], square[0]))[:count]]
    normal = "xyz".index(axis)
    points = np.zeros((count, 3))
    points[:, [(normal + 1) % 3, (normal + 2) % 3]] = spacing * nearest
    return np.asarray(center, float) + points


def random_positions(
    count: int,
    lower: ArrayLike,
    upper: ArrayLike,
    min_distance: float,
    periodic: tuple[bool, bool, bool],
    seed: int,
    avoid: Points | None = None,
) -> Points:
    """(count, 3) points drawn evenly, none nearer than `min_distance` to another or to one of `avoid`.

    Raises InputError where spheres of that diameter fill more than 30 % of the box or do not fit in.
    """
    from physim.checks import DENSEST_RANDOM

    low = np.asarray(lower, float)
    edge = np.asarray(upper, float) - low
    share = count * math.pi / 6 * min_distance**3 / float(np.prod(edge))
    if share > DENSEST_RANDOM * (1 + 1e-9):
        raise InputError(
            f"{count:,} cells at least {min_distance:g} um apart fill {share:.0%} of the box; at random "
            f"{DENSEST_RANDOM:.0%} can be filled: use fewer cells, a smaller spacing or a larger box"
        )
    random = _random(seed, 2)
    wrap = np.where(periodic, edge, 0.0)  # 0: cKDTree does not wrap this axis
    placed = np.zeros((0, 3)) if avoid is None else np.asarray(avoid, float) - low
    first, idle = len(placed), 0
    while len(placed) - first < count and idle < 100:
        wanted = count - (len(placed) - first)
        drawn = random.random((min(max(4 * wanted, 1000), 1_000_000), 3)) * edge
        if len(placed):
            near, _ = cKDTree(placed, boxsize=wrap).query(drawn, distance_upper_bound=min_distance)
            drawn = drawn[~np.isfinite(near)]
        drawn = drawn[_first_come(drawn, min_distance, wrap)][:wanted]
        idle = 0 if len(drawn) else idle + 1
        placed = np.concatenate([placed, drawn])
    if len(placed) - first < count:
        raise InputError(
            f"only {len(placed) - first:,} of {count:,} cells found a place at least {min_distance:g} um "
            "from the others; use fewer cells, a smaller spacing or a larger box"
        )
    return placed[first:] + low


def _first_come(points: Points, distance: float, wrap: Points) -> NDArray[np.bool_]:
    """Which points stay if each point within `distance` of an earlier one is dropped."""
    stay = np.ones(len(points), bool)
    if len(points) > 1:
        pairs = cKDTree(points, boxsize=wrap).query_pairs(distance, output_type="ndarray")
        stay[pairs.max(axis=1)] = False
    return stay


def initial_cells(scenario: Scenario) -> dict[str, NDArray]:
    """The cells of all groups, sorted by id.

    id (uint32, unique; from the CSV where it has ids, else counted on), position (n, 3) float64 um inside
    the box, type (uint32, index of the group), radius, nucleus_radius (um), cadherin, integrin, mmp, secretion
    (float32). Raises InputError.
    """
    count = sum(group.count or 0 for group in scenario.cells)
    memory.require(
        BYTES_PER_CELL * count, "cells", f"{count:,} cells", "use fewer cells, or a machine with more memory"
    )
    parts = _positions(scenario)
    position = np.concatenate([part.position for part in parts])
    kind = np.concatenate([_types(part, index, scenario) for index, part in enumerate(parts)])
    cells: dict[str, NDArray] = {"id": _ids(parts), "position": position, "type": kind}
    for name in ("radius", "nucleus_radius", "cadherin", "integrin", "mmp", "secretion"):
        cells[name] = np.array([getattr(group, name) for group in scenario.cells], np.float32)[kind]
    first = 0
    for index, part in enumerate(parts):
        if part.radius is not None:
            own = slice(first, first + len(part))
            cells["radius"][own] = part.radius
            _check_nuclei(cells["radius"][own], cells["nucleus_radius"][own], f"cells.{index}.file", part)
            _check_links(scenario, f"cells.{index}.file", part)
        first += len(part)
    size, periodic = np.asarray(scenario.box.size), scenario.box.periodic
    for axis in range(3):
        if periodic[axis]:
            position[:, axis] %= size[axis]
    if len(parts) > 1 or scenario.cells[0].place == "file":
        _check_apart(position, parts)
    order = np.argsort(cells["id"], kind="stable")
    return {name: values[order] for name, values in cells.items()}


def _positions(scenario: Scenario) -> list[Rows]:
    """The rows of each group. Random groups come last, so that they find room beside the others."""
    box, seed, groups = scenario.box, scenario.run.seed, scenario.cells
    parts: dict[int, Rows] = {}
    balls: dict[tuple[float, ...], list[int]] = {}
    for index, group in enumerate(groups):
        if group.place == "file":
            parts[index] = read_positions(
                str(group.file), lower=box.lower, upper=box.upper, names=[g.name for g in groups]
            )
        elif group.place == "sheet":
            middle = group.center or (0.0, 0.0, 0.0)
            parts[index] = Rows(sheet(group.count or 0, group.spacing or 0.0, middle, group.axis or "z"))
        elif group.place == "spheroid":
            balls.setdefault(group.center or (0.0, 0.0, 0.0), []).append(index)
    for center, members in balls.items():
        counts = [groups[index].count or 0 for index in members]
        spacing = max(groups[index].spacing or 0.0 for index in members)
        points = spheroid(sum(counts), spacing, center, seed + (members[0] << 32))
        owner = np.repeat(members, counts)
        if len(members) > 1:
            owner = _random(seed, 3, members[0]).permutation(owner)
        for index in members:
            parts[index] = Rows(points[owner == index])
    for index, group in enumerate(groups):
        if group.place == "random":
            avoid = np.concatenate([part.position for part in parts.values()]) if parts else None
            try:
                points = random_positions(
                    group.count or 0,
                    *_room(scenario, index),
                    group.spacing or 0.0,
                    box.periodic,
                    seed + (index << 32),
                    avoid,
                )
            except InputError as error:
                raise InputError(*(f"cells.{index}.count: {line}" for line in error.problems)) from None
            parts[index] = Rows(points)
    return [parts[index] for index in range(len(groups))]


def _room(scenario: Scenario, index: int) -> tuple[Points, Points]:
    """Where centres may lie so that the cells are inside the box."""
    margin = np.where(scenario.box.periodic, 0.0, scenario.cells[index].radius)
    return np.asarray(scenario.box.lower) + margin, np.asarray(scenario.box.upper) - margin


def _types(part: Rows, index: int, scenario: Scenario) -> NDArray[np.uint32]:
    if part.type is None:
        return np.full(len(part), index, np.uint32)
    wrong = np.flatnonzero(part.type >= len(scenario.cells))
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"cells.{index}.file: {part.name(row)}: type {part.type[row]} is not there; "
            f"the scenario has the types 0 to {len(scenario.cells) - 1}"
        )
    return part.type


def _ids(parts: list[Rows]) -> NDArray[np.uint32]:
    given = np.concatenate([part.id for part in parts if part.id is not None] or [np.zeros(0, np.uint32)])
    values, counts = np.unique(given, return_counts=True)
    if len(values) < len(given):
        raise InputError(
            f"cells: id {values[counts > 1][0]} occurs in several files; give each cell its own id"
        )
    following, ids = int(given.max()) + 1 if len(given) else 0, []
    for part in parts:
        ids.append(part.id if part.id is not None else np.arange(following, following + len(part)))
        following += len(part) if part.id is None else 0
    if following > LARGEST_ID:
        raise InputError(f"cells: ids would exceed {LARGEST_ID}; use smaller ids in the file")
    return np.concatenate(ids).astype(np.uint32)


def _check_nuclei(radius: NDArray, nucleus: NDArray, where: str, part: Rows) -> None:
    wrong = np.flatnonzero(nucleus >= radius)
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"{where}: {part.name(row)}: radius {radius[row]:g} um is not larger than the nucleus of "
            f"{nucleus[row]:g} um ({len(wrong)} such rows); correct the radius or lower nucleus_radius"
        )


def _check_links(scenario: Scenario, where: str, part: Rows) -> None:
    from physim.checks import link_misfit

    links = scenario.terms.get("links")
    if links is None or part.radius is None or not len(part):
        return
    row = int(np.argmin(part.radius))
    if misfit := link_misfit(links, float(part.radius[row])):  # type: ignore[arg-type]
        raise InputError(f"{where}: {part.name(row)}: radius {part.radius[row]:g} um: terms.links.{misfit}; "
                         "correct the radius, lower it or raise reach")  # fmt: skip


def _check_apart(position: Points, parts: list[Rows]) -> None:
    """Refuse two cells at the same point, naming both."""
    _, first, count = np.unique(position, axis=0, return_index=True, return_counts=True)
    twice = first[count > 1]
    if len(twice):
        one = int(twice.min())
        pair = np.flatnonzero((position == position[one]).all(axis=1))[:2]
    else:
        distance, partner = cKDTree(position).query(position, k=2, distance_upper_bound=CLOSEST)
        near = np.flatnonzero(np.isfinite(distance[:, 1]))
        if not len(near):
            return
        one = int(near[0])
        pair = np.sort([one, int(partner[one][partner[one] != one][0])])
    names = [
        f"cells.{index} {part.name(row)}"
        for index, part in enumerate(parts)
        for row in [int(p) - sum(map(len, parts[:index])) for p in pair]
        if 0 <= row < len(part)
    ]
    at = ", ".join(f"{x:g}" for x in position[pair[0]])
    raise InputError(f"{' and '.join(names)}: are at the same point ({at}) um; move or remove one")
