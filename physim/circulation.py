"""What a branch of a vessel network sees of the rest: a pressure source and a resistance (Thevenin's theorem).

With the conductances G of all other branches, the pressure between the ends of a branch that carries Q is

    p_1 - p_2 = dP - R Q,    R = r/(1 - g r),  dP = (p_1 - p_2 with the branch)/(1 - g r),  r = e' L^-1 e

with L the Laplacian of the network over the nodes without given pressure, g the branch's own conductance in L, and
e = 1, -1 at its ends. Units: kPa, um^3/min.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from physim.flow import Flow, conductances, laplacian
from physim.selected_inverse import SelectedInverse

Floats = NDArray[np.float64]
SECONDS = 60.0
"""In a minute: `physim.flow` has seconds and Pa."""
_LIGHT = 0.01
"""Of the resistance of a branch: cells that add less, were they at rest, leave the rest of the network as it is."""
_OPEN = 1e-9
"""Least 1 - g r: a branch without which one of its ends would have no pressure."""
_FEW = 64
"""Branches for which a solve each costs less than the inverse wherever there are branches."""


@dataclass(eq=False)
class Circulation:
    """A network with pressures at its ports, and what its cells add to the resistance of its branches."""

    blood: Flow
    """Without cells."""
    pressure: Floats
    """(N,) kPa; those of the free ends drive the flow."""
    before: Floats
    """(B,) kPa min/um^3 in front of the ports of a branch: of the vessels that are not there."""
    resistance: Floats = field(init=False)
    """(B,) kPa min/um^3 of the branches, with what is before them."""
    flow: Floats = field(init=False)
    """(B,) um^3/min without cells."""

    def __post_init__(self) -> None:
        network = self.blood.network
        self.resistance = self.before + 1e-3 / SECONDS / conductances(network, self.blood.viscosity)
        self.flow = SECONDS * self.blood.flow
        self._fixed = network.degree == 1
        self._given = np.where(self._fixed, self.pressure, 0.0)
        self._inverse = SelectedInverse()

    def solve(self, added: Floats) -> tuple[Floats, Floats]:
        """Flow (B,) um^3/min and pressures (N,) kPa, where cells add a resistance (B,) kPa min/um^3."""
        pressure, _ = self._solved(1 / (self.resistance + added))
        one, two = self.blood.network.ends.T
        return (pressure[one] - pressure[two]) / (self.resistance + added), pressure

    def seen(self, added: Floats, branches: NDArray[np.integer]) -> tuple[Floats, Floats]:
        """For these branches (k,): dP, kPa, and R, kPa min/um^3, with what cells add (B,) in the others."""
        conductance = 1 / (self.resistance + added)
        pressure, factor = self._solved(conductance)
        one, two = self.blood.network.ends.T
        drop = pressure[one] - pressure[two]
        place = np.full(len(self._fixed), -1)
        place[~self._fixed] = np.arange(np.count_nonzero(~self._fixed))
        r = self._resistances(factor, conductance, place[one[branches]], place[two[branches]])
        left = np.maximum(1 - conductance[branches] * r, _OPEN)
        return drop[branches] / left, r / left

    def answer(self, branch: Floats, load: Floats, drive: Floats) -> Floats:
        """The array `branch` (B, 4) anew, from what cells do in all branches.

        `load` (B,) is the sum of zeta w.w, kPa min/um^3, and `drive` (B,) that of zeta w.v, kPa (terms.blood.Plasma).
        What cells hold back of the pressure, load Q - drive, counts as a resistance for the other branches; a branch
        whose cells could plug it sees the rest of the network by Thevenin's theorem.
        """
        flow = (branch[:, 0] + drive) / (branch[:, 1] + load)
        lost = np.where(np.abs(flow) > 0, (load * flow - drive) / np.where(flow == 0, 1.0, flow), 0.0)
        added = np.maximum(lost, 0.0)
        made = branch.copy()
        _, pressure = self.solve(added)
        one, two = self.blood.network.ends.T
        made[:, 0], made[:, 1] = pressure[one] - pressure[two], self.resistance
        plugged = np.flatnonzero(load > _LIGHT * self.resistance)
        if len(plugged):
            made[plugged, 0], seen = self.seen(added, plugged)
            made[plugged, 1] += seen
        return made

    def _resistances(self, factor: Any, conductance: Floats, one: NDArray[np.integer],
                     two: NDArray[np.integer]) -> Floats:  # fmt: skip
        """(k,) r between two nodes without given pressure each, -1 for those that have one."""
        if factor is None:
            return np.zeros(len(one))
        if len(one) > _FEW:
            return self._inverse.resistances(self._free_part(conductance), one.astype(np.int64), two.astype(np.int64))
        unit = np.zeros((factor.shape[0], len(one)))
        for sign, row in ((1.0, one), (-1.0, two)):
            column = np.flatnonzero(row >= 0)
            unit[row[column], column] += sign
        return np.asarray((unit * factor.solve(unit)).sum(axis=0), np.float64)

    def _free_part(self, conductance: Floats) -> csc_array:
        """The Laplacian over the nodes without given pressure."""
        return csc_array(laplacian(self.blood.network, conductance)[~self._fixed][:, ~self._fixed])

    def _solved(self, conductance: Floats) -> tuple[Floats, Any]:
        matrix = laplacian(self.blood.network, conductance)
        free, pressure = ~self._fixed, self._given.copy()
        if not free.any():
            return pressure, None
        factor = splu(csc_array(matrix[free][:, free]))
        pressure[free] = factor.solve(-(matrix[free][:, self._fixed] @ self._given[self._fixed]))
        return pressure, factor
