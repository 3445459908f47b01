"""`physim bench`, walls: the nearest triangle of a vessel wall for points in the lumen, in the order of cells."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import trimesh

from physim.wall_state import along_curve
from physim.walls import Walls

RADIUS, TURN = 15.0, 100.0
"""um; of the vessel, and of the ring that it makes."""


def ring(triangles: int) -> trimesh.Trimesh:
    """A vessel that closes to a ring, of about so many triangles."""
    around = max(int(np.sqrt(triangles / 2 * RADIUS / TURN)), 8)
    return trimesh.creation.torus(TURN, RADIUS, major_sections=triangles // 2 // around, minor_sections=around)


def in_lumen(count: int, seed: int = 0) -> np.ndarray:
    """Points (count, 3) um, uniform over the section and along the ring, sorted along a curve through space."""
    rng = np.random.default_rng(seed)
    (turn, angle), r = rng.uniform(0, 2 * np.pi, (2, count)), RADIUS * np.sqrt(rng.uniform(0, 1, count))
    out = TURN + r * np.cos(angle)
    points = np.stack([out * np.cos(turn), out * np.sin(turn), r * np.sin(angle)], axis=1)
    return points[along_curve(points)]


def row(quick: bool, device: str | None, repeats: int = 9) -> dict[str, Any]:
    """The case `walls`, printed."""
    count, triangles = (1_000, 2_000) if quick else (100_000, 50_000)
    made = ring(triangles)
    begin = time.perf_counter()
    walls = Walls(made.vertices, made.faces, device=device)
    build = 1e3 * (time.perf_counter() - begin)
    launch, _ = walls.launch(walls.box.to_fixed(in_lumen(count)))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        walls.run(launch)
        times.append(1e3 * (time.perf_counter() - begin))
    ms, nbytes = statistics.median(times), sum(values.nbytes for values in walls.state.values())
    print(f"{'walls':14} {count:9} {ms:10.3f} {count / ms * 1e3:12.3g} ({1e3 * ms / count:.2f} us each; lists of "
          f"{len(made.faces):,} triangles in {build:,.0f} ms, {nbytes / 2**20:.0f} MiB)")  # fmt: skip
    return {"name": "walls", "size": count, "ms": ms, "items_per_s": count / ms * 1e3, "bytes": nbytes,
            "triangles": len(made.faces), "build_ms": build}  # fmt: skip
