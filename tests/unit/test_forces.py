"""Every force kernel against its float64 oracle at 10,000 random cells and segments, and that forces balance."""

from __future__ import annotations

import numpy as np
import pytest
from reference import forces, scenes

from physim.terms import REGISTRY

COUNT = 10_000
"""Of the cells, and of the segments."""
SIZE = 314.0
CLOSED = ("open", "open", "open")
PERIODIC = ("periodic", "periodic", "periodic")
BOXES = pytest.mark.parametrize("boundary", [CLOSED, PERIODIC], ids=["open", "periodic"])
HALF = 2.0**-11
"""Relative error of one rounding to half precision, in which pair resistances are stored."""


def crowd(seed: int, count: int = COUNT) -> dict[str, np.ndarray]:
    """Cells of several sizes on a lattice of 14 um disturbed by up to 4 um, so that some overlap deeply."""
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(*[np.arange(22) * SIZE / 22.01 + 7] * 3, indexing="ij"), -1).reshape(-1, 3)
    place = lattice[rng.choice(len(lattice), count, replace=False)] + rng.uniform(-4, 4, (count, 3))
    return scenes.cells(place % SIZE, rng.uniform(6.5, 9.5, count), rng.uniform(3, 5, count),
                        rng.uniform(0.2, 2, count), rng.uniform(0.5, 2, count))  # fmt: skip


def gel(seed: int, count: int = COUNT, periodic: tuple[bool, bool, bool] = (True, True, True)):
    """Segments of random length and direction; through the faces of a periodic box, else inside it."""
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=(count, 3))
    vector *= rng.uniform(0.5, 4, (count, 1)) / np.linalg.norm(vector, axis=1, keepdims=True)
    middle = rng.uniform(0, SIZE, (count, 3)) if all(periodic) else rng.uniform(2, SIZE - 2, (count, 3))
    begin, end = middle - vector / 2, middle + vector / 2
    if all(periodic):
        begin, end = begin % SIZE, end % SIZE
    return scenes.network(begin, end, SIZE, periodic)


def period_of(boundary: tuple[str, ...]) -> float | None:
    return SIZE if boundary == PERIODIC else None


def close(got: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> None:
    """Largest error over the largest value of the set; the set must not be all zero."""
    largest = np.abs(wanted).max()
    assert largest > 0
    error = np.abs(got - wanted).max() / largest
    print(f"largest error {error:.1e} of the largest value {largest:.4g}")
    assert error <= tolerance


def balanced(*sets: np.ndarray) -> None:
    """All forces together sum to zero."""
    total = sum(f.astype(float).sum(0) for f in sets)
    scale = sum(np.linalg.norm(f.astype(float), axis=1).sum() for f in sets)
    print(f"net force {np.abs(total).max() / scale:.1e} of the summed magnitudes")
    assert np.abs(total).max() <= 1e-6 * scale


@BOXES
def test_contact(make_simulation, boundary) -> None:
    crowded, term = crowd(1), REGISTRY["contact"]()
    sim = make_simulation(scenes.table({"contact": {}}, SIZE, boundary), cells=crowded)
    sim.advance(1)
    wanted, blocks = forces.contact(term, crowded["position"], crowded["radius"], period_of(boundary))
    close(scenes.by_id(sim, "force"), wanted)
    balanced(scenes.by_id(sim, "force"))
    close(scenes.resistance(sim), 0.1 * blocks + 2.0 * np.eye(3), 2 * HALF)


@BOXES
def test_crawl(make_simulation, boundary) -> None:
    crowded, term = crowd(2), REGISTRY["crawl"]()
    sim = make_simulation(scenes.table({"crawl": {}}, SIZE, boundary), cells=crowded)
    polarity = scenes.by_id(sim, "polarity").astype(float)
    sim.advance(1)
    wanted, grip = forces.crawl(term, crowded["position"], crowded["radius"], polarity, period_of(boundary))
    close(scenes.by_id(sim, "force"), wanted)
    close(scenes.by_id(sim, "grip"), grip)
    balanced(scenes.by_id(sim, "force"))
    assert (scenes.resistance(sim) == 2.0 * np.eye(3)).all(), "the drag on a cell, and nothing else"


@BOXES
def test_friction(make_simulation, boundary) -> None:
    """The resistance of the pairs, applied to random velocities, is the friction force."""
    crowded, term = crowd(3), REGISTRY["friction"]()
    sim = make_simulation(scenes.table({"friction": {}, "drag": {}}, SIZE, boundary), cells=crowded)
    sim.advance(1)
    i, j, pair = scenes.pair_entries(sim)
    velocity = np.random.default_rng(0).normal(size=(COUNT, 3))
    relative = velocity[j] - velocity[i]
    got = np.stack([np.bincount(i, pair[:, 1] * relative[:, axis], COUNT) for axis in range(3)], axis=1)
    close(got, forces.friction(term, crowded["position"], crowded["radius"], velocity, period_of(boundary)), HALF)
    assert np.array_equal(pair[:, 0], pair[:, 1]), "the same along and across"
    here, there = (np.argsort(a.astype(np.int64) * COUNT + b) for a, b in ((i, j), (j, i)))
    assert np.array_equal(i[here], j[there]) and np.array_equal(j[here], i[there])
    assert np.array_equal(pair[here], pair[there]), "a pair must resist alike on both sides"


@BOXES
def test_small_friction_beside_a_stiff_contact(make_simulation, boundary) -> None:
    """Sliding keeps its friction; along the line of centres it shares one half with dt times the contact's stiffness.

    A half has 11 bits, and each term rounds the sum once: what is lost along is up to 2^-11 of the whole sum for each
    of the two. Beside a contact of 2 nN min/um and more, that is 1e-3: all of this friction of 5e-4. Two cells that
    overlap then part without friction, which stiffness of 4,000 times as much hides. Across, nothing is lost.
    """
    small = {"coefficient": 5e-4}
    crowded, friction, contact = crowd(13), REGISTRY["friction"](**small), REGISTRY["contact"]()
    terms = {"contact": {}, "friction": small, "drag": {}}
    sim = make_simulation(scenes.table(terms, SIZE, boundary), cells=crowded)
    sim.advance(1)
    i, j, pair = scenes.pair_entries(sim)
    apart = crowded["position"][i] - crowded["position"][j]
    if boundary == PERIODIC:
        apart -= SIZE * np.rint(apart / SIZE)
    distance, touch = np.linalg.norm(apart, axis=1), crowded["radius"].astype(float)[[i, j]].sum(0)
    w = forces.weight(forces.Pairs(i, j, apart, distance, touch), friction.near_distance, friction.far_distance)
    slide = friction.coefficient * w
    edges = contact.rest_distance * touch, contact.core_distance * touch
    shallow, deep = (np.maximum(edge - distance, 0) for edge in edges)
    core = 0.1 * (contact.stiffness * (shallow > 0) + 2 * contact.core_stiffness * deep)
    close(pair[:, 1], slide, HALF)
    assert (np.abs(pair[:, 0] - core - slide) <= 1.01 * HALF * (2 * core + slide) + 2.0**-24).all()
    pressed = core > 0
    kept = pair[pressed, 0] - core[pressed].astype(np.float16)
    assert pressed.sum() > 10_000 and (kept == 0).mean() > 0.99, "the comment above is out of date"


@BOXES
def test_physicell(make_simulation, boundary) -> None:
    """Velocities, and Adams-Bashforth displacements made of those of two steps."""
    crowded, term, period = crowd(4), REGISTRY["physicell"](), period_of(boundary)
    sim = make_simulation(scenes.table({"physicell": {}}, SIZE, boundary, step=0.01), cells=crowded)
    sim.advance(1)
    first = forces.physicell(term, crowded["position"], crowded["radius"], period)
    close(scenes.by_id(sim, "drift_previous"), first)
    balanced(scenes.by_id(sim, "drift_previous"))
    second = forces.physicell(term, sim.positions(), crowded["radius"], period)
    sim.advance(2)
    close(scenes.by_id(sim, "displacement"), 0.01 * (1.5 * second - 0.5 * first))


def symmetric_noise(i: np.ndarray, j: np.ndarray, salt: int) -> np.ndarray:
    """A number in 0.2..1 for each pair of ids, the same from both sides."""
    low, high = np.minimum(i, j).astype(np.uint64), np.maximum(i, j).astype(np.uint64)
    mixed = (low * np.uint64(2654435761) + high * np.uint64(40503) + np.uint64(salt)) % np.uint64(10007)
    return (0.2 + 0.8 * mixed.astype(float) / 10006).astype(np.float32)


JUNCTION = {"on_distance": 1.25, "initial_time": 1e9, "mature_time": 1e9, "saturation": 2.5}


@BOXES
def test_junction(make_simulation, boundary) -> None:
    """Every pair in reach with a junction of its own age, coverage from none to well above saturation."""
    crowded, period = crowd(5), period_of(boundary)
    term = REGISTRY["junction"](**JUNCTION)
    sim = make_simulation(scenes.table({"junction": JUNCTION}, SIZE, boundary, step=1e-6), cells=crowded)
    sim.advance(1)
    partner = sim.read("junction_partner").astype(np.int64)
    own = np.broadcast_to(sim.read("id").astype(np.int64), partner.shape)
    for salt, name in ((1, "junction_young"), (2, "junction_mature")):
        sim.write(name, np.where(partner > 0, symmetric_noise(own, np.maximum(partner - 1, 0), salt), 0))

    def bound(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        full = term.initial_force + term.mature_force
        return (term.initial_force * symmetric_noise(i, j, 1).astype(float)
                + term.mature_force * symmetric_noise(i, j, 2).astype(float)) / full  # fmt: skip

    position, radius, cadherin = sim.positions(), crowded["radius"], crowded["cadherin"].astype(float)
    sim.advance(2)
    wanted, sums = forces.junction(term, position, radius, cadherin, bound, period)
    coverage = sim.read("coverage")[np.argsort(sim.read("id"))]
    assert coverage[:, 0].min() < 1 and coverage[:, 0].max() > 4, "the law must be met on both sides of saturation"
    for got, exact in zip(coverage.T, sums.T, strict=True):
        close(got, exact)
    close(scenes.by_id(sim, "force"), wanted)
    balanced(scenes.by_id(sim, "force"))


def test_junction_oracle_is_minus_the_gradient_of_its_energy() -> None:
    some, term = crowd(6, 200), REGISTRY["junction"](saturation=2.5)
    dense = some["position"] * 0.4, some["radius"].astype(float), some["cadherin"].astype(float)

    def bound(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return symmetric_noise(i, j, 3).astype(float)

    wanted, _ = forces.junction(term, *dense, bound)
    for cell, axis in [(0, 0), (17, 1), (50, 2), (123, 0), (199, 1)]:
        shift = np.zeros_like(dense[0])
        shift[cell, axis] = h = 1e-5
        up, down = (forces.junction_energy(term, dense[0] + s, *dense[1:], bound) for s in (shift, -shift))
        assert -(up - down) / (2 * h) == pytest.approx(
            wanted[cell, axis], rel=1e-6, abs=1e-6 * np.abs(wanted).max()
        )


def test_walls(make_simulation) -> None:
    boundary, crowded = ("wall", "periodic", "wall"), crowd(7)
    sim = make_simulation(scenes.table({"walls": {}}, SIZE, boundary), cells=crowded)
    sim.advance(1)
    cells, faces = forces.walls(
        REGISTRY["walls"](), crowded["position"], crowded["radius"].astype(float), SIZE
    )
    cells[:, 1], faces[2:4] = 0, 0
    on_faces = scenes.from_fixed_point(sim.read("anchor_force"))
    close(scenes.by_id(sim, "force"), cells)
    close(on_faces, faces)
    balanced(scenes.by_id(sim, "force"), on_faces)
    stiff = 20.0 * 0.1 * (cells != 0) + 2.0
    close(scenes.resistance(sim), stiff[:, :, None] * np.eye(3))


@BOXES
def test_steric(make_simulation, boundary) -> None:
    """Force on the cells and on each node, and the stiffness that the solve is given."""
    crowded, term, fibers = crowd(8), REGISTRY["steric"](), gel(8, periodic=(boundary == PERIODIC,) * 3)
    sim = make_simulation(
        scenes.table({"steric": {}}, SIZE, boundary, collagen=True), cells=crowded, network=fibers
    )
    sim.advance(1)
    position, radius = crowded["position"], crowded["radius"].astype(float)
    middles = fibers.midpoints % SIZE if boundary == PERIODIC else fibers.midpoints
    cell, segment = forces.near_segments(position, radius, middles, fibers.vectors, period_of(boundary))
    # the image of the first node nearest to the cell: segments are far shorter than half the box
    begin = position[cell] + fibers.box.image(fibers.nodes[fibers.segments[segment, 0]] - position[cell])
    push, stiff, pressed = forces.steric(term, position[cell], radius[cell], begin, fibers.vectors[segment])
    assert np.any(pressed, axis=(1, 2)).sum() > COUNT / 2
    force, stiffness, nodes = np.zeros((COUNT, 3)), np.zeros((COUNT, 3, 3)), np.zeros((2 * COUNT, 3))
    np.add.at(force, cell, push)
    np.add.at(stiffness, cell, stiff)
    for side in (0, 1):
        np.add.at(nodes, fibers.segments[segment, side], pressed[:, side])
    on_nodes = scenes.from_fixed_point(sim.read("node_force"))
    close(scenes.by_id(sim, "force"), force)
    close(on_nodes, nodes)
    close(scenes.resistance(sim), 0.1 * stiffness + 2.0 * np.eye(3))
    balanced(scenes.by_id(sim, "force"), on_nodes)


@BOXES
def test_links(make_simulation, boundary) -> None:
    """Tension, its reaction on the nodes, the stiffness, and the shortening since the step before."""
    quick = {"capture": 6.0, "binding_rate": 3.0, "contraction_speed": 2.0}
    crowded, term, fibers = crowd(9), REGISTRY["links"](**quick), gel(9, periodic=(boundary == PERIODIC,) * 3)
    table = scenes.table({"links": quick}, SIZE, boundary, collagen=True)
    sim = make_simulation(table, cells=crowded, network=fibers)
    sim.advance(12)
    before = {n: scenes.by_id(sim, n) for n in ("link_segment", "link_at", "link_rest", "link_force")}
    position = sim.positions()
    sim.advance(13)
    held, at, rest, tension = (scenes.by_id(sim, n) for n in before)
    slot, cell = np.nonzero(held)
    assert len(slot) > COUNT and (tension > 0).sum() > COUNT / 2
    segment = held[slot, cell].astype(int) - 1
    point = (
        fibers.nodes[fibers.segments[segment, 0]]
        + at[slot, cell, None].astype(float) * fibers.vectors[segment]
    )
    apart = fibers.box.image(point - position[cell])
    pull, wanted = forces.links(term, 0.0, apart, rest[slot, cell].astype(float))
    close(tension[slot, cell], wanted)
    force, nodes = np.zeros((COUNT, 3)), np.zeros((2 * COUNT, 3))
    np.add.at(force, cell, pull)
    for side, share in ((0, 1 - at[slot, cell, None]), (1, at[slot, cell, None])):
        np.add.at(nodes, fibers.segments[segment, side], -share * pull)
    on_nodes = scenes.from_fixed_point(sim.read("node_force"))
    close(scenes.by_id(sim, "force"), force)
    close(on_nodes, nodes)
    balanced(scenes.by_id(sim, "force"), on_nodes)
    length, normal = np.linalg.norm(apart, axis=1), apart / np.linalg.norm(apart, axis=1, keepdims=True)
    along = normal[:, :, None] * normal[:, None, :]
    taut = tension[slot, cell] > 0  # a link that has just bound is so by rounding, or not
    stiff = taut[:, None, None] * (
        term.stiffness * along + (wanted / length)[:, None, None] * (np.eye(3) - along)
    )
    blocks = np.zeros((COUNT, 3, 3))
    np.add.at(blocks, cell, 0.1 * stiff)
    close(scenes.resistance(sim), blocks + 2.0 * np.eye(3))
    kept = (before["link_segment"] > 0) & (before["link_segment"] == held) & (before["link_force"] > 0)
    kept &= tension > 0.01  # some let go and have bound the same segment again, without tension
    speed = term.contraction_speed * np.maximum(
        1 - before["link_force"].astype(float) / term.stall_force, -np.inf
    )
    assert kept.sum() > COUNT / 2
    close(rest[kept], np.maximum(before["link_rest"] - 0.1 * speed, term.shortest_rest)[kept])
