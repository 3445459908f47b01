"""A cell with a shape in a channel of 5 um: it crosses, keeps its volumes, and a uniform tube resists it."""

from __future__ import annotations

import numpy as np
import pytest
from reference import cortex, scenes

from physim.terms import REGISTRY

CHANNEL = {"kind": "plate", "axis": "x", "hole_size": [5.0, 10.0]}
TUBE = {"kind": "plate", "axis": "x", "hole_area": 25 * np.pi / 4}


def before_a_wall(make_simulation, wall: dict, length: float, start: float, pull: float, law: dict,
                  step: float = 0.1):  # fmt: skip
    """A cell at x = start; one link on the axis draws it on, at most with `pull`, to a fiber near the far end."""
    size = (length, 48.0, 48.0)
    links = {"slots": 1, "stiffness": 5.0, "stall_force": pull, "contraction_speed": 1.0, "release_rate": 0.0,
             "binding_rate": 0.0, "reach": 2 * length}  # fmt: skip
    table = scenes.table({"cortex": law, "links": links}, size, collagen=True, step=step)
    table["obstacles"] = [wall]
    fiber = scenes.network([[length - 4, 23, 24]], [[length - 4, 25, 24]], size)
    sim = make_simulation(table, cells=scenes.cells([[start, 24, 24]]), network=fiber)
    for name, value in (("link_segment", 1), ("link_at", 0.5), ("link_rest", length - 4 - start)):
        sim.write(name, np.full_like(sim.read(name), value))
    return sim


def shell_of(sim) -> np.ndarray:
    """(vertices of both layers, 3) um, in the box."""
    return sim.read("shell")[:, 0, :3] + sim.positions()[0]


def test_cell_crosses_a_channel_that_is_narrower_than_its_nucleus(make_simulation) -> None:
    """5 x 10 um, 4 um long: the nucleus of 9.4 um is pressed to less than 5, and all of it is round again behind."""
    count = 42
    term = REGISTRY["cortex"](vertices=count)
    channel = {**CHANNEL, "thickness": 4.0}
    sim = before_a_wall(make_simulation, channel, 120.0, 49.3, 60.0, {"vertices": count}, step=0.2)
    narrow, worst, twice = 9.4, 0.0, 0.0
    while sim.time < 150 and shell_of(sim)[:, 0].min() < 63:
        sim.advance(sim.step_count + 20)
        shell = shell_of(sim)
        within = np.abs(shell[:count, 0] - 60) < 2
        if within.sum() > 5:
            narrow = min(narrow, float(np.ptp(shell[:count][within][:, 1])))
        worst = max(worst, np.abs(cortex.volumes(term, shell) - 1).max())
        twice = max(twice, cortex.overlapping(shell[:count]))
    print(f"{sim.time:.0f} min, nucleus at its narrowest {narrow:.2f} um, volumes within {worst:.1e}")
    assert shell_of(sim)[:, 0].min() > 62, "it is not through"
    assert narrow < 5.0 and worst < 1e-3
    assert twice < 0.02, "no volume is counted twice"
    sim.write("link_rest", np.full_like(sim.read("link_rest"), 100.0))  # nobody pulls
    sim.advance(sim.step_count + 25)
    assert np.ptp(shell_of(sim)[:count], axis=0) == pytest.approx([9.6] * 3, abs=0.8)


def resistance_in_a_tube(make_simulation, friction: float) -> float:
    """nN min/um of a cell that fills a tube of 5 um, over the drag of 3 that it has everywhere."""
    sim = before_a_wall(make_simulation, {**TUBE, "thickness": 380.0}, 400.0, 150.0, 10.0, {"friction": friction})
    unit, faces = cortex.icosphere(162)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    layers = []
    for size, width in ((4.7, 2.0), (8.2, 2.2)):
        thin = unit[:, 1:] / np.maximum(np.linalg.norm(unit[:, 1:], axis=1, keepdims=True), 1e-9)
        layer = np.concatenate([unit[:, :1], width * np.sqrt(1 - unit[:, :1] ** 8) * thin], axis=1)
        layer[:, 0] *= 4 / 3 * np.pi * size**3 / cortex.enclosed(layer, faces)
        layers.append(layer)
    values = sim.read("shell")
    values[:, 0, :3] = np.concatenate(layers)
    sim.write("shell", values)
    sim.advance(250)
    begin = sim.positions()[0]
    sim.advance(300)
    speed = (sim.positions()[0] - begin)[0] / 5.0
    assert np.ptp(shell_of(sim)[162:, 0]) > 80, "a volume of 2,310 um^3 in a tube of 5 um"
    return (float(sim.read("link_force")[0, 0]) - 0.5 * speed) / speed - 3.0


def test_a_uniform_tube_resists(make_simulation) -> None:
    """By friction times the area that touches, some 1,500 um^2; else only by the drag that it has everywhere."""
    rough, smooth = (resistance_in_a_tube(make_simulation, friction) for friction in (0.002, 0.0))
    print(f"resistance {rough:.2f} nN min/um, without friction {smooth:.2f}")
    assert 2.0 < rough < 4.0 and abs(smooth) < 0.1
