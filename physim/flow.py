"""Blood in a vessel network: pressures at nodes and flow in branches, by Poiseuille's law with apparent viscosity.

    Q = (p_1 - p_2) / integral 8 mu(D) ds / (pi R^4),   sum of Q at every inner node = 0

Units: um, s, Pa; flow in um^3/s, viscosity in Pa s. Reynolds numbers in microvessels are far below 1: flow follows
pressure at once and is linear in it. Velocity within the lumen is another matter; U = Q/(pi R^2) is a mean over the
section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines

Floats = NDArray[np.float64]
PLASMA = 1.2e-3
"""Pa s, at 37 degrees. Source: Pries, Neuhaus & Gaehtgens, Am J Physiol 263:H1770 (1992)."""
HEMATOCRIT = 0.3
MMHG, DYN = 133.322, 0.1
"""Pa of a mmHg, and of a dyn/cm^2."""
TARGET_SHEAR = 2.0
"""dyn/cm^2, to which an estimate draws all vessels."""
_NARROWEST = 2.5
"""um; below this diameter the law in vivo has no meaning."""


@dataclass(frozen=True, eq=False)
class Flow:
    """A solution on a network. Branch flows are positive from the first to the last point of the branch."""

    network: Centerlines
    pressure: Floats
    """(N,) Pa."""
    flow: Floats
    """(B,) um^3/s."""
    viscosity: Floats
    """(P,) Pa s, at each point of the network."""

    @property
    def _at_points(self) -> Floats:
        return np.repeat(self.flow, np.diff(self.network.first))

    @property
    def speed(self) -> Floats:
        """(P,) um/s, U = Q/(pi R^2), with the sign of the flow."""
        return self._at_points / (np.pi * self.network.radius**2)

    @property
    def shear(self) -> Floats:
        """(P,) Pa at the wall, tau = 4 mu Q/(pi R^3), with the sign of the flow; 0.1 Pa are 1 dyn/cm^2."""
        return 4 * self.viscosity * self._at_points / (np.pi * self.network.radius**3)

    @property
    def source(self) -> Floats:
        """(N,) um^3/s that enters at each node from outside: 0 at inner nodes."""
        ends, count = self.network.ends, len(self.network.nodes)
        leaves, arrives = (np.bincount(ends[:, k], self.flow, count) for k in (0, 1))
        return np.asarray(leaves - arrives, np.float64)


def apparent_viscosity(diameter: ArrayLike, hematocrit: float = HEMATOCRIT,
                       law: Literal["in vitro", "in vivo"] = "in vitro") -> Floats:  # fmt: skip
    """Pa s of blood in tubes of a diameter in um: plasma times the relative viscosity of Pries and co-workers.

    in vitro: 1 + (mu45 - 1) ((1 - H)^C - 1)/(0.55^C - 1), mu45 = 220 exp(-1.3 D) + 3.2 - 2.44 exp(-0.06 D^0.645),
    C = (0.8 + exp(-0.075 D)) (1/(1 + 1e-11 D^12) - 1) + 1/(1 + 1e-11 D^12); Am J Physiol 263:H1770 (1992).
    in vivo: 6 exp(-0.085 D) in place of 220 exp(-1.3 D), and (1 + (mu45 - 1) ... f) f with f = (D/(D - 1.1))^2; Circ
    Res 75:904 (1994); diameters below 2.5 um count as 2.5. Raises InputError for a hematocrit not in [0, 0.9).
    """
    if not 0 <= hematocrit < 0.9:
        raise InputError(f"hematocrit: {hematocrit:g} is not within 0 and 0.9")
    d = np.asarray(diameter, float)
    if law == "in vivo":
        d = np.maximum(d, _NARROWEST)
    knee = 1 / (1 + 1e-11 * d**12)
    c = (0.8 + np.exp(-0.075 * d)) * (knee - 1) + knee
    share = ((1 - hematocrit) ** c - 1) / (0.55**c - 1)
    wide = 3.2 - 2.44 * np.exp(-0.06 * d**0.645)
    if law == "in vitro":
        relative = 1 + (220 * np.exp(-1.3 * d) + wide - 1) * share
    else:
        f = (d / (d - 1.1)) ** 2
        relative = (1 + (6 * np.exp(-0.085 * d) + wide - 1) * share * f) * f
    viscosity: Floats = PLASMA * relative
    return viscosity


def conductances(network: Centerlines, viscosity: ArrayLike) -> Floats:
    """(B,) um^3/(s Pa) of each branch, with 8 mu/(pi R^4) integrated between its points by the trapezoidal rule."""
    resistance = 8 * np.asarray(viscosity, float) / (np.pi * network.radius**4)
    step = np.linalg.norm(np.diff(network.points, axis=0), axis=1)
    step[network.first[1:-1] - 1] = 0.0
    total = np.concatenate([[0.0], np.cumsum(step * 0.5 * (resistance[1:] + resistance[:-1]))])
    found: Floats = 1 / (total[network.first[1:] - 1] - total[network.first[:-1]])
    return found


def solve(network: Centerlines, pressures: Mapping[int, float], inflows: Mapping[int, float] | None = None, *,
          viscosity: ArrayLike | None = None) -> Flow:  # fmt: skip
    """The flow for pressures (Pa) at some nodes and inflows (um^3/s, negative: out) at others; sparse factorisation.

    `viscosity` (P,) in Pa s, by default `apparent_viscosity` in vitro. Free ends that are not named are closed. Raises
    InputError for nodes that do not exist or are named twice, and for a component without a pressure.
    """
    inflows = inflows or {}
    count = len(network.nodes)
    for node in [*pressures, *inflows]:
        if not 0 <= node < count:
            raise InputError(f"node {node}: there are nodes 0 to {count - 1}")
    twice = sorted(set(pressures) & set(inflows))
    if twice:
        raise InputError(f"node {twice[0]}: has a pressure and an inflow; give one of them")
    fixed = np.zeros(count, bool)
    fixed[list(pressures)] = True
    component = np.zeros(count, np.int64)
    component[network.ends[:, 0]] = component[network.ends[:, 1]] = network.component
    without = np.setdiff1d(component, component[fixed])
    if len(without):
        node = int(np.flatnonzero(component == without[0])[0])
        raise InputError(f"the component of node {node} has no pressure; give one at one of its nodes, such as 0 Pa")
    thick = apparent_viscosity(2 * network.radius) if viscosity is None else np.asarray(viscosity, float)
    conductance = conductances(network, thick)
    matrix = laplacian(network, conductance)
    pressure, source = np.zeros(count), np.zeros(count)
    pressure[list(pressures)] = list(pressures.values())
    source[list(inflows)] = list(inflows.values())
    free = ~fixed
    if free.any():
        right = source[free] - matrix[free][:, fixed] @ pressure[fixed]
        pressure[free] = splu(csc_array(matrix[free][:, free])).solve(right)
    one, two = network.ends.T
    return Flow(network, pressure, conductance * (pressure[one] - pressure[two]), thick)


def estimate(network: Centerlines, *, median_speed: float = 300.0, viscosity: ArrayLike | None = None) -> Flow:
    """Flow in a network without boundary data: all free ends are open, and vessels have much the same wall shear.

    Least squares over node pressures under mass balance at inner nodes,

        k_p sum L (p - p_0)^2 + k_t sum L (tau - s tau_0)^2,   tau_0 = 2 dyn/cm^2,

    where s = +-1 is the direction of each branch as of the round before; first it follows a pressure that falls
    linearly along the main axis of the free ends. k_t grows from 1e-3 to 1e2 in 15 steps, at most 8 rounds each;
    k_p = 1e-4, with p in mmHg and tau in dyn/cm^2. Then the pressures of the free ends are kept, the flow is solved
    for, and scaled so that the median speed over length is `median_speed` (um/s). Source: Fry, Lee, Smith & Secomb,
    Microcirculation 19:530 (2012); the scale is a choice. Raises InputError for a component with fewer than two free
    ends, which has no flow.
    """
    if not 0 < median_speed < np.inf:
        raise InputError(f"speed: {median_speed:g} um/s; give a speed above 0")
    free = network.degree == 1
    component = np.zeros(len(free), np.int64)
    component[network.ends[:, 0]] = component[network.ends[:, 1]] = network.component
    few = np.flatnonzero(np.bincount(component[free], minlength=network.components) < 2)
    if len(few):
        raise InputError(f"component {few[0]} has fewer than two free ends, so no blood flows through it; drop it")
    thick = apparent_viscosity(2 * network.radius) if viscosity is None else np.asarray(viscosity, float)
    pressure = MMHG * _fry(network, conductances(network, thick), thick, free)
    found = solve(network, {int(k): float(pressure[k]) for k in np.flatnonzero(free)}, viscosity=thick)
    weight = _weights(network)
    order = np.argsort(np.abs(found.speed))
    middle = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    scale = median_speed / abs(found.speed[order[middle]])
    return Flow(network, scale * found.pressure, scale * found.flow, thick)


def _fry(network: Centerlines, conductance: Floats, viscosity: Floats, free: NDArray[np.bool_]) -> Floats:
    """(N,) mmHg about 0 that bring the shear of all branches near the target."""
    count, (one, two) = len(free), network.ends.T
    branch, length = np.arange(network.branches), network.lengths
    of_points = _weights(network) * 4 * viscosity / (np.pi * network.radius**3)
    per_flow = np.bincount(np.repeat(branch, np.diff(network.first)), of_points, network.branches) / length
    rise = conductance * per_flow * MMHG / DYN  # dyn/cm^2 per mmHg, mean over the branch
    shear = coo_array((np.concatenate([rise, -rise]), (np.tile(branch, 2), np.concatenate([one, two]))),
                      shape=(network.branches, count)).tocsr()  # fmt: skip
    near = np.bincount(one, 0.5 * length, count) + np.bincount(two, 0.5 * length, count)
    ends = network.nodes[free] - network.nodes[free].mean(axis=0)
    axis = np.linalg.svd(ends, full_matrices=False)[2][0]
    slope = (network.nodes - network.nodes.mean(axis=0)) @ axis
    sign = np.where(slope[one] >= slope[two], 1.0, -1.0)
    balance = laplacian(network, conductance / conductance.max())[np.flatnonzero(~free)]
    pressure = np.zeros(count)
    for k_t in np.geomspace(1e-3, 1e2, 15):
        for _ in range(8):
            left = 2 * (diags_array(1e-4 * near) + k_t * shear.T @ diags_array(length) @ shear)
            right = 2 * k_t * shear.T @ (length * TARGET_SHEAR * sign)
            inner = balance.shape[0]
            top = coo_array(left)
            low = coo_array(balance)
            rows = np.concatenate([top.row, low.row + count, low.col])
            columns = np.concatenate([top.col, low.col, low.row + count])
            matrix = coo_array((np.concatenate([top.data, low.data, low.data]), (rows, columns)),
                               shape=(count + inner, count + inner))  # fmt: skip
            pressure = splu(csc_array(matrix)).solve(np.concatenate([right, np.zeros(inner)]))[:count]
            turned = np.where(pressure[one] >= pressure[two], 1.0, -1.0)
            if (turned == sign).all():
                break
            sign = turned
    return pressure


def laplacian(network: Centerlines, conductance: Floats) -> csc_array:
    """(N, N): sum of conductances on the diagonal, their negatives between nodes."""
    (one, two), count = network.ends.T, len(network.nodes)
    rows, columns = np.concatenate([one, two, one, two]), np.concatenate([one, two, two, one])
    values = np.concatenate([conductance, conductance, -conductance, -conductance])
    return csc_array(coo_array((values, (rows, columns)), shape=(count, count)))


def _weights(network: Centerlines) -> Floats:
    """(P,) um of branch that each point stands for."""
    step = np.linalg.norm(np.diff(network.points, axis=0), axis=1)
    step[network.first[1:-1] - 1] = 0.0
    return 0.5 * (np.concatenate([[0.0], step]) + np.concatenate([step, [0.0]]))
