"""The matrix that a scenario starts with, grown or traced, without what would lie inside a cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physim import memory
from physim.errors import InputError
from physim.generate.collagen import concentration, generate_collagen, length_density
from physim.generate.fiber_files import read_polylines
from physim.generate.fiber_network import Box, FiberNetwork, carve
from physim.generate.obstacles import clear
from physim.generate.polylines import Import, network_of

if TYPE_CHECKING:
    from physim.scenario import Scenario

BYTES_PER_SEGMENT = 1200
"""Peak while a gel is crosslinked, measured for 170,000 segments."""


def initial_network(scenario: Scenario, cells: dict[str, NDArray]) -> Any:
    """The FiberNetwork of the scenario around `cells` (as of `initial_cells`); None without collagen.

    Raises InputError.
    """
    if scenario.collagen is None:
        return None
    spheres = cells["position"], cells["radius"].astype(np.float64)
    if scenario.collagen.file is None:
        return carve(clear(grown(scenario), scenario.obstacles), *spheres)
    whole, counts = traced(scenario)
    left = carve(clear(whole, scenario.obstacles), *spheres)
    density = float(left.lengths.sum()) / left.box.volume
    amount = concentration(density, left.bundle_diameter)
    mass = f"{density:.3g} um of fiber per um^3, as much as {amount:.3g} mg/ml at this bundle_diameter"
    return replace(left, notes=(*counts.lines(left), mass))


def grown(scenario: Scenario) -> FiberNetwork:
    """The network of a concentration."""
    collagen, box = scenario.collagen, scenario.box
    assert collagen is not None
    segments = length_density(collagen.concentration or 0.0, collagen.bundle_diameter) * np.prod(box.size)
    segments /= collagen.segment_length
    memory.require(
        BYTES_PER_SEGMENT * segments, "collagen", f"{segments:,.0f} segments of fiber",
        "use a smaller box, a lower concentration or thicker bundles",
    )  # fmt: skip
    options = {key: getattr(collagen, key) for key in collagen.GROWN}
    options["seed"] = scenario.run.seed if collagen.seed is None else collagen.seed
    return generate_collagen(
        box.lower, box.upper, box.periodic,
        bundle_diameter=collagen.bundle_diameter, segment_length=collagen.segment_length, **options,
    )  # fmt: skip


def traced(scenario: Scenario) -> tuple[FiberNetwork, Import]:
    """The network of a file, and what became of its fibers. Raises InputError."""
    collagen, box = scenario.collagen, scenario.box
    assert collagen is not None and collagen.file is not None
    try:
        return network_of(
            read_polylines(collagen.file), Box(np.array(box.lower), np.array(box.upper), box.periodic),
            segment_length=collagen.segment_length, tolerance=collagen.tolerance or 0.1 * collagen.segment_length,
            capture_distance=collagen.capture_distance or 0.0, bundle_diameter=collagen.bundle_diameter,
        )  # fmt: skip
    except InputError as error:
        raise InputError(*(f"collagen.file: {line}" for line in error.problems)) from None
