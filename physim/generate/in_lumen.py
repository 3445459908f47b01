"""Where cells start in blood: groups that are placed at random lie in the lumen, as many per volume everywhere.

A place is drawn evenly from the lumen. Where a cell would be in the wall there, it is drawn again, across the same
vessel; where it finds no room at all, the vessel is too narrow for it. `generate.cells` has all other places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physim.checks import DENSEST_RANDOM
from physim.errors import InputError
from physim.meshes.voxels import BEHIND, END, LUMEN
from physim.vessel_state import directions

if TYPE_CHECKING:
    from physim.scenario import Scenario
    from physim.vessels import Vessels
    from physim.walls import Walls

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
_PURPOSE = 4
"""Of random numbers, beside those of `generate.cells`."""
_FEW, _MANY, _IDLE, _POOR = 500, 20_000, 20, 1e-3
"""Places drawn at once, and how often no more than this share of them is free before cells count as too many."""
_CORNER = 0.87
"""Voxels from the middle of one to its corner: as far outside may a middle be whose voxel is partly in the lumen."""


def in_lumen(scenario: Scenario, cells: dict[str, NDArray], vessels: Vessels, wall: Walls) -> dict[str, NDArray]:
    """The arrays of `generate.cells.initial_cells`, with groups whose place is "random" in the lumen instead.

    Centres lie evenly over the volume of the vessels that are wide enough, a radius at least from the wall and from the
    planes of ports, and half the sum of their `spacing` from each other; cells of other groups count with their radius.
    With the term `elongation`, cells also lie in vessels that are narrower than they are, but not than their nucleus:
    on the centerline, as far from others as they are long there. `wall` is that of the vessels. Same seed, same places.
    Raises InputError where they do not fit.
    """
    groups = [index for index, group in enumerate(scenario.cells) if group.place == "random"]
    if not groups:
        return cells
    made = dict(cells)
    made["position"] = np.array(cells["position"], float)
    fixed = ~np.isin(cells["type"], groups)
    placed = _Placed(made["position"][fixed], cells["radius"][fixed].astype(float))
    for index in groups:
        group, rows = scenario.cells[index], np.flatnonzero(cells["type"] == index)
        if len(rows) != group.count:
            raise InputError(f"cells.{index}: a file has cells of this group, too; give those in the lumen their own")
        lumen = _Room(vessels, wall, group.radius, group.spacing or 2 * group.radius,
                      group.nucleus_radius if "elongation" in scenario.terms else None)  # fmt: skip
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence((scenario.run.seed, _PURPOSE, index))))
        made["position"][rows] = _drawn(index, len(rows), lumen, placed, random)
    return made


@dataclass
class _Placed:
    """Cells that have a place, and half of the distance that each keeps from its like, um."""

    position: Points
    half: Points

    def free(self, position: Points, half: Points) -> NDArray[np.bool_]:
        """Which of these are far enough from all that are placed, and from those before them."""
        free, most = np.ones(len(half), bool), float(max(self.half.max(initial=0.0), half.max(initial=0.0)))
        if not len(half):
            return free
        tree = cKDTree(position)
        if len(self.half):
            pairs = tree.sparse_distance_matrix(cKDTree(self.position), 2 * most, output_type="coo_matrix")
            free[pairs.row[pairs.data < half[pairs.row] + self.half[pairs.col]]] = False
        pairs = tree.query_pairs(2 * most, output_type="ndarray")
        apart = np.linalg.norm(position[pairs[:, 0]] - position[pairs[:, 1]], axis=1)
        close = pairs[(apart < half[pairs].sum(axis=1)) & free[pairs].all(axis=1)]
        free[close.max(axis=1)] = False
        return free

    def add(self, position: Points, half: Points) -> None:
        self.position, self.half = np.concatenate([self.position, position]), np.concatenate([self.half, half])


class _Room:
    """Places in the lumen for cells of one radius; `nucleus` (um) for those that may be squeezed."""

    def __init__(self, vessels: Vessels, wall: Walls, radius: float, spacing: float, nucleus: float | None) -> None:
        self.network, self.space, self.wall = vessels.blood.network, vessels.lumen.voxels, wall
        self.radius, self.spacing, self.nucleus = radius, spacing, nucleus
        self.along = directions(vessels)
        inside = self.space.distance < _CORNER * self.space.h
        self.rows = np.flatnonzero(inside & (self.space.kind != BEHIND) & (self.space.kind != END))
        self.volume = float((self.space.kind == LUMEN).sum()) * self.space.h**3
        """um^3"""
        self.axis = self._depth(self.network.points)
        """(P,) um from the wall, on the centerlines."""

    def draw(self, count: int, random: np.random.Generator) -> tuple[Points, Points]:
        """Of so many places in the lumen, those that fit into it; and half of the distance that each keeps, um."""
        row = self.rows[random.integers(len(self.rows), size=count)]
        at = self.space.origin + self.space.h * (self.space.index[row] + random.random((count, 3)))
        turn, out = 2 * np.pi * random.random(count), np.sqrt(random.random(count))
        depth = self._depth(at)
        kept = np.flatnonzero(depth > 0.0)  # a voxel at the wall counts with what of it is in the lumen
        at, turn, out, point = at[kept], turn[kept], out[kept], self.space.point[row[kept]].astype(np.int64)
        half, good = np.full(len(at), 0.5 * self.spacing), depth[kept] >= self.radius
        for share in (out, 0.0 * out):  # across the vessel, then on its axis
            again = np.flatnonzero(~good)
            at[again] = self._across(at[again], point[again], turn[again], share[again])
            good[again] = self._depth(at[again]) >= self.radius
        if self.nucleus is not None:
            narrow = np.flatnonzero(~good)
            depth = self._depth(at[narrow])
            narrow, depth = narrow[depth >= self.nucleus], depth[depth >= self.nucleus]
            half[narrow], good[narrow] = np.maximum(half[narrow], half_length(self.radius, depth)), True
        good &= ~self._at_port(at, np.maximum(half, self.radius))
        return at[good], half[good]

    def widest(self) -> float:
        """um from the wall, at most."""
        return float(self.axis.max())

    def _depth(self, at: Points) -> Points:
        return -self.wall.distance(at)[0]

    def _across(self, at: Points, point: Ids, turn: Points, out: Points) -> Points:
        """Places in the section of a vessel beside these, at a share of the radius that the cell leaves free."""
        along, middle = self.along[point], self.network.points[point]
        other = np.where(np.abs(along[:, :1]) < 0.6, np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]]))
        one = np.cross(along, other)
        one /= np.linalg.norm(one, axis=1, keepdims=True)
        two = np.cross(along, one)
        free = out * np.maximum(self.axis[point] - self.radius, 0.0)
        found: Points = middle + ((at - middle) * along).sum(axis=1, keepdims=True) * along
        return found + free[:, None] * (np.cos(turn)[:, None] * one + np.sin(turn)[:, None] * two)

    def _at_port(self, at: Points, length: Points) -> NDArray[np.bool_]:
        """Which are nearer to the plane of a port than a length (n,), um."""
        ports, found = self.space.ports, np.zeros(len(at), bool)
        for place, outward, wide in zip(ports.place, ports.outward, ports.radius, strict=True):
            gap = at - place
            found |= (gap @ outward > -length) & (np.linalg.norm(gap, axis=1) < length + 1.5 * wide)
        return found


def half_length(radius: float, depth: Points) -> Points:
    """um, half the length of a cell of this radius at rest that fills tubes of smaller radii with its volume."""
    return np.asarray(depth + 2 / 3 * (radius**3 - depth**3) / depth**2, np.float64)


def _drawn(index: int, count: int, lumen: _Room, placed: _Placed, random: np.random.Generator) -> Points:
    """(count, 3) um. Raises InputError."""
    share = count * np.pi / 6 * lumen.spacing**3 / lumen.volume
    if lumen.nucleus is None and share > DENSEST_RANDOM:
        raise InputError(f"cells.{index}.count: {count:,} cells {lumen.spacing:g} um apart fill {share:.0%} of the "
                         f"lumen; at random {DENSEST_RANDOM:.0%} can be filled: use fewer or smaller cells, or larger "
                         "vessels")  # fmt: skip
    found, idle = np.zeros((0, 3)), 0
    while len(found) < count and idle < _IDLE:
        wanted = count - len(found)
        drawn = int(np.clip(4 * wanted, _FEW, _MANY))
        at, half = lumen.draw(drawn, random)
        free = np.flatnonzero(placed.free(at, half))[:wanted]
        idle = 0 if len(free) > _POOR * drawn else idle + 1
        placed.add(at[free], half[free])
        found = np.concatenate([found, at[free]])
    if len(found) < count:
        said = f"{lumen.radius:g} um"
        if not len(found) and lumen.widest() < (lumen.radius if lumen.nucleus is None else lumen.nucleus):
            raise InputError(f"cells.{index}.radius: {said} is more than the vessels have room for "
                             f"({lumen.widest():.3g} um at most); use smaller cells or wider vessels")  # fmt: skip
        raise InputError(f"cells.{index}.count: only {len(found):,} of {count:,} cells of radius {said} find a place "
                         f"in the lumen, {lumen.spacing:g} um apart; use fewer or smaller cells, a smaller spacing or "
                         "larger vessels")  # fmt: skip
    return found
