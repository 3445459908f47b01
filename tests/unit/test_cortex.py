"""Cells with a shape: forces against the energy of the oracle, what they sum to, and shapes that are known."""

from __future__ import annotations

import numpy as np
import pytest
from reference import cortex, scenes

from physim.errors import InputError
from physim.generate.icosphere import VERTICES, enclosed, icosphere, rings
from physim.scenario import Scenario
from physim.terms import REGISTRY

SIZE = 100.0
MIDDLE = np.full(3, SIZE / 2)
FAR = scenes.network([[1, 1, 1]], [[2, 1, 1]], SIZE)


def table(law: dict | None = None, obstacles: list | None = None, **more) -> dict:
    found = scenes.table({"cortex": {"vertices": 42, **(law or {})}, **more}, SIZE, collagen=True)
    return found | ({"obstacles": obstacles} if obstacles else {})


def shell_of(sim) -> np.ndarray:
    """(vertices of both layers, 3) um of the one cell."""
    return sim.read("shell")[:, 0, :3].astype(float)


def put(sim, shell: np.ndarray) -> None:
    values = sim.read("shell")
    values[:, 0, :3] = shell
    sim.write("shell", values)


def scratch(sim, name: str, width: int) -> np.ndarray:
    """(vertices, width) of an array whose rows of the one cell lie together."""
    values = sim.device.download(sim.buffers[name], np.dtype("f4"), sim.layout.count(name) * width)
    return values.reshape(-1, width)[: sim.layout.shell].astype(float)


def crumpled(sim, seed: int = 1) -> np.ndarray:
    """Both shells bent, the nucleus near the cortex on one side; in the digits of the device."""
    shell = shell_of(sim)
    shell += np.random.default_rng(seed).normal(0, 0.2, shell.shape)
    shell[: len(shell) // 2] += (2.6, 0.3, -0.2)
    shell[len(shell) // 2 :, 2] *= 0.6
    put(sim, shell)
    return shell_of(sim)


@pytest.mark.parametrize("vertices", VERTICES)
def test_mesh_is_closed_and_as_large_as_a_ball(vertices) -> None:
    points, faces = icosphere(vertices)
    assert points.shape == (vertices, 3) and faces.shape == (2 * vertices - 4, 3)
    assert enclosed(points, faces) == pytest.approx(4 / 3 * np.pi)
    ring, own = rings(vertices), np.arange(vertices)[:, None]
    assert ((ring == own).sum(1) == (own[:, 0] < 12)).all(), "five neighbours at the corners of the icosahedron"
    sides = {(a, b) for a, row in enumerate(ring.tolist()) for b in row if a != b}
    assert sides == {(b, a) for a, b in sides} and len(sides) == 6 * vertices - 12


def test_force_is_the_slope_of_the_energy(make_simulation) -> None:
    """Each vertex of a crumpled cell in the hole of a plate; all forces and their reactions sum to zero."""
    hole = {"kind": "plate", "thickness": 4.0, "hole_area": 120.0, "axis": "x"}
    sim = make_simulation(table(obstacles=[hole]), cells=scenes.cells([MIDDLE + np.array([1, 0.5, 0])]), network=FAR)
    shell, term = crumpled(sim), REGISTRY["cortex"](vertices=42)
    centre = sim.positions()[0]
    sim.advance(1)

    def gap(points: np.ndarray) -> np.ndarray:
        """From the plate: outside of its hole, or in front of it."""
        along, across = np.abs(points[:, 0] - 50) - 2, np.hypot(*(points[:, 1:] - 50).T) - np.sqrt(120 / np.pi)
        out = np.hypot(np.maximum(along, 0), np.maximum(-across, 0))
        return np.where(out > 0, out, np.maximum(along, -across))

    found = scratch(sim, "shell_force", 4)[:, :3]
    found[:42] -= term.nucleus_holding / 42 * shell[:42].mean(0)  # what the solve adds: this spring, and pressure
    sizes = 4 / 3 * np.pi * np.array([4.7, 8.2]) ** 3
    swollen = cortex.slope(lambda at: (cortex.volumes(term, at) * sizes).sum(), shell)
    found += np.repeat(2000.0 * (1 - cortex.volumes(term, shell)), 42)[:, None] * swollen
    rng = np.random.default_rng(7)
    for _ in range(6):
        way = rng.normal(size=shell.shape) * (rng.uniform(size=(84, 1)) < 0.1)
        ends = [cortex.energy(term, shell + h * way, centre, gap) for h in (1e-4, -1e-4)]
        assert (ends[1] - ends[0]) / 2e-4 == pytest.approx((found * way).sum(), abs=2e-3 * np.abs(found * way).sum())
    meets = scratch(sim, "shell_meet", 8)[:42, 3] != 0
    on_plate = scenes.from_fixed_point(sim.read("obstacle_force"))[0]
    assert meets.sum() > 3 and np.linalg.norm(on_plate) > 1
    pull = 5.0 / 42 * shell[42:] / np.sqrt(1 + (shell[42:] ** 2).sum(1, keepdims=True) / 8.2**2)
    own = scratch(sim, "shell_force", 4)[:, :3]
    assert np.abs(own.sum(0) + pull.sum(0) + on_plate).max() < 1e-5 * np.abs(own).sum()


def test_internal_forces_have_no_torque(make_simulation) -> None:
    sim = make_simulation(table(), cells=scenes.cells([MIDDLE]), network=FAR)
    shell = crumpled(sim, seed=2)
    sim.advance(1)
    found = scratch(sim, "shell_force", 4)[:, :3]
    torque = np.cross(shell, found)
    assert np.abs(torque.sum(0)).max() < 1e-5 * np.abs(torque).sum()


def test_force_on_fibers_is_that_on_the_cell(make_simulation) -> None:
    """A line load c (a - r) per vertex, integrated along each fiber; nodes bear the reaction."""
    rng = np.random.default_rng(4)
    middle = MIDDLE + 8.2 * (lambda v: v / np.linalg.norm(v, axis=1, keepdims=True))(rng.normal(size=(40, 3)))
    half = rng.normal(size=(40, 3))
    fibers = scenes.network(middle - half, middle + half, SIZE)
    law = {"tension": 1e-6, "shear": 1e-6, "dilation": 0.0, "contraction": 1e-6}
    sim = make_simulation(table(law), cells=scenes.cells([MIDDLE]), network=fibers)
    shell = shell_of(sim)
    sim.advance(1)
    found = scratch(sim, "shell_force", 4)[42:, :3]
    part = np.linspace(0, 1, 4001)[:, None, None]
    along = fibers.nodes[::2] + part * (fibers.nodes[1::2] - fibers.nodes[::2]) - MIDDLE
    for k, vertex in enumerate(shell[42:]):
        r = vertex - along
        distance = np.linalg.norm(r, axis=2, keepdims=True)
        load = 5.0 * np.maximum(1.0 - distance, 0) * r / distance
        wanted = (load.mean(0) * np.linalg.norm(2 * half, axis=1, keepdims=True)).sum(0)
        assert np.abs(found[k] - wanted).max() < 0.05 * max(1.0, np.abs(wanted).max())
    on_nodes = scenes.from_fixed_point(sim.read("node_force"))
    whole = scratch(sim, "shell_force", 4)[:, :3].sum(0)
    assert np.abs(found).max() > 1 and np.abs(on_nodes.sum(0) + whole).max() < 1e-5 * np.abs(found).sum()


def pulled(make_simulation, law: dict | None = None, stall: float = 20.0, **more):
    """A cell with one link to a fiber far along x."""
    fiber = scenes.network([[90, 49, 50]], [[90, 51, 50]], SIZE)
    links = {"slots": 1, "stall_force": stall, "contraction_speed": 1.0, "release_rate": 0.0, "binding_rate": 0.0,
             "reach": 200.0}  # fmt: skip
    sim = make_simulation(table(law, links=links, **more), cells=scenes.cells([[25, 50, 50]]), network=fiber)
    for name, value in (("link_segment", 1), ("link_at", 0.5), ("link_rest", 65.0)):
        sim.write(name, np.full_like(sim.read(name), value))
    return sim


def test_a_free_cell_moves_against_its_drag(make_simulation) -> None:
    """Its vertices are eliminated from the balance of the centre: force = (2 + 2 x 0.5) velocity; volumes are kept."""
    sim = pulled(make_simulation)
    sim.advance(150)
    before = sim.positions()[0]
    sim.advance(151)
    speed = (sim.positions()[0] - before)[0] / 0.1
    force = float(sim.read("link_force").sum()) - 0.1 * 2.0 * speed  # of the link at the end of the step
    assert force == pytest.approx(3.0 * speed, rel=2e-3) and speed > 0.5
    assert np.abs(cortex.volumes(REGISTRY["cortex"](vertices=42), shell_of(sim)) - 1).max() < 1e-3


def squeezed(make_simulation, vertices: int, height: float) -> tuple[float, float]:
    """nN on each plate, and nN/um^2, once a drop between two plates has come to rest."""
    law = {"vertices": vertices, "shear": 0.002, "dilation": 0.02, "contraction": 1e-3, "friction": 0.0, "drag": 0.1}
    plates = [{"kind": "plate", "thickness": 20.0, "axis": "x", "center": [50 + side * (10.2 + height / 2), 50, 50]}
              for side in (-1, 1)]  # fmt: skip
    sim = make_simulation(table(law, plates), cells=scenes.cells([MIDDLE], nucleus_radius=2.0), network=FAR)
    thin = height / 16.5
    put(sim, shell_of(sim) * np.repeat([[1, 1, 1], [thin, thin**-0.5, thin**-0.5]], vertices, axis=0))
    sim.advance(300)
    on_plates = scenes.from_fixed_point(sim.read("obstacle_force"))[:, 0]
    assert on_plates.sum() == pytest.approx(0, abs=0.05 * on_plates[1])
    pressure = 2000.0 * (1 - cortex.volumes(REGISTRY["cortex"](**law), shell_of(sim), nucleus_radius=2.0)[1])
    return on_plates[1], pressure


def test_drop_between_plates(make_simulation) -> None:
    """Force and pressure of a drop that is pressed to 10 um: to the exact ones as there are more vertices."""
    force, pressure = cortex.squeezed(0.4, 8.2, 10.0)
    errors = []
    for vertices in (42, 162):
        found = squeezed(make_simulation, vertices, 10.0)
        errors.append([found[0] / force - 1, found[1] / pressure - 1])
        print(f"{vertices} vertices: {found[0]:.2f} of {force:.2f} nN, {found[1]:.4f} of {pressure:.4f} nN/um^2")
    coarse, fine = np.abs(errors)
    assert (fine < coarse).all() and fine.max() < 0.05


def test_switched_off_it_leaves_no_trace(make_simulation) -> None:
    states = []
    for terms in ({}, {"cortex": "off"}):
        sim = make_simulation(scenes.table({"polarity": {}, "noise": {}, **terms}, SIZE, collagen=True), network=FAR)
        sim.advance(5)
        assert not any(name.startswith(("shell", "mesh")) for name in sim.buffers) and sim.world["shell"] == 0
        states.append(sim.state_hash())
    assert states[0] == states[1]


def test_what_does_not_go_with_it_is_refused() -> None:
    for terms, cells, words in (({"steric": {}}, {}, "takes the place of terms.steric"),
                                ({"network": {}}, {}, "fibers that move"),
                                ({}, {"nucleus_radius": 8.3}, "must be above 0 and leave 0.4 um")):  # fmt: skip
        found = table(**terms)
        found["cells"] = [{"count": 1, **cells}]
        with pytest.raises(InputError, match=words):
            Scenario.from_table(found)
    with pytest.raises(InputError, match="42, 162 or 642"):
        Scenario.from_table(table({"vertices": 100}))
