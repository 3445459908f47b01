"""The vessels of a scenario: centerlines, the surface around them, and blood in the lumen, in the frame of the box."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physim import flow
from physim.circulation import SECONDS, Circulation
from physim.errors import InputError
from physim.flow import Flow
from physim.lumen import Lumen, lumen
from physim.meshes.centerlines import Centerlines
from physim.meshes.patches import patches
from physim.meshes.surface import Surface, surface

if TYPE_CHECKING:
    from physim.sections import Vessels as Section
    from physim.world import Box

MARGIN = 3.0
"""um, least distance of vessels from the faces of the box."""
OUTSIDE = 4.0
"""um beyond the wall within which its distance is exact: more than a cell in blood ever reaches into it."""


@dataclass(frozen=True, eq=False)
class Vessels:
    """What cells in blood meet. Places are in um, in the box."""

    surface: Surface
    patch: NDArray[np.int64]
    """(T,) endothelial patch of each triangle."""
    blood: Flow
    """Without cells."""
    lumen: Lumen
    circulation: Circulation
    reach: float
    """um from the wall within which cells look for it."""
    outside: float = OUTSIDE
    """The same beyond it."""

    def branches(self) -> NDArray[np.float32]:
        """(B, 4) of the array `branch`, where no cell holds blood back."""
        made = self.circulation
        found = np.zeros((len(made.flow), 4), np.float32)
        none = np.zeros(len(made.flow))
        found[:, 0], seen = made.seen(none, np.arange(len(made.flow)))
        found[:, 1], found[:, 2] = seen + made.resistance, made.flow
        return found


def vessels(section: Section, box: Box, seed: int, radius: float) -> Vessels:
    """The vessels of a scenario whose cells have at most this radius, um.

    Raises InputError where they do not fit into the box, or have no flow.
    """
    network = _placed(_network(section, seed), box)
    made = surface(network, section.voxel)
    blood, pressures, added = _blood(section, network)
    reach = 1.25 * radius
    return Vessels(made, patches(made), blood, lumen(blood, section.voxel), Circulation(blood, pressures, added), reach,
                   OUTSIDE if section.interval is None else max(OUTSIDE, reach))


def _network(section: Section, seed: int) -> Centerlines:
    from physim.meshes import generate_tubes, networks
    from physim.meshes.clean import clean
    from physim.meshes.read import read_centerlines

    if section.file is not None:
        found, _ = clean(read_centerlines(Path(section.file), unit=section.unit))
        return found
    lengths = {name: value for name in ("radius", "narrow", "length") if (value := getattr(section, name)) is not None}
    if section.network in networks.SIMPLE:
        return getattr(generate_tubes, section.network)(**lengths)
    return networks.generated(section.network, seed if section.seed is None else section.seed)


def _placed(network: Centerlines, box: Box) -> Centerlines:
    """In the middle of the box."""
    low, high = ((network.points + sign * network.radius[:, None]) for sign in (-1, 1))
    low, high = low.min(axis=0) - MARGIN, high.max(axis=0) + MARGIN
    edge = box.upper - box.lower
    if (high - low > edge).any():
        need = " x ".join(f"{x:.0f}" for x in np.ceil(high - low))
        raise InputError(f"box.size: the vessels need {need} um; enlarge the box")
    return replace(network, points=network.points + 0.5 * (box.lower + box.upper - low - high))


def _blood(section: Section, network: Centerlines) -> tuple[Flow, NDArray[np.float64], NDArray[np.float64]]:
    """Flow without cells, pressures at the nodes (kPa) that drive it, and resistances in front of ports, by branch."""
    none = np.zeros(network.branches)
    if section.pressure is None:
        blood = flow.estimate(network, median_speed=section.speed / SECONDS)
        return blood, 1e-3 * blood.pressure, none
    free = np.flatnonzero(network.degree == 1)
    inlet = int(free[np.argmin(network.nodes[free, 0])])
    blood = flow.solve(network, {int(k): float(k == inlet) for k in free})
    branch = int(np.flatnonzero((network.ends == inlet).any(axis=1))[0])
    section_area = np.pi * network.radius[network.first[branch] if network.ends[branch, 0] == inlet
                                          else network.first[branch + 1] - 1] ** 2  # fmt: skip
    wanted = section.speed / SECONDS * section_area
    scale = wanted / abs(blood.flow[branch])
    blood = Flow(network, scale * blood.pressure, scale * blood.flow, blood.viscosity)
    drop = 1e-3 * blood.pressure[inlet]
    if drop > section.pressure:
        raise InputError(f"vessels.speed: it takes {drop:.3g} kPa to drive it, more than vessels.pressure "
                         f"{section.pressure:.3g} kPa; lower the speed or raise the pressure")  # fmt: skip
    added = none.copy()
    added[branch] = (section.pressure - drop) / (SECONDS * wanted)
    pressures = np.zeros(len(network.nodes))
    pressures[inlet] = section.pressure
    return blood, pressures, added
