"""Two or three cells, one segment, a ring: forces that can be written down."""

from __future__ import annotations

import numpy as np
import pytest
from reference import forces, scenes

from physim.terms import REGISTRY

MIDDLE = np.full(3, 100.0)
STERIC = REGISTRY["steric"]()
C_CELL = 0.707 * 0.5 / 0.75
"""Load per depth c of the cytoplasm, nN/um^2."""


def at(offset) -> np.ndarray:
    """Where this is, seen from the middle of the box."""
    return MIDDLE + np.array(offset, float)


def contact_force(distance: float, touch: float) -> float:
    return 20 * max(0.895 * touch - distance, 0) + 15 * max(0.84 * touch - distance, 0) ** 2


@pytest.mark.parametrize(
    ("distance", "direction"),
    [(15.3, (1, 0, 0)), (14.9, (1, 0, 0)), (14.0, (0, -1, 0)), (10.0, (0, 0, 1)), (3.0, (2, -1, 0.5))],
)
def test_two_cells(make_simulation, distance, direction) -> None:
    """Repulsion along the line of centres, none beyond the rest distance."""
    axis = np.array(direction) / np.linalg.norm(direction)
    pair = scenes.cells([MIDDLE, MIDDLE + distance * axis], radius=[8.4, 8.6])
    sim = make_simulation(scenes.table({"contact": {}}), cells=pair)
    sim.advance(1)
    wanted = contact_force(distance, 17.0) * np.array([-axis, axis])
    assert scenes.by_id(sim, "force") == pytest.approx(wanted, rel=1e-5, abs=1e-5 * np.abs(wanted).max())


def test_three_cells_in_a_line(make_simulation) -> None:
    """The middle cell feels the difference, and the ends do not feel each other."""
    row = scenes.cells(at([[0, 0, 0], [13, 0, 0], [27, 0, 0]]))
    sim = make_simulation(scenes.table({"contact": {}}), cells=row)
    sim.advance(1)
    left, right = contact_force(13, 16.8), contact_force(14, 16.8)
    assert scenes.by_id(sim, "force")[:, 0] == pytest.approx([-left, left - right, right], rel=1e-5)


def test_mature_doublet_pulls_with_both_forces(make_simulation) -> None:
    """Half way through the range, with b = 1: F_1 + F_2 times the geometric mean of the cadherin levels."""
    half_way = (0.895 + 1.25) / 2 * 16.8
    pair = scenes.cells([MIDDLE, at([0, 0, half_way])], cadherin=[1.0, 0.25])
    sim = make_simulation(scenes.table({"junction": {"on_distance": 1.25}}, step=1e-6), cells=pair)
    sim.advance(1)
    for name in ("junction_young", "junction_mature"):
        sim.write(name, np.ones_like(sim.read(name)) * (sim.read("junction_partner") > 0))
    sim.advance(2)
    assert scenes.by_id(sim, "force")[:, 2] == pytest.approx([66.0, -66.0], rel=1e-5)


def test_junction_matures(make_simulation) -> None:
    """b_1 = 1 - exp(-t/5), exact; b_2 follows with 25 min, with an error of first order in the step."""
    errors = []
    for step in (0.5, 0.25):
        pair = scenes.cells([MIDDLE, at([16, 0, 0])])
        sim = make_simulation(
            scenes.table({"junction": {}, "drag": {"coefficient": 1e12}}, step=step), cells=pair
        )
        sim.advance(round(20 / step))
        young, mature = sim.read("junction_young")[0], sim.read("junction_mature")[0]
        assert young == pytest.approx(2 * [1 - np.exp(-20 / 5)], rel=1e-5)
        errors.append(mature - (1 - (25 * np.exp(-20 / 25) - 5 * np.exp(-20 / 5)) / 20))
    assert np.abs(errors[0]).max() < 0.02
    assert errors[0] / errors[1] == pytest.approx([2, 2], rel=0.1)


def one_cell(make_simulation, begin, end, **options):
    network = scenes.network(begin, end)
    sim = make_simulation(scenes.table({"steric": {}}, collagen=True), cells=scenes.cells(MIDDLE, **options),
                          network=network)  # fmt: skip
    sim.advance(1)
    return sim.read("force")[0, :3].astype(float), scenes.from_fixed_point(sim.read("node_force"))


def test_radial_segment_in_the_cytoplasm(make_simulation) -> None:
    """Along a radius the line load integrates to 2 gamma [d - (2 gamma/c) ln(1 + d c/(2 gamma))]."""
    force, _ = one_cell(make_simulation, at([0, 6.4, 0]), at([0, 7.4, 0]))

    def integral(depth: float) -> float:
        return 0.8 * (depth - 0.8 / C_CELL * np.log(1 + depth * C_CELL / 0.8))

    assert force == pytest.approx([0, -(integral(2.0) - integral(1.0)), 0], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("height", [7.0, 4.3, 1.5, 0.2])
def test_segment_across_a_cell(make_simulation, height) -> None:
    """A segment of 2 um, pressed on in its middle: three Gauss points, half of the load on each node."""
    force, nodes = one_cell(make_simulation, at([-1, 0, height]), at([1, 0, height]))
    wanted = 0.0
    for along, share in ((0.0, 8 / 18), (np.sqrt(0.6), 5 / 18), (-np.sqrt(0.6), 5 / 18)):
        r = np.hypot(along, height)
        depth = 8.4 - r
        load = C_CELL * depth / (1 + depth * C_CELL / 0.8)
        wanted += 2.0 * share * load * height / r
    assert force == pytest.approx([0, 0, -wanted], rel=1e-5, abs=1e-5 * wanted)
    assert nodes[:, 2] == pytest.approx([wanted / 2, wanted / 2], rel=1e-5)
    assert nodes[0, 0] == pytest.approx(-nodes[1, 0], rel=1e-5)


def ring(sides: int, across: float) -> tuple[np.ndarray, np.ndarray]:
    turn = 2 * np.pi * np.arange(sides + 1) / sides
    corners = MIDDLE + across * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    return corners[:-1], corners[1:]


@pytest.mark.parametrize(("sides", "across"), [(6, 8.8), (12, 8.1), (6, 6.5), (24, 3.5)])
def test_cell_in_a_ring_of_fibers(make_simulation, sides, across) -> None:
    """A polygon about the cell, some with the corners outside it: what its nodes feel outwards."""
    begin, end = ring(sides, across)
    force, nodes = one_cell(make_simulation, begin, end)
    cell = (STERIC, MIDDLE, 8.4, begin, end - begin)
    outward = (begin - MIDDLE) / across, (end - MIDDLE) / across
    felt = (nodes[0::2] * outward[0] + nodes[1::2] * outward[1]).sum()
    quadrature, integral = (
        np.einsum("msa,msa", forces.steric(*cell, points=points)[2], np.stack(outward, axis=1))
        for points in (3, 200)
    )
    print(f"{sides} sides: quadrature / integral - 1 = {quadrature / integral - 1:.1e}")
    assert felt == pytest.approx(quadrature, rel=1e-5)
    assert felt == pytest.approx(integral, rel=0.02)
    assert np.abs(force).max() < 1e-5 * felt, "a ring pushes to no side"


def test_halving_segments_leaves_the_force(make_simulation) -> None:
    """The same fibers cut into pieces half as long: the force on each cell changes by less than 5 %.

    No fiber is nearer than 1.5 um to a centre: pores below 7 um^2 let no nucleus through (Wolf et al. 2013).
    """
    rng = np.random.default_rng(5)
    middle, vector = rng.uniform(40, 160, (12_000, 3)), rng.normal(size=(12_000, 3))
    vector *= 2.5 / np.linalg.norm(vector, axis=1, keepdims=True)
    lattice = np.stack(np.meshgrid(*[np.linspace(60, 140, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    sites = lattice + rng.uniform(-4, 4, lattice.shape)
    apart = sites[:, None] - middle
    along = np.clip((apart * vector).sum(2) / 2.5**2, -0.5, 0.5)
    clear = (np.linalg.norm(apart - along[:, :, None] * vector, axis=2) > 1.5).all(axis=0)
    middle, vector = middle[clear], vector[clear]
    begin, end = middle - vector / 2, middle + vector / 2
    halved = np.concatenate([begin, middle]), np.concatenate([middle, end])
    whole, halves = (
        make_simulation(
            scenes.table({"steric": {}}, collagen=True),
            cells=scenes.cells(sites),
            network=scenes.network(*ends),
        )
        for ends in ((begin, end), halved)
    )
    for sim in (whole, halves):
        sim.advance(1)
    before, after = scenes.by_id(whole, "force"), scenes.by_id(halves, "force")
    size, change = np.linalg.norm(before, axis=1), np.linalg.norm(after - before, axis=1)
    print(f"change of the force: mean {change.mean() / size.mean():.2%}, largest {(change / size).max():.2%}")
    assert size.min() > 0 and (change > 0).all(), "the pieces must not be the same quadrature"
    assert (change / size).max() < 0.05
