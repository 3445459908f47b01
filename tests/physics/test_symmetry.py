"""What every step keeps: copies of pairs agree, forces sum to zero, row order is nothing, no cell is lost."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from reference.scenes import HELD, cells, from_fixed_point, network, pair_entries, table

from physim import assembly
from physim.errors import PhysicsError
from physim.generate.cells import random_positions
from physim.scenario import load

# Both copies of a junction


def junctions(sim):
    """(i x n + j, young bits, mature bits) of every slot in use, sorted; i and j are ids 0 .. n - 1."""
    n, own = sim.layout.cells, sim.read("id").astype(np.int64)
    partner = sim.read("junction_partner")
    slot, row = np.nonzero(partner)
    other = partner[slot, row].astype(np.int64) - 1
    shares = [sim.read(f"junction_{name}")[slot, row].view(np.uint32) for name in ("young", "mature")]
    keys = own[row] * n + other
    assert len(np.unique(keys)) == len(keys)
    order = np.argsort(keys)
    return keys[order], shares[0][order], shares[1][order]


def assert_copies_agree(sim):
    """Seen from the other side, tables and resistances are the same to the bit. Returns the set of bonded pairs."""
    keys, young, mature = junctions(sim)
    n = sim.layout.cells
    mirrored = keys % n * n + keys // n
    order = np.argsort(mirrored)
    np.testing.assert_array_equal(mirrored[order], keys)
    np.testing.assert_array_equal(young[order], young)
    np.testing.assert_array_equal(mature[order], mature)
    i, j, resistance = pair_entries(sim)
    here, there = np.lexsort((j, i)), np.lexsort((i, j))
    np.testing.assert_array_equal(i[here], j[there])
    np.testing.assert_array_equal(resistance[here], resistance[there])
    assert resistance[:, 1].any()  # friction of some pair
    return set(keys[keys // n < keys % n].tolist())


def test_both_copies_of_every_pair_agree_after_10_000_random_steps(make_simulation):
    """60 cells shaken among fibers, walls and periodic faces: junctions form, mature and rupture, across faces too."""
    weak = {"initial_force": 4.0, "mature_force": 12.0}
    terms = {"contact": {}, "friction": {}, "junction": weak, "crawl": {}, "polarity": {}, "steric": {},
             "nucleus": {}, "links": {"capture": 4.0, "slots": 4}, "drag": {}, "noise": {"diffusion": 6.0},
             "neighbors": {"skin": 3.0}, "solve": {"tolerance": 0.01}}  # fmt: skip
    faces = (True, True, False)
    start = random_positions(60, np.array([0, 0, 8.4]), np.array([75, 75, 66.6]), 10.0, faces, seed=1)
    middle, half = np.random.default_rng(1).uniform(5, 70, (2, 100, 3)) * np.array([[[1.0]], [[0.02]]])
    scene = table(terms, size=75.0, boundary=["periodic", "periodic", "wall"], collagen=True)
    sim = make_simulation(scene, cells=cells(start), network=network(middle - half, middle + half, 75.0, faces))
    formed = ruptured = held = pressed = 0
    pairs = set()
    for step in range(200, 10_001, 200):
        sim.advance(step)
        now = assert_copies_agree(sim)
        formed, ruptured, pairs = formed + len(now - pairs), ruptured + len(pairs - now), now
        held += np.count_nonzero(sim.read("link_force"))
        pressed += np.count_nonzero(from_fixed_point(sim.read("anchor_force")))
    assert formed > 200
    assert ruptured > 200
    assert len(pairs) > 30
    assert held > 1000 and pressed > 50
    young = junctions(sim)[1].view(np.float32)
    assert young.min() < 0.5 < young.max() <= 1.0


def test_full_slot_table_stops_the_run_and_is_counted(make_simulation, monkeypatch):
    monkeypatch.setattr(assembly, "JUNCTION_SLOTS", 3)
    octahedron = 100 + 12.0 * np.concatenate([np.eye(3), -np.eye(3)])
    terms = {"contact": {}, "junction": {}, "drag": {}}
    sim = make_simulation(table(terms), cells=cells(octahedron))
    with pytest.raises(PhysicsError, match="6 cells touch more than 3 others"):
        sim.advance(5)
    assert sim.status["junctions_full"] == 6
    tetrahedron = make_simulation(table(terms), cells=cells(octahedron[:4]))
    tetrahedron.advance(5)  # three partners fit
    assert tetrahedron.status["junctions_full"] == 0


# Forces


def small_invasion(count, *changes):
    return load("invasion", ["null=off", f"cells.0.count={count}", *HELD, *changes]).to_table()


def active(sim):
    """Every term of an invasion with walls acts: how many junctions, taut links, nodes pressed only, faces pressed."""
    cell, order = sim.snapshot().cells, sim.read("segment_nodes")
    on_nodes = np.any(from_fixed_point(sim.read("node_force")), axis=1)
    held = sim.read("link_segment")
    on_nodes[order[held[held > 0] - 1].ravel()] = False  # what else they feel is not told apart
    faces = np.any(from_fixed_point(sim.read("anchor_force")), axis=1) if "anchor_force" in sim.arrays else [False]
    taut = np.count_nonzero(sim.read("link_force"))
    return {"junctions": int(cell["junctions"].sum()), "links": taut, "steric": int(on_nodes.sum()),
            "walls": int(np.sum(faces))}  # fmt: skip


@pytest.mark.parametrize("boundary", ["open", "wall", "periodic"])
def test_forces_on_cells_nodes_and_anchors_sum_to_zero(make_simulation, boundary):
    """To 1e-6 of the summed magnitudes, while cells pull fibers, neighbours and press on walls."""
    corner = [42, 42, 42] if boundary == "open" else [6, 7, 80]
    cube = np.array([[x, y, z] for x in (0, 15) for y in (0, 15) for z in (0, 15)]) + corner
    scene = small_invasion(8, "box.size=100 um", f"box.boundary={boundary}")
    sim = make_simulation(scene, cells=cells(cube, cadherin=0.1))
    pressed = carried = 0.0
    for step in (1, 3, 50, 200):
        sim.advance(step)
        held = [sim.read("force")[:, :3].astype(float), from_fixed_point(sim.read("node_force"))]
        if boundary == "wall":
            held.append(from_fixed_point(sim.read("anchor_force")))
            pressed = max(pressed, np.abs(held[2]).max())
        magnitude = sum(np.linalg.norm(forces, axis=1).sum() for forces in held)
        assert magnitude > 10
        assert np.linalg.norm(sum(forces.sum(0) for forces in held)) < 1e-6 * magnitude
        carried = max(carried, np.linalg.norm(held[1], axis=1).max())
        if step == 50:
            acting = active(sim)
            assert all(number > 2 for name, number in acting.items() if name != "walls"), acting
            assert (acting["walls"] > 0) == (boundary == "wall"), acting
    assert carried > 1.0  # by a node, nN
    assert (pressed > 1.0) == (boundary == "wall")


# Rows


def test_permuting_the_rows_of_the_input_leaves_every_bit(make_simulation, tmp_path):
    """Cells in a corner of walls, from a table with ids, its rows in three orders; every term acts."""
    random = np.random.default_rng(5)
    position = random_positions(10, np.full(3, 6.0), np.full(3, 45.0), 13.0, (False,) * 3, seed=5)
    rows = [
        [*(f"{x:.6f}" for x in centre), 8.0 + 0.1 * k, ident]
        for k, (centre, ident) in enumerate(zip(position, random.permutation(50)[:10], strict=True))
    ]
    hashes, ends = [], []
    for order in (range(10), random.permutation(10), range(9, -1, -1)):
        path = tmp_path / f"{len(hashes)}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["x", "y", "z", "radius", "id"], *(rows[k] for k in order)])
        scenario = small_invasion(10, "box.size=100 um", "box.boundary=wall")
        scenario["cells"] = [{"place": "file", "file": str(path), "cadherin": 0.1}]
        sim = make_simulation(scenario)
        sim.advance(50)
        acting = active(sim)
        assert min(acting.values()) > 0, acting
        hashes.append(sim.state_hash())
        ends.append(sim.positions())
    assert hashes[1] == hashes[0]
    assert hashes[2] == hashes[0]
    begin = position[np.argsort([row[-1] for row in rows])]
    assert np.linalg.norm(ends[0] - begin, axis=1).min() > 1e-3  # every cell has moved, from its own place


# No cell is lost

SHAKEN = {"noise": {"diffusion": 4.0}, "contact": {}, "drag": {}}


def shaken(make_simulation, boundary, **terms):
    """40 cells that diffuse some 30 um in 300 steps."""
    start = random_positions(40, np.full(3, 5.0), np.full(3, 75.0), 12.0, (False,) * 3, seed=2)
    return make_simulation(table(SHAKEN | terms, size=80.0, boundary=boundary), cells=cells(start)), start


def test_periodic_faces_wrap(make_simulation):
    sim, start = shaken(make_simulation, "periodic")
    path = [start]
    for step in range(1, 301):
        sim.advance(step)
        path.append(sim.positions())
    path = np.array(path)
    assert ((path >= 0) & (path < 80)).all()
    moves = np.diff(path, axis=0)
    wrapped = np.abs(moves) > 40
    assert wrapped.sum() > 20
    assert np.linalg.norm(moves - 80 * np.rint(moves / 80), axis=2).max() < 1.001  # largest_move
    assert sim.status["departed"] == sim.status["clamped"] == 0
    assert sorted(sim.read("id")) == list(range(40))


def test_cells_meet_through_a_periodic_face(make_simulation):
    """Two cells 12 um apart through the face push each other; the third, far from both, rests."""
    scene = table({"contact": {}, "drag": {}}, size=80.0, boundary=["periodic", "open", "open"])
    sim = make_simulation(scene, cells=cells([[5, 40, 40], [73, 40, 40], [40, 40, 40]]))
    sim.advance(1000)
    x = sim.positions()[:, 0]
    assert x[0] + 80 - x[1] == pytest.approx(0.895 * 16.8, abs=0.01)
    assert x[2] == pytest.approx(40, abs=1e-5)


def test_walls_keep_centres_inside(make_simulation):
    sim, _ = shaken(make_simulation, "wall", walls={"stiffness": 0.1})
    for step in range(10, 301, 10):
        sim.advance(step)
        position = sim.positions()
        assert ((position >= 0) & (position <= 80)).all()
    assert sim.status["clamped"] > 10
    assert sim.status["departed"] == 0
    assert sim.status["cells"] == 40


def test_open_faces_count_departures_and_the_rest_carry_on(make_simulation):
    sim, _ = shaken(make_simulation, "open")
    left, before = np.full(40, np.nan), None
    for step in range(1, 301):
        sim.advance(step)
        cell = sim.snapshot().cells
        assert cell["id"].tolist() == list(range(40))
        gone = ~np.isnan(cell["departed"])
        outside = ((cell["position"] < 0) | (cell["position"] > 80)).any(1)
        np.testing.assert_array_equal(gone, outside)
        assert cell["departed"][gone & np.isnan(left)] == pytest.approx(sim.time)
        np.testing.assert_array_equal(cell["departed"][~np.isnan(left)], left[~np.isnan(left)])
        if before is not None:
            moved = (cell["position"] != before["position"]).any(1)
            np.testing.assert_array_equal(moved, np.isnan(left))  # those gone rest, the others go on
        left, before = cell["departed"], cell
    assert 5 < gone.sum() < 40
    assert sim.status["departed"] == gone.sum()
    sim.advance(sim.step_count + 1)
    assert sim.status["cells"] == 40 - (~np.isnan(sim.snapshot().cells["departed"])).sum()


def test_a_neighbour_that_left_is_let_go(make_simulation):
    """The core pushes a cell out by an open face: the junction ends, and the cell that stays rests."""
    terms = {"contact": {}, "junction": {}, "drag": {}}
    sim = make_simulation(table(terms, size=100.0), cells=cells([[0.5, 50, 50], [12.5, 50, 50]]))
    sim.advance(1)
    assert sim.snapshot().cells["departed"][0] == pytest.approx(sim.time)
    assert sim.snapshot().cells["junctions"][1] == 1
    sim.advance(2)
    after = sim.snapshot().cells
    assert after["junctions"][1] == 0
    sim.advance(10)
    np.testing.assert_array_equal(sim.positions(), after["position"])
