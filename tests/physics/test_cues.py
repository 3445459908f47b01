"""Cues: where they turn a cell, how strongly, what they leave alone. None gives speed; without weight none is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import scenes
from reference.cues import unit

from physim.errors import InputError
from physim.scenario import Scenario
from physim.simulation import Simulation
from physim.terms import REGISTRY

CENTRE, AXES, STEP = np.full(3, 100.0), np.eye(3), 0.1
OCTAHEDRON = np.concatenate([AXES, -AXES])
STILL = {"binding_rate": 0.0, "contraction_speed": 0.0, "release_rate": 0.0, "reach": 200.0, "shortest": 0.0}
"""Links that do nothing by themselves."""
CUES = {
    "contact_guidance": {"weight": 0.5}, "haptotaxis": {"ligand_weight": 1.0, "shed_weight": 1.0, "reach": 20.0},
    "chemotaxis": {"weight": 20.0}, "contact_inhibition": {"weight": 1.0}, "following": {"weight": 0.5},
    "traction_feedback": {"weight": 1.0},
}  # fmt: skip
OFF = {name: {key: 0.0 for key in law if key.endswith("weight")} for name, law in CUES.items()}


def table(terms: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Cells that nothing moves: links pull against a drag of 1e12 nN min/um."""
    still = {"links": STILL, "drag": {"coefficient": 1e12}, "attractant": {"x": 140.0, "y": 100.0, "z": 100.0}}
    return scenes.table(still | terms, step=STEP, collagen=True, **options)


def hold(sim: Simulation, segments: np.ndarray, cell: int = 0, tension: float = 4.0) -> None:
    """The cell's links hold the middles of these segments, under this tension."""
    row = int(np.flatnonzero(sim.read("id") == cell)[0])
    length = np.linalg.norm(sim.network.midpoints[segments] - sim.positions()[cell], axis=1)
    for name, values in (("link_segment", segments + 1), ("link_at", 0.5), ("link_force", tension),
                         ("link_rest", length - tension / REGISTRY["links"]().stiffness)):  # fmt: skip
        there = sim.read(name)
        there[: len(segments), row] = values
        sim.write(name, there)


def aim(sim: Simulation, direction: Any) -> None:
    """Every polarity in one direction."""
    p = np.zeros((sim.status["rows"], 4), np.float32)
    p[:, :3] = unit(np.asarray(direction, float))
    sim.write("polarity", p)


def move(sim: Simulation, displacement: np.ndarray) -> None:
    """What each cell (n, 3), by id, is taken to have moved in the last step, um."""
    sim.write("displacement", np.pad(displacement, ((0, 0), (0, 1)))[sim.read("id")].astype(np.float32))


def first(sim: Simulation) -> np.ndarray:
    """Polarity of cell 0."""
    return scenes.by_id(sim, "polarity")[0].astype(float)


def test_even_surroundings_turn_nothing(make_simulation):
    """In the middle of six neighbours and six fibers no cue turns a cell; each turns a neighbour at the rim."""
    along = np.roll(AXES, 1, axis=0)
    middle, half = CENTRE + 20 * OCTAHEDRON, np.concatenate([along, along])
    fibers = scenes.network(middle - half, middle + half)
    sources = {"attractant": {"x": 100.0, "y": 100.0, "z": 100.0, "radius": 12.0}}
    given = scenes.cells(np.concatenate([CENTRE[None], CENTRE + 15.5 * OCTAHEDRON]))
    turned = []
    for name, law in CUES.items():
        sim = make_simulation(table({**sources, name: law}), cells=given, network=fibers)
        hold(sim, np.arange(6))
        hold(sim, np.arange(2), cell=1)
        sim.write("segment_shed", np.full(6, 40, np.uint32))
        move(sim, 0.1 * np.concatenate([AXES[:1], OCTAHEDRON]))
        aim(sim, [1, 2, 3])
        begin = scenes.by_id(sim, "polarity")
        sim.step()
        off = np.abs(scenes.by_id(sim, "polarity") - begin).max(axis=1)
        assert off[0] < 3e-7
        turned.append(off[1])
        if name == "chemotaxis":  # in the ball its gradient is 0, which leaves the bits as they are
            assert off[0] == 0
    assert min(turned) > 1e-3


ONE_SIDED = {  # cue: where polarity begins, and where it is turned to; what turns it is at +x
    "contact_guidance": ([0.6, 0.8, 0], [1, 0, 0]), "haptotaxis": ([0, 1, 0], [1, 0, 0]),
    "chemotaxis": ([0, 1, 0], [1, 0, 0]), "contact_inhibition": ([0, 1, 0], [-1, 0, 0]),
    "following": ([0, 1, 0], [1, 0, 0]), "traction_feedback": ([0, 1, 0], [1, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CUES)
def test_a_cue_turns_cells_its_way_and_the_more_the_larger_its_weight(make_simulation, name):
    """Five steps with 1, 2 and 4 times the weight: nearer to the goal each time, in one plane, never across it."""
    begin, goal = (np.array(v, float) for v in ONE_SIDED[name])
    middle, half = CENTRE + 20 * AXES[0], np.array([1.0, 0, 0])
    cosines = [begin @ goal]
    for times in (1, 2, 4):
        law = {key: value * (times if key.endswith("weight") else 1) for key, value in CUES[name].items()}
        sim = make_simulation(table({name: law}), cells=scenes.cells([CENTRE, CENTRE + 16 * AXES[0]]),
                              network=scenes.network([middle - half], [middle + half]))  # fmt: skip
        hold(sim, np.arange(1))
        sim.write("segment_shed", np.full(1, 40, np.uint32))
        aim(sim, begin)
        for _ in range(5):
            move(sim, np.array([[0, 0, 0], [0.1, 0, 0]]))
            sim.step()
        p = first(sim)
        assert abs(p[2]) < 1e-6 and p[1] > 0 and np.linalg.norm(p) == pytest.approx(1, abs=3e-7)
        cosines.append(p @ goal)
    print(name, np.round(cosines, 3))
    assert (np.diff(cosines) > 0.01).all()


def test_guidance_knows_no_way_along_a_fiber(make_simulation):
    """t and -t turn alike; polarity goes to the end of the fiber that is nearer to it."""
    middle, half = CENTRE + 20 * AXES[0], np.array([1.0, 0, 0])
    ends = []
    for way in (1, -1):
        for begin in ([0.3, 1, 0], [-0.3, 1, 0]):
            fibers = scenes.network([middle - way * half], [middle + way * half])
            guided = table({"contact_guidance": {"weight": 1.0}})
            sim = make_simulation(guided, cells=scenes.cells(CENTRE), network=fibers)
            hold(sim, np.arange(1))
            aim(sim, begin)
            sim.step(100)
            ends.append(first(sim))
    np.testing.assert_allclose(ends, [[1, 0, 0], [-1, 0, 0]] * 2, atol=1e-3)
    assert np.array_equal(ends[:2], ends[2:])


def shell(count: int, radius: float) -> np.ndarray:
    """Points (n, 3) spread over a sphere about the centre."""
    return CENTRE + radius * unit(np.random.default_rng(4).normal(size=(count, 3)))


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_chemotaxis_against_noise_ends_in_the_distribution_of_von_mises_and_fisher(make_simulation, weight):
    """dp = (I - p p)(m dt + sqrt(dt/P) xi) rests at exp(2 P m.p): <cos> = coth k - 1/k, k = 2 P |m|."""
    count, persistence, r = 2000, 10.0, 70.0
    source = {"x": 100.0, "y": 100.0, "z": 100.0, "radius": 20.0, "concentration": 3.5}  # c = K at this distance
    terms = {"attractant": source, "chemotaxis": {"weight": weight}, "polarity": {"persistence": persistence}}
    alone = scenes.table({"neighbors": {"skin": 2.0}, **terms}, step=STEP, seed=5)
    sim = make_simulation(alone, cells=scenes.cells(shell(count, r)))
    cosines = []
    for _ in range(4):
        sim.step(250)
        inwards = unit(CENTRE - sim.positions())
        cosines.append((scenes.by_id(sim, "polarity").astype(float) * inwards).sum(1))
    k = 2 * persistence * weight * 8.4 / r / 4  # at c = K the slope of occupancy is grad c/(4 K), grad c = K/r
    wanted, found = 1 / np.tanh(k) - 1 / k, np.mean(cosines)
    error = 4 * np.std(cosines) / np.sqrt(4 * count)
    print(f"k = {k:.2f}: <cos> = {found:.4f}, wanted {wanted:.4f} +- {error:.4f}")
    assert abs(found - wanted) < error


def test_guidance_against_noise_ends_in_the_distribution_of_maier_and_saupe(make_simulation):
    """It rests at exp(1.5 w P cos^2): the share along the fibers, either way alike."""
    count, persistence, weight = 2000, 3.0, 1.0
    place = shell(count, 60.0)
    fibers = scenes.network([CENTRE - AXES[0]], [CENTRE + AXES[0]])
    sim = make_simulation(table({"contact_guidance": {"weight": weight}, "polarity": {"persistence": persistence}}),
                          cells=scenes.cells(place), network=fibers)  # fmt: skip
    for name, value in (("link_segment", 1), ("link_at", 0.5), ("link_rest", 1e3)):
        there = sim.read(name)
        there[0] = value
        sim.write(name, there)
    squares, means = [], []
    for _ in range(4):
        sim.step(75)
        cosine = scenes.by_id(sim, "polarity").astype(float)[:, 0]
        squares.append(cosine**2)
        means.append(cosine.mean())
    x = np.linspace(-1, 1, 20_001)
    density = np.exp(1.5 * weight * persistence * x**2)
    wanted = (x**2 * density).sum() / density.sum()
    error = 4 * np.std(squares) / np.sqrt(4 * count)
    print(f"<cos^2> = {np.mean(squares):.4f}, wanted {wanted:.4f} +- {error:.4f}; 1/3 without the cue")
    assert abs(np.mean(squares) - wanted) < error
    assert np.abs(means).max() < 4 / np.sqrt(count)


def crowded(make_simulation, terms: dict[str, Any]) -> Simulation:
    """Cells that touch, in fibers that they hold, with integrins left on some."""
    rng = np.random.default_rng(6)
    lattice = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    begin = rng.uniform(70, 130, (3000, 3))
    fibers = scenes.network(begin, begin + rng.normal(size=(3000, 3)))
    scenario = scenes.table(terms, step=STEP, collagen=True)
    given = scenes.cells(86 + 14.0 * lattice + rng.uniform(-1, 1, lattice.shape), rng.uniform(7, 9, 27))
    sim = make_simulation(scenario, cells=given, network=fibers)
    sim.write("segment_shed", rng.integers(0, 90, 3000, dtype=np.uint32))
    return sim


SOURCE = {"attractant": {"x": 160.0, "y": 100.0, "z": 100.0}}


def test_cues_give_no_speed(make_simulation):
    """Cells that cannot pull stay where they are to the bit, however much all cues together turn them."""
    idle = {"binding_rate": 0.0, "release_rate": 0.0, "contraction_speed": 0.0}
    sim = crowded(make_simulation, {"links": idle, "polarity": {}, **SOURCE, **CUES})
    hold(sim, np.arange(8))
    rest = sim.read("link_rest")
    sim.write("link_rest", rest + 100)  # slack, so that they guide but do not pull; what they bore is seen once
    begin, where = scenes.by_id(sim, "polarity"), sim.positions()
    sim.step(30)
    assert np.array_equal(sim.positions(), where) and not sim.read("displacement").any()
    assert ((scenes.by_id(sim, "polarity") - begin) ** 2).sum(1).min() > 0.01


def test_without_weight_a_cue_is_as_if_it_did_not_exist(make_simulation):
    """Cells that push, pull, crawl and bind: the same bits of all that persists; with any weight, others."""
    terms = {"contact": {}, "crawl": {"far_distance": 1.1}, "polarity": {}, "noise": {"diffusion": 0.2},
             "links": {"binding_rate": 3.0, "contraction_speed": 2.0}, "neighbors": {"skin": 0.4}}  # fmt: skip

    def run(law: dict[str, Any]) -> str:
        sim = crowded(make_simulation, terms | law)
        sim.step(25)
        assert sim.status["rebuilds"] > 2
        return sim.state_hash()

    never = run({})
    assert run({**SOURCE, **OFF}) == never
    for name, law in CUES.items():
        assert run({**SOURCE, **OFF, name: law}) != never, name


def test_chemotaxis_needs_an_attractant():
    with pytest.raises(InputError, match=r"needs attractant, which is not there; add a section \[terms.attractant\]"):
        Scenario.from_table(scenes.table({"chemotaxis": {}}))
