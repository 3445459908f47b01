"""Lists of a wall and queries of it at small size; large sizes: `physim bench`."""

from __future__ import annotations

import numpy as np

from physim.bench_walls import in_lumen, ring
from physim.walls import Walls


def test_lists(benchmark) -> None:
    made = ring(2_000)
    benchmark.group = "walls"
    walls = benchmark.pedantic(lambda: Walls(made.vertices, made.faces), rounds=3, warmup_rounds=1)
    assert len(walls.state["wall_entry"]) > len(made.faces)


def test_queries(benchmark) -> None:
    made = ring(2_000)
    walls, points = Walls(made.vertices, made.faces), in_lumen(2_000)
    launch, (offset, *_) = walls.launch(walls.box.to_fixed(points))
    benchmark.group = "walls"
    benchmark.pedantic(lambda: walls.run(launch), rounds=5, warmup_rounds=1)
    distance = walls.device.download(offset, np.float32, 4 * len(points))[3::4]
    assert (distance < 0.5).all() and (distance > -15.5).all() and (distance < -5).any()
