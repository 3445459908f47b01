"""The matrix that a scenario starts with: grown from a seed, without what would lie inside a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physim.generate.collagen import generate_collagen
from physim.generate.fiber_network import carve

if TYPE_CHECKING:
    from physim.scenario import Scenario


def initial_network(scenario: Scenario, cells: dict[str, NDArray]) -> Any:
    """The FiberNetwork of the scenario around `cells` (as of `initial_cells`); None without collagen.

    Raises InputError.
    """
    if scenario.collagen is None:
        return None
    collagen, box = scenario.collagen, scenario.box
    options = collagen.model_dump()
    options["seed"] = scenario.run.seed if collagen.seed is None else collagen.seed
    network = generate_collagen(box.lower, box.upper, box.periodic, **options)
    return carve(network, cells["position"], cells["radius"].astype(np.float64))
