"""Every cue against its float64 oracle, among 2,000 random cells and segments, and on fibers that move."""

from __future__ import annotations

import numpy as np
import pytest
from reference import cues, networks, scenes

from physim.generate.fiber_network import FiberNetwork
from physim.simulation import Simulation
from physim.terms import REGISTRY

COUNT, SIZE, STEP = 2000, 200.0, 0.1
BOXES = pytest.mark.parametrize("boundary", ["open", "periodic"])


def crowd(seed: int) -> dict[str, np.ndarray]:
    """Cells of several sizes on a lattice of 14 um disturbed by up to 4 um, so that most touch others."""
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(*[np.arange(14) * SIZE / 14.01 + 7] * 3, indexing="ij"), -1).reshape(-1, 3)
    place = lattice[rng.choice(len(lattice), COUNT, replace=False)] + rng.uniform(-4, 4, (COUNT, 3))
    return scenes.cells(place % SIZE, rng.uniform(6.5, 9.5, COUNT), cadherin=rng.uniform(0.2, 2, COUNT))


def gel(seed: int, boundary: str, count: int = 2 * COUNT) -> FiberNetwork:
    """Segments of random length and direction; through the faces of a periodic box, else inside it."""
    rng, periodic = np.random.default_rng(seed), boundary == "periodic"
    vector = cues.unit(rng.normal(size=(count, 3))) * rng.uniform(0.5, 4, (count, 1))
    middle = rng.uniform(0, SIZE, (count, 3)) if periodic else rng.uniform(2, SIZE - 2, (count, 3))
    begin, end = middle - vector / 2, middle + vector / 2
    return scenes.network(*((begin % SIZE, end % SIZE) if periodic else (begin, end)), SIZE, (periodic,) * 3)


def period_of(boundary: str) -> float | None:
    return SIZE if boundary == "periodic" else None


def polarity(sim: Simulation) -> np.ndarray:
    """(n, 3), by id."""
    return scenes.by_id(sim, "polarity").astype(float)


def one_step_turns(sim: Simulation, turn: np.ndarray, which: np.ndarray | slice = slice(None)) -> None:
    """The next step turns the polarity of the cells `which` as the oracle's `turn` says; |p| stays 1."""
    before = polarity(sim)
    sim.step()
    got, wanted = polarity(sim), cues.steered(before, turn)
    assert np.abs(np.linalg.norm(got, axis=1) - 1).max() < 3e-7
    error, largest = np.abs(got - wanted)[which].max(), np.abs(wanted - before).max()
    print(f"largest error {error:.1e}, largest turn {largest:.2f}")
    assert 0.1 < largest < 1.5 and error < 2e-6


def held(sim: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each link: its cell, the segment's vector and the held point seen from the cell, and its tension."""
    table = scenes.by_id(sim, "link_segment").astype(int)
    slot, cell = np.nonzero(table)
    fibers, segment = sim.network, table[slot, cell] - 1
    along = fibers.vectors[segment]
    at = scenes.by_id(sim, "link_at")[slot, cell, None].astype(float)
    point = fibers.nodes[fibers.segments[segment, 0]] + at * along
    apart = fibers.box.image(point - sim.positions()[cell])
    return cell, along, apart, scenes.by_id(sim, "link_force")[slot, cell].astype(float)


def linked(make_simulation, boundary: str, term: str, **values: float) -> Simulation:
    """12 steps of cells that pull on fibers, with the term."""
    links = {"capture": 6.0, "binding_rate": 3.0, "contraction_speed": 2.0}
    table = scenes.table({"links": links, term: values}, SIZE, boundary, STEP, collagen=True)
    sim = make_simulation(table, cells=crowd(1), network=gel(1, boundary))
    sim.step(12)
    return sim


@BOXES
def test_contact_guidance(make_simulation, boundary) -> None:
    sim = linked(make_simulation, boundary, "contact_guidance", weight=5.0)
    cell, along, _, _ = held(sim)
    assert len(np.unique(cell)) > COUNT / 2 and np.bincount(cell).max() > 4
    term = REGISTRY["contact_guidance"](weight=5.0)
    one_step_turns(sim, cues.contact_guidance(term, STEP, polarity(sim), cell, along))


@BOXES
def test_traction_feedback(make_simulation, boundary) -> None:
    law = {"weight": 5.0, "force_scale": 3.0}
    sim = linked(make_simulation, boundary, "traction_feedback", **law)
    cell, _, apart, tension = held(sim)
    assert (tension > 0.1).mean() > 0.5
    term = REGISTRY["traction_feedback"](**law)
    one_step_turns(sim, cues.traction_feedback(term, STEP, COUNT, cell, apart, tension))


def haptotaxis(sim: Simulation, law: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Turns (n, 3), and the cells of which no segment is so near the end of the reach that rounding decides."""
    fibers, position, n = sim.network, sim.positions(), len(sim.read("id"))
    nodes = sim.fiber_nodes()
    first, second = nodes[fibers.segments].transpose(1, 0, 2)
    vector = fibers.box.image(second - first)
    reach = scenes.by_id(sim, "radius").astype(float) + law["reach"]
    middle = first + vector / 2
    apart = fibers.box.image(middle[None] - position[:, None])
    distance = np.linalg.norm(apart, axis=2)
    area, shed = sim.read("segment_area").astype(float) / 2**24, sim.read("segment_shed").astype(float)
    cell, segment = np.nonzero((distance <= reach[:, None]) & (area > 0))
    ligand = np.linalg.norm(vector, axis=1) * area
    turn = cues.haptotaxis(REGISTRY["haptotaxis"](**law), STEP, n, cell, apart[cell, segment], ligand[segment],
                           shed[segment])  # fmt: skip
    return turn, (np.abs(distance - reach[:, None]) > 1e-4).all(axis=1)


@BOXES
def test_haptotaxis(make_simulation, boundary) -> None:
    """Whole, thinned and cut segments, with and without integrins on them."""
    law, rng = {"ligand_weight": 6.0, "shed_weight": 3.0, "reach": 9.0}, np.random.default_rng(2)
    table = scenes.table({"haptotaxis": law}, SIZE, boundary, STEP, collagen=True)
    sim = make_simulation(table, cells=crowd(2), network=gel(2, boundary))
    count = len(sim.network.segments)
    sim.write("segment_area", rng.integers(0, 2**24 + 1, count, dtype=np.uint32) * (rng.random(count) < 0.8))
    sim.write("segment_shed", rng.integers(0, 900, count, dtype=np.uint32) * (rng.random(count) < 0.3))
    turn, clear = haptotaxis(sim, law)
    assert clear.mean() > 0.99
    one_step_turns(sim, turn, clear)


def test_haptotaxis_on_fibers_that_move(make_simulation) -> None:
    """Segments are found where they are now, not where they were sorted into bins."""
    law = {"ligand_weight": 20.0, "shed_weight": 0.0, "reach": 3.0}
    terms = {"haptotaxis": law, "network": {}, "strain": {"shear_rate": 0.03}, "neighbors": {"skin": 3.0}}
    given = scenes.cells(np.random.default_rng(1).uniform(5, 55, (300, 3)), 7.0)
    sim = make_simulation(scenes.table(terms, 60.0, collagen=True), cells=given, network=networks.gel(periodic=False))
    sim.step(5)
    sim = sim.copy(["terms.strain.shear_rate=0"])  # which would move the held nodes in front of the cue
    gone = np.linalg.norm(sim.fiber_nodes() - sim.box.to_micron(sim.read("node_listed")), axis=1)
    assert 1 < gone.max() < 1.5, "less than half of the skin, beyond which they are sorted anew"
    turn, clear = haptotaxis(sim, law)
    assert clear.mean() > 0.8
    one_step_turns(sim, turn, clear)


@BOXES
@pytest.mark.parametrize("outside", [False, True], ids=["inside", "outside"])
def test_chemotaxis(make_simulation, boundary, outside) -> None:
    """The field of the attractant at each cell, and what cells make of it; the source may be outside the box."""
    place = {"x": -70.0, "y": 0.3 * SIZE, "z": 1.4 * SIZE} if outside else {"x": 9.0, "y": 120.0, "z": 60.0}
    source = {**place, "radius": 30.0, "concentration": 4.0}
    law, given = {"weight": 80.0, "half_occupancy": 2.0}, crowd(3)
    table = scenes.table({"attractant": source, "chemotaxis": law}, SIZE, boundary, STEP)
    sim = make_simulation(table, cells=given)
    position = sim.positions()
    gradient, c = cues.attractant(REGISTRY["attractant"](**source), position, SIZE, boundary == "periodic")
    assert (gradient == 0).any() != (outside and boundary == "open"), "the ball is in the box or not"
    turn = cues.chemotaxis(REGISTRY["chemotaxis"](**law), STEP, given["radius"].astype(float), gradient, c)
    one_step_turns(sim, turn)
    sampled = sim.read("attractant")[np.argsort(sim.read("id"))]
    np.testing.assert_allclose(sampled[:, 3], c, rtol=1e-5)
    assert np.abs(sampled[:, :3] - gradient).max() < 1e-5 * np.abs(gradient).max()


@BOXES
def test_contact_inhibition(make_simulation, boundary) -> None:
    law, given = {"weight": 3.0}, crowd(4)
    sim = make_simulation(scenes.table({"contact_inhibition": law}, SIZE, boundary, STEP), cells=given)
    term, radius = REGISTRY["contact_inhibition"](**law), given["radius"].astype(float)
    one_step_turns(sim, cues.contact_inhibition(term, STEP, sim.positions(), radius, period_of(boundary)))


@BOXES
def test_following(make_simulation, boundary) -> None:
    """Neighbours' displacements of the step before."""
    law, given = {"weight": 0.9}, crowd(5)
    sim = make_simulation(scenes.table({"following": law}, SIZE, boundary, STEP), cells=given)
    moved = np.random.default_rng(5).normal(size=(COUNT, 4)).astype(np.float32) * [1, 1, 1, 0]
    sim.write("displacement", moved)
    velocity = moved[np.argsort(sim.read("id")), :3] / STEP
    radius, cadherin = (given[name].astype(float) for name in ("radius", "cadherin"))
    turn = cues.following(REGISTRY["following"](**law), STEP, sim.positions(), radius, cadherin, velocity,
                          period_of(boundary))  # fmt: skip
    one_step_turns(sim, turn)


def test_far_neighbours_are_listed_only_with_a_weight() -> None:
    """Longer lists would change the order of sums, and so the bits of a run in which the cue is off."""
    for name in ("contact_inhibition", "following"):
        assert REGISTRY[name]().pair_range() == 1.25 and REGISTRY[name](weight=0).pair_range() == 0


def test_cells_of_a_linear_field_turn_alike() -> None:
    """The oracle's occupancy gradient is the slope of c/(c + K), by finite differences."""
    term, x = REGISTRY["chemotaxis"](weight=1.0, half_occupancy=0.7), np.array([0.1, 1.0, 5.0])
    gradient = np.stack([np.full(3, 0.2), np.zeros(3), np.zeros(3)], axis=1)
    turn = cues.chemotaxis(term, 1.0, np.full(3, 8.0), gradient, x)
    occupied = [(x + 0.2 * h) / (x + 0.2 * h + 0.7) for h in (-1e-4, 1e-4)]
    assert turn[:, 0] == pytest.approx(8.0 * (occupied[1] - occupied[0]) / 2e-4, rel=1e-6)
