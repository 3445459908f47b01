"""Small fiber networks for tests: chains put where a test wants them, straight lines, and grown gels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from physim.generate.collagen import FiberNetwork, generate_collagen
from physim.generate.fiber_network import Box, assemble


def chains(lines: Any, *, links: Any = (), at: Any = (), size: float = 60.0, periodic: bool = False) -> FiberNetwork:
    """Fibers of given nodes, in a cube; `links` join two segments `at` places 0..1 on them."""
    lines = [np.array(line, float) for line in lines]
    begin, end = np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])
    fiber = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
    box = Box(np.zeros(3), np.full(3, size), (periodic,) * 3)
    joined, places = np.array(links, int).reshape(-1, 2), np.array(at, float).reshape(-1, 2)
    return assemble(begin, end, fiber, joined, places, box, 0.2)


def directions(count: int, seed: int = 0) -> np.ndarray:
    """(count, 3) random unit vectors."""
    random = np.random.default_rng(seed).standard_normal((count, 3))
    return random / np.linalg.norm(random, axis=1)[:, None]


@cache
def gel(*, periodic: bool, size: float = 60.0) -> FiberNetwork:
    """Curved fibers with crosslinks, 2 mg/ml of 0.2 um bundles."""
    return generate_collagen((0.0,) * 3, (size,) * 3, (periodic,) * 3, concentration=2.0, bundle_diameter=0.2, seed=3)
