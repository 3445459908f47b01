"""Static obstacles: how they are drawn, what cells and nuclei feel of them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from reference import forces, nucleus, scenes

from physim.errors import InputError
from physim.generate.collagen import generate_collagen
from physim.generate.obstacles import FACE, clear, wires
from physim.scenario import Scenario
from physim.sections import Obstacle
from physim.terms import REGISTRY
from physim.world import Box

SIZE = 60.0
BOX = Box(np.zeros(3), np.full(3, SIZE), ("open",) * 3)
FAR = scenes.network([[1, 1, 1]], [[2, 1, 1]], SIZE)
"""A fiber that no cell touches: contact needs collagen to be there."""


def drawn(**keys):
    return wires([Obstacle.model_validate(keys)], BOX)


def length(w) -> np.ndarray:
    return np.linalg.norm(w.end - w.begin, axis=1)


def table(*obstacles: dict, **terms) -> dict:
    return scenes.table({"steric": {}, "nucleus": {}} | terms, SIZE, collagen=True) | {"obstacles": list(obstacles)}


def test_a_sheet_is_covered_by_its_wires() -> None:
    w = drawn(kind="plate", axis="y")
    assert (w.begin[:, 1] == 30).all() and (w.end[:, 1] == 30).all()
    assert length(w).sum() * 0.5 == pytest.approx(SIZE**2) and length(w).max() <= 1 + 1e-9
    assert w.weight == pytest.approx(0.5 / FACE)


@pytest.mark.parametrize("keys", [{"hole_area": 30.0}, {"hole_size": (8.0, 5.0)}])
def test_nothing_is_drawn_in_a_hole(keys) -> None:
    """Two faces with holes in a lattice, both rims together of the weight of a fiber, walls between them."""
    w = drawn(kind="plate", thickness=4.0, pitch=15.0, **keys)
    middle = 0.5 * (w.begin + w.end)
    from_hole = np.abs((middle[:, 1:] - 30 + 7.5) % 15 - 7.5)
    if "hole_area" in keys:
        inside = np.hypot(*from_hole.T) < 0.98 * np.sqrt(30 / np.pi)
    else:
        inside = (from_hole < [3.99, 2.49]).all(axis=1)
    assert not (inside & (np.abs(middle[:, 1:] - 30) < 22).all(axis=1)).any()
    rims = w.weight == 0.5
    outline = 26.0 if "hole_size" in keys else 2 * np.sqrt(np.pi * 30)
    assert length(w)[rims].sum() == pytest.approx(2 * 9 * outline, rel=0.01), "nine holes fit, with two rims each"
    assert set(np.unique(middle[rims, 0])) == {28.0, 32.0}
    walls = ~rims & (np.abs(middle[:, 0] - 30) < 1.9)
    assert length(w)[walls].sum() * 0.5 == pytest.approx(9 * outline * 3.5, rel=0.01), "seven rings between the rims"
    area = 30.0 if "hole_area" in keys else 40.0
    faces = ~rims & ~walls
    assert length(w)[faces].sum() * 0.5 == pytest.approx(2 * (SIZE**2 - 9 * area), rel=0.01)


def test_a_round_hole_has_its_area() -> None:
    w = drawn(kind="plate", hole_area=7.0)
    rim = w.begin[w.weight == 1.0, 1:] - 30
    corners = rim[np.argsort(np.arctan2(*rim.T))]
    across = np.roll(corners, -1, axis=0)
    area = 0.5 * np.abs((corners[:, 0] * across[:, 1] - corners[:, 1] * across[:, 0]).sum())
    assert area == pytest.approx(7.0, rel=1e-6)


def test_cylinder_and_closed_surface(tmp_path) -> None:
    """Rings about the axis; slices of a sphere, which weigh as much as its area."""
    w = drawn(kind="cylinder", axis="z", radius=6.0, length=20.0)
    middle = 0.5 * (w.begin + w.end) - 30
    assert np.hypot(middle[:, 0], middle[:, 1]) == pytest.approx(6.0, rel=0.01)
    assert length(w).sum() * 0.5 == pytest.approx(2 * np.pi * 6 * 20.5, rel=0.01)
    ball = trimesh.creation.icosphere(subdivisions=4, radius=10.0)
    ball.apply_translation([30, 30, 30])
    ball.export(tmp_path / "ball.stl")
    w = drawn(kind="surface", file=str(tmp_path / "ball.stl"))
    assert np.linalg.norm(0.5 * (w.begin + w.end) - 30, axis=1) == pytest.approx(10.0, rel=0.01)
    # slices across one axis cover the sphere by sin(angle to the axis): pi/4 of its area, three times a half
    assert (length(w) * w.weight).sum() * FACE == pytest.approx(1.5 * np.pi / 4 * 4 * np.pi * 100, rel=0.01)


def test_forces_of_a_plate_on_cells(make_simulation) -> None:
    """Cytoplasm and nucleus against the float64 laws of fibers, times the weights; the plate takes the reaction."""
    rng = np.random.default_rng(1)
    place = rng.uniform(10, 50, (40, 3))
    place[:, 0] = rng.uniform(22, 38, 40)
    cells = scenes.cells(place)
    plate = {"kind": "plate", "thickness": 2.0, "hole_area": 20.0, "pitch": 8.0}
    sim = make_simulation(table(plate), cells=cells, network=FAR)
    sim.advance(1)
    w = wires(sim.scenario.obstacles, sim.box)
    cell, wire = forces.near_segments(place, np.full(40, 8.4), 0.5 * (w.begin + w.end), w.end - w.begin)
    weight = w.weight[wire][:, None]
    begin, vector = w.begin[wire], (w.end - w.begin)[wire]
    push, stiff, _ = forces.steric(REGISTRY["steric"](), place[cell], 8.4, begin, vector)
    hard, pressed = nucleus.push(REGISTRY["nucleus"](), np.full(40, 4.7), cell, begin - place[cell], vector,
                                 w.weight[wire])[1:3]  # fmt: skip
    force, stiffness = np.zeros((40, 3)), np.zeros((40, 3, 3))
    np.add.at(force, cell, weight * push - pressed.sum(1))
    np.add.at(stiffness, cell, weight[:, :, None] * stiff + hard)
    got = scenes.by_id(sim, "force")
    assert np.abs(got - force).max() < 1e-5 * np.abs(force).max() and np.abs(force).max() > 20
    wanted = 0.1 * stiffness + 2 * np.eye(3)
    assert np.abs(scenes.resistance(sim) - wanted).max() < 1e-5 * np.abs(wanted).max()
    taken = scenes.from_fixed_point(sim.read("obstacle_force"))
    assert np.abs(taken.sum(0) + got.astype(float).sum(0)).max() < 1e-6 * np.abs(got).sum()


def test_a_plane_resists_a_cell_as_its_cortex(make_simulation) -> None:
    """Two um deep: 2 pi gamma d = 5 nN with gamma = 0.4 nN/um, or less by up to a half; on lines as between them."""
    for height in (36.4, 36.5, 36.65):
        sim = make_simulation(table({"kind": "plate"}), cells=scenes.cells([height, 30, 30.1], nucleus_radius=0.1),
                              network=FAR)  # fmt: skip
        sim.advance(1)
        depth = 8.4 - (height - 30)
        cortex = 2 * np.pi * 0.4 * depth
        pushed = scenes.by_id(sim, "force")[0]
        assert 0.4 * cortex < pushed[0] < cortex and np.abs(pushed[1:]).max() < 0.02 * cortex


def test_gel_is_cleared_of_a_plate_and_of_a_solid(tmp_path) -> None:
    gel = generate_collagen([0] * 3, [SIZE] * 3, (False,) * 3, concentration=1.0, bundle_diameter=0.2, seed=1)
    left = clear(gel, [Obstacle.model_validate({"kind": "plate", "thickness": 10.0, "hole_area": 20.0})])
    along = left.nodes[left.segments][:, :, 0]
    assert ((along > 35) | (along < 25)).all() and 0.6 < len(left.segments) / len(gel.segments) < 0.9
    trimesh.creation.box([20, 20, 20]).apply_translation([30, 30, 30]).export(tmp_path / "block.stl")
    left = clear(gel, [Obstacle.model_validate({"kind": "surface", "file": str(tmp_path / "block.stl")})])
    assert (np.abs(left.midpoints - 30).max(1) > 10).all() and len(left.segments) < len(gel.segments)


@pytest.mark.parametrize(("keys", "line"), [
    ({"kind": "plate", "radius": 5.0}, "obstacles.0.radius: has no meaning for a plate"),
    ({"kind": "cylinder"}, "obstacles.0.radius: missing"),
    ({"kind": "surface"}, "obstacles.0.file: missing"),
    ({"kind": "surface", "file": "nowhere.stl"}, "obstacles.0.file: nowhere.stl"),
    ({"kind": "plate", "hole_area": 5.0, "hole_size": (1.0, 2.0)}, "obstacles.0.hole_area: stands beside hole_size"),
    ({"kind": "plate", "hole_area": 5.0, "pitch": 2.0}, "obstacles.0.pitch: 2 um leaves no plate"),
    ({"kind": "plate", "pitch": 2.0}, "obstacles.0.pitch: there is no hole"),
    ({"kind": "plate", "hole_size": (70.0, 2.0)}, "obstacles.0.hole_size: a hole of 70 um is wider than the box"),
    ({"kind": "plate", "center": (70.0, 2.0, 3.0)}, "obstacles.0.center: [70.0, 2.0, 3.0] um is outside the box"),
])  # fmt: skip
def test_what_cannot_be_is_refused(keys, line) -> None:
    with pytest.raises(InputError) as error:
        Scenario.from_table(table(keys))
    assert any(line in problem for problem in error.value.problems), error.value.problems


def test_an_open_surface_is_refused(tmp_path) -> None:
    ball = trimesh.creation.icosphere()
    trimesh.Trimesh(ball.vertices, ball.faces[1:]).export(tmp_path / "open.stl")
    with pytest.raises(InputError, match="not closed"):
        Scenario.from_table(table({"kind": "surface", "file": str(tmp_path / "open.stl")}))


def test_obstacles_need_something_that_feels_them() -> None:
    plain = scenes.table({"contact": {}}, SIZE) | {"obstacles": [{"kind": "plate"}]}
    with pytest.raises(InputError, match=r"obstacles: nothing feels them; add a section \[terms.steric\]"):
        Scenario.from_table(plain)


def two_sides(rng: np.random.Generator):
    """Fibers of 1 um on both sides of the plane x = 30 um, none nearer to it than 1 um."""
    middle, vector = rng.uniform(5, 55, (30_000, 3)), rng.normal(size=(30_000, 3))
    middle = middle[np.abs(middle[:, 0] - 30) > 1.5]
    vector = vector[: len(middle)] / np.linalg.norm(vector[: len(middle)], axis=1, keepdims=True)
    return scenes.network(middle - vector / 2, middle + vector / 2, SIZE)


def links_of(sim, fibers):
    """Of each link: row of its cell, point that it holds, where it bends (that point, if it is straight), tension."""
    slot, row = np.nonzero(sim.read("link_segment"))
    held, at = sim.read("link_segment")[slot, row].astype(int) - 1, sim.read("link_at")[slot, row][:, None]
    point = (1 - at) * fibers.nodes[fibers.segments[held, 0]] + at * fibers.nodes[fibers.segments[held, 1]]
    bend = sim.read("link_bend")[slot, row]
    bent = bend[:, 3] > 0
    return row, point, np.where(bent[:, None], sim.box.to_micron(bend), point), bent, slot


def test_links_do_not_reach_through_a_plate(make_simulation) -> None:
    """Cells 6 um from a sheet, fibers on both sides: links hold those on their own side, and the others by the hole.

    Each part of a link's way must cross the plane of the sheet, if at all, inside the hole.
    """
    rng = np.random.default_rng(3)
    fibers = two_sides(rng)
    place = np.stack([np.repeat([24.0, 36.0], 30), *rng.uniform(20, 40, (2, 60))], axis=1)
    crossed = {}
    for hole in ({}, {"hole_area": 150.0}):
        sim = make_simulation(table({"kind": "plate", **hole}, links={"binding_rate": 30.0, "focus": 0.0}),
                              cells=scenes.cells(place), network=fibers)  # fmt: skip
        sim.advance(1)
        row, point, bend, bent, _ = links_of(sim, fibers)
        home = place[sim.read("id")[row]]
        for begin, end in ((home, bend), (bend, point)):
            through = (begin[:, 0] - 30) * (end[:, 0] - 30) < 0
            share = ((30 - begin[:, 0])[through] / (end - begin)[through, 0])[:, None]
            where = (begin[through] + share * (end - begin)[through])[:, 1:] - 30
            assert (np.linalg.norm(where, axis=1) < np.sqrt(150 / np.pi)).all() and len(row) > 500
        crossed[len(hole)] = int(((point[:, 0] - 30) * (home[:, 0] - 30) < 0).sum()), int(bent.sum())
    assert crossed[0] == (0, 0) and crossed[1][0] > 40 and crossed[1][1] > 10


def test_a_link_that_bends_pulls_along_its_way(make_simulation) -> None:
    """U = k (l - r)^2 / 2, l the length of the way: forces in float64; all of them, the plate's too, cancel."""
    fibers = two_sides(np.random.default_rng(4))
    place = np.stack([np.full(40, 23.0), *np.random.default_rng(5).uniform(29, 31, (2, 40))], axis=1)
    quick = {"binding_rate": 3.0, "focus": 4.0, "contraction_speed": 2.0, "release_rate": 0.001}
    soft = scenes.table({"steric": {"cytoplasm_modulus": 1e-9}, "links": quick}, SIZE, collagen=True)
    sim = make_simulation(soft | {"obstacles": [{"kind": "plate", "hole_area": 3.0}]}, cells=scenes.cells(place),
                          network=fibers)  # fmt: skip
    polarity = np.zeros_like(sim.read("polarity"))
    polarity[: len(place), 0] = 1
    sim.write("polarity", polarity)
    sim.advance(8)
    position, order = sim.positions(), np.argsort(sim.read("id"))
    sim.advance(9)
    row, point, bend, bent, slot = links_of(sim, fibers)
    home, rest = position[sim.read("id")[row]], sim.read("link_rest")[slot, row]
    first, second = bend - home, point - bend
    way = np.linalg.norm(first, axis=1) + np.linalg.norm(second, axis=1)
    tension = REGISTRY["links"](**quick).stiffness * np.maximum(way - rest, 0)
    assert (tension[bent] > 0.5).sum() > 50 and (~bent).sum() > 50
    assert sim.read("link_force")[slot, row] == pytest.approx(tension, abs=1e-4)
    leaves = first / np.linalg.norm(first, axis=1, keepdims=True)
    wanted = np.zeros((len(place), 3))
    np.add.at(wanted, sim.read("id")[row], tension[:, None] * leaves)
    got = sim.read("force")[order][:, :3]
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()
    nodes, plate = (scenes.from_fixed_point(sim.read(name)) for name in ("node_force", "obstacle_force"))
    assert np.abs(got.astype(float).sum(0) + nodes.sum(0) + plate.sum(0)).max() < 1e-6 * np.abs(got).sum()
    assert np.linalg.norm(plate.sum(0)) > 1


def over_a_sheet(make_simulation, ligand: float, **more):
    """Cells 6 um over a sheet, far from fibers, with all that looks at links."""
    place = np.stack([np.full(40, 36.0), *np.random.default_rng(6).uniform(15, 45, (2, 40))], axis=1)
    links = {"binding_rate": 3.0, "focus": 0.0, "contraction_speed": 2.0, "capture": 4.0, "release_rate": 0.05}
    terms = {"steric": {"cytoplasm_modulus": 1e-9}, "links": links, "contact_guidance": {}, "traction_feedback": {},
             "shedding": {"interval": 0.1}} | more  # fmt: skip
    scene = scenes.table(terms, SIZE, collagen=True) | {"obstacles": [{"kind": "plate", "ligand": ligand}]}
    return make_simulation(scene, cells=scenes.cells(place), network=FAR)


def test_links_hold_ligand_on_a_plate(make_simulation) -> None:
    """Places on it are nearest to the tips, it bears the pull, and all forces cancel; it keeps no integrins."""
    sim = over_a_sheet(make_simulation, 1.0)
    sim.advance(9)
    position, order = sim.positions(), np.argsort(sim.read("id"))
    sim.advance(10)
    slot, row = np.nonzero(sim.read("link_segment"))
    wire, at = sim.read("link_segment")[slot, row].astype(int) - 2, sim.read("link_at")[slot, row][:, None]
    begin, end = (sim.box.to_micron(sim.read(name))[wire] for name in ("wire_begin", "wire_end"))
    line = begin + at * (end - begin) - position[sim.read("id")[row]]
    far = np.linalg.norm(line, axis=1)
    tension = 2.0 * np.maximum(far - sim.read("link_rest")[slot, row], 0)
    wanted = np.zeros((len(position), 3))
    np.add.at(wanted, sim.read("id")[row], (tension / far)[:, None] * line)
    got = sim.read("force")[order][:, :3].astype(float)
    straight = ~(sim.read("link_bend")[..., 3] > 0).any(0)[order]
    assert np.abs(got - wanted)[straight].max() < 1e-5 * np.abs(wanted).max() and straight.sum() > 30
    plate = scenes.from_fixed_point(sim.read("obstacle_force"))[0]
    assert np.abs(got.sum(0) + plate).max() < 1e-6 * np.abs(got).sum() and plate[0] > 50
    assert np.isclose(sim.snapshot().links["point"][:, 0], 30, atol=1e-6).sum() == len(row)
    balance = sim.snapshot().integrins
    assert balance.left == 0 and balance.returned > 0


def test_a_plate_is_held_alike_where_fibers_move(make_simulation) -> None:
    """The one fiber is out of reach, so that cells go the same way: Newton's rounds against one linear step."""
    held, moving = over_a_sheet(make_simulation, 1.0), over_a_sheet(make_simulation, 1.0, network={})
    start = held.positions()
    for sim in (held, moving):
        sim.advance(20)
    moved = held.positions() - start
    assert np.abs(moving.positions() - held.positions()).max() < 0.05 * np.abs(moved).max() and np.abs(moved).max() > 1


def test_more_ligand_binds_more(make_simulation) -> None:
    """1 - exp(-k_on ligand dt) of the tips that can bind."""
    share = []
    for ligand in (0.0, 0.3, 1.0, 3.0):
        sim = over_a_sheet(make_simulation, ligand)
        sim.advance(1)
        share.append((sim.read("link_segment") > 0).sum() / -np.expm1(-0.3 * max(ligand, 1e-9)))
    assert share[0] == 0 and share[2] > 100
    assert share / share[2] == pytest.approx([0, 1, 1, 1], abs=0.2)
