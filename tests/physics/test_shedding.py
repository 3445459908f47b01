"""Integrins that cells leave on fibers: what links take and leave, by exact draws; decay; balance; what raises it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from reference import draws, networks, scenes

from physim.analysis.integrin_balance import IntegrinBalance, integrin_balance
from physim.errors import InputError
from physim.terms import REGISTRY

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
STEP, SEGMENTS, CELLS, SEED = 0.1, 40, 200, 1
STILL = {"binding_rate": 0.0, "contraction_speed": 0.0, "release_rate": 0.0, "reach": 200.0, "shortest": 0.0}
"""Links that do nothing by themselves."""
LAW = {"per_cell": 900, "per_link": 70, "ripping_ratio": 0.3, "ripping_force": 2.0, "decay_rate": 0.0,
       "synthesis_rate": 0.0, "interval": STEP}  # fmt: skip


def exact(found: IntegrinBalance) -> bool:
    return found.surface + found.bound + found.shed + found.degraded == found.initial + found.synthesised


def whole_numbers(x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x rounded up with the probability of its fraction, by draws u; and where fp32 can tell."""
    return np.floor(x) + (u <= x - np.floor(x)), np.abs(x - np.floor(x) - u) > 1e-3


def table(terms: dict[str, Any], **options: Any) -> dict[str, Any]:
    return scenes.table({"drag": {"coefficient": 1e12}, **terms}, step=STEP, seed=SEED, collagen=True, **options)


@pytest.fixture
def pulling(make_simulation) -> SimpleNamespace:
    """200 cells that stand still, with 8 links each under 0 to 12 nN on 40 segments; their integrins have bound."""
    random = np.random.default_rng(3)
    begin = random.uniform(90, 110, (SEGMENTS, 3))
    fibers = scenes.network(begin, begin + random.normal(size=(SEGMENTS, 3)))
    given = scenes.cells(random.uniform(60, 140, (CELLS, 3)), integrin=random.uniform(0.2, 3, CELLS))
    sim = make_simulation(table({"links": {**STILL, "slots": 8}, "shedding": LAW}), cells=given, network=fibers)
    segment = random.integers(0, SEGMENTS, (8, CELLS))
    length = np.linalg.norm(fibers.midpoints[segment] - sim.box.to_micron(sim.read("position")), axis=2)
    sim.write("link_segment", segment.astype(np.uint32) + 1)
    sim.write("link_at", np.full((8, CELLS), 0.5, np.float32))
    sim.write("link_rest", (length - random.uniform(0, 6, (8, CELLS))).astype(np.float32))
    sim.step()
    return SimpleNamespace(sim=sim, random=random, given=given)


def test_links_take_what_there_is_on_the_surface(pulling):
    """Slot by slot, 70 each, until none is left; what a cell has is 900 times its level."""
    first = np.rint(900 * scenes.by_id(pulling.sim, "integrin")).astype(int)
    taken = np.diff(np.minimum(70 * np.arange(9)[:, None], first), axis=0)
    np.testing.assert_array_equal(scenes.by_id(pulling.sim, "anchored"), taken)
    np.testing.assert_array_equal(scenes.by_id(pulling.sim, "integrin_surface"), first - taken.sum(0))
    assert (taken < 70).any() and (taken == 0).any()
    found = integrin_balance(pulling.sim)
    assert found.initial == first.sum() and found.bound == taken.sum() and exact(found)


def test_links_that_let_go_leave_their_share(pulling):
    """n q/(1 + q), q = 0.3 exp(F/2), each by its own draw; the rest is on the surface again, and taken by new links."""
    sim = pulling.sim
    order = np.argsort(sim.read("id"))
    n, force, surface = (sim.read(name)[..., order].astype(float) for name in
                         ("anchored", "anchored_force", "integrin_surface"))  # fmt: skip
    np.testing.assert_allclose(force, sim.read("link_force")[:, order])
    assert force.max() > 11 and (force > 0).mean() > 0.9
    gone = pulling.random.random((8, CELLS)) < 0.5
    elsewhere = ~gone & (pulling.random.random((8, CELLS)) < 0.2)  # let go, and bind the same segment at another place
    there = sim.read("link_segment")[:, order]
    segment, at = np.where(gone, 0, there), np.where(elsewhere, 0.25, 0.5)
    back = np.argsort(order)
    sim.write("link_segment", segment[:, back].astype(np.uint32))
    sim.write("link_at", at[:, back].astype(np.float32))
    ids, slots = np.arange(CELLS)[None, :], np.arange(8)[:, None]
    u = draws.uniforms(ids, slots, sim.step_count, draws.SHEDDING, SEED)[..., 0]
    q = LAW["ripping_ratio"] * np.exp(force / LAW["ripping_force"])
    stay, clear = whole_numbers(n * q / (1 + q), u)
    free = gone | elsewhere
    assert clear[free].mean() > 0.99
    sim.step()
    held = sim.read("link_segment")[:, order] > 0
    assert (held == ~gone).all(), "nothing else lets go"
    certain = (clear | ~free).all(0)
    room = surface.copy()
    for slot in range(8):
        room += np.where(free[slot], n[slot] - stay[slot], 0)
        n[slot] = np.where(elsewhere[slot], np.minimum(70, room), np.where(gone[slot], 0, n[slot]))
        room -= np.where(elsewhere[slot], n[slot], 0)
    np.testing.assert_array_equal(scenes.by_id(sim, "anchored")[:, certain], n[:, certain])
    np.testing.assert_array_equal(scenes.by_id(sim, "integrin_surface")[certain], room[certain])
    wanted = np.bincount(there[free] - 1, stay[free], SEGMENTS)
    assert np.abs(sim.read("segment_shed") - wanted).max() <= (free & ~clear).sum()
    found = integrin_balance(sim)
    assert abs(found.left - stay[free].sum()) <= (free & ~clear).sum() and found.shed == found.left > 0
    assert exact(found) and found.synthesised == found.degraded == 0
    assert found.share_left == found.left / (found.left + found.returned)


def test_what_is_shed_decays_and_goes_with_cut_segments(pulling, make_simulation):
    """1 - exp(-k_d t) of n in each interval, each segment by its own draw; all of it on a segment that is cut."""
    random, law = pulling.random, {**LAW, "decay_rate": 0.8, "interval": 2 * STEP}
    sim = make_simulation(table({"links": STILL, "shedding": law}), cells=pulling.given, network=pulling.sim.network)
    n, area = random.integers(0, 500, SEGMENTS), np.full(SEGMENTS, 2**24)
    area[::5] = 0
    sim.write("segment_shed", n.astype(np.uint32))
    sim.write("segment_area", area.astype(np.uint32))
    sim.step()
    np.testing.assert_array_equal(sim.read("segment_shed"), np.where(area > 0, n, 0))
    u = draws.uniforms(np.arange(SEGMENTS), 0, sim.step_count, draws.DECAY, SEED)[:, 0]
    lost, clear = whole_numbers(-np.expm1(-0.8 * 2 * STEP) * n, u)
    sim.step()
    left = np.where(area > 0, n - lost, 0)
    np.testing.assert_array_equal(sim.read("segment_shed")[clear], left[clear])
    assert clear.all() and integrin_balance(sim).degraded == (n - left).sum()


def test_cells_make_up_for_what_they_lost(pulling):
    """1 - exp(-k_s t) of what is missing, in links and on the surface together; never more."""
    sim = pulling.sim.copy(["terms.shedding.synthesis_rate=2"])
    full = np.rint(900 * scenes.by_id(sim, "integrin")).astype(int)
    sim.write("integrin_surface", np.zeros(CELLS, np.uint32))
    bound = scenes.by_id(sim, "anchored").sum(0)
    u = draws.uniforms(np.arange(CELLS), 0, sim.step_count, draws.SYNTHESIS, SEED)[:, 0]
    made, clear = whole_numbers(-np.expm1(-2 * STEP) * (full - bound), u)
    sim.step()
    np.testing.assert_array_equal(scenes.by_id(sim, "integrin_surface")[clear], made[clear])
    assert clear.mean() > 0.98 and made.sum() > 1000
    sim.step(200)
    np.testing.assert_array_equal(scenes.by_id(sim, "integrin_surface") + scenes.by_id(sim, "anchored").sum(0), full)


def test_daughters_bring_theirs_and_the_departed_let_go(pulling, make_simulation):
    terms = {"links": {**STILL, "slots": 8}, "shedding": LAW, "budding": {"period": 1000}}
    sim = make_simulation({**table(terms), "own_terms": [OWN]}, cells=pulling.given, network=pulling.sim.network)
    for name in ("link_segment", "link_at", "link_rest"):
        sim.write(name, scenes.by_id(pulling.sim, name)[:, sim.read("id")])
    sim.step()
    begin, mother, leaving = integrin_balance(sim), 7, 11
    bud = np.zeros((CELLS, 4), np.float32)
    bud[sim.read("id") == mother] = 5, 0, 0, 1
    sim.write("bud", bud)
    sim.write("departed", (sim.read("id") == leaving).astype(np.uint32))
    bound = scenes.by_id(sim, "anchored").astype(int)
    sim.step()
    found, level = integrin_balance(sim), scenes.by_id(sim, "integrin")
    assert sim.status["rows"] == CELLS + 1 and sim.status["cells"] == CELLS
    assert found.synthesised == scenes.by_id(sim, "integrin_surface")[CELLS] == np.rint(900 * level[mother])
    assert exact(begin) and exact(found)
    assert found.bound == begin.bound - bound[:, leaving].sum() > 0, "nobody else lets go"
    assert found.left + found.returned == bound[:, leaving].sum() > 0
    assert not scenes.by_id(sim, "anchored")[:, [leaving, CELLS]].any()


@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
def test_balance_is_exact_while_cells_move_cut_divide_and_leave(make_simulation, moving):
    """At each of 25 looks over 200 steps, or 6 over 30, with all that can happen to an integrin."""
    quick = {"decay_rate": 0.2, "synthesis_rate": 0.1, "ripping_ratio": 0.5, "interval": 0.2, "ligand_gain": 2.0}
    terms = {"contact": {}, "polarity": {}, "noise": {"diffusion": 1.0}, "steric": {}, "budding": {"period": 30},
             "links": {"binding_rate": 5.0, "release_rate": 0.5}, "shedding": quick,
             "proteolysis": {"rate": 1.0, "interval": 0.3}}  # fmt: skip
    terms |= {"network": {}} if moving else {}
    lattice = np.stack(np.meshgrid([15.0, 45.0], [15.0, 45.0], [15.0, 45.0]), -1).reshape(-1, 3)
    given = scenes.cells(lattice, 7.0, integrin=np.linspace(0.5, 2, 8)) | {"mmp": np.ones(8, np.float32)}
    given["position"][0, 0] = 0.5  # near an open face
    scenario = {**scenes.table(terms, 60.0, collagen=True), "own_terms": [OWN]}
    sim = make_simulation(scenario, cells=given, network=networks.gel(periodic=False))
    for _ in range(6 if moving else 25):
        sim.step(5 if moving else 8)
        assert exact(integrin_balance(sim))
    found = integrin_balance(sim)
    assert min(vars(found).values()) > 0 and found.left > found.shed
    assert sim.status["departed"] > 0 and sim.status["rows"] > 8 and sim.status["links_released"] > 100
    print(found, {k: sim.status[k] for k in ("departed", "rows", "links_released")})
    cut = sim.read("segment_area") == 0
    assert cut.sum() > 20 and not sim.read("segment_shed")[cut].any()


def share_left(make_simulation, level: float = 1.0, links: dict[str, float] | None = None, **law: float) -> float:
    """Of the integrins of links that let go: 32 cells that hold still and pull for 400 min, many lives of a link."""
    random = np.random.default_rng(2)
    begin = random.uniform(60, 140, (12_000, 3))
    fibers = scenes.network(begin, begin + random.normal(size=(12_000, 3)))
    given = scenes.cells(random.uniform(80, 120, (32, 3)), integrin=level)
    terms = {"links": links or {}, "shedding": law}
    sim = make_simulation({**table(terms), "run": {"duration": 1000.0, "step": 0.5}}, cells=given, network=fibers)
    sim.step(800)
    found = integrin_balance(sim)
    assert exact(found) and sim.status["links_released"] > 100
    return found.share_left


def test_the_share_that_is_left_rises_with_the_strength_of_adhesion(make_simulation):
    """With the integrin level, and with the force that links bear: 10 to 90 % are within reach."""
    assert REGISTRY["links"]().release_force == 5.0, "so the middle of both is one"
    low, middle, high = (share_left(make_simulation, level) for level in (0.25, 1, 4))
    weak, strong = (share_left(make_simulation, links={"release_force": force}) for force in (1.0, 20.0))
    of_level, of_force = [low, middle, high], [weak, middle, strong]
    print("by level", np.round(of_level, 3), "by release force", np.round(of_force, 3))
    assert (np.diff(of_level) > 0.015).all() and (np.diff(of_force) > 0.03).all()
    weak = share_left(make_simulation, 0.25, ripping_ratio=0.02)
    strong = share_left(make_simulation, 4, ripping_ratio=1.0)
    print("weakest", weak, "strongest", strong)
    assert weak < 0.1 and strong > 0.9


def test_without_ripping_nothing_is_left(make_simulation):
    assert share_left(make_simulation, ripping_ratio=0.0) == 0


def test_counting_changes_nothing_without_gain(make_simulation):
    """Cells and links are those of a run without the term, to the bit; with gain they are others."""
    random = np.random.default_rng(2)
    begin = random.uniform(60, 140, (6000, 3))
    fibers = scenes.network(begin, begin + random.normal(size=(6000, 3)))
    given = scenes.cells(random.uniform(80, 120, (30, 3)))
    terms = {"contact": {}, "polarity": {}, "links": {"release_rate": 0.2, "binding_rate": 3.0}}
    laws: list[dict[str, Any]] = [{}, {"shedding": {}}, {"shedding": {"ligand_gain": 5.0}}]
    sims = [make_simulation(scenes.table(terms | law, collagen=True), cells=given, network=fibers) for law in laws]
    for sim in sims:
        sim.step(60)
    alike = [[np.array_equal(scenes.by_id(sims[0], name), scenes.by_id(sim, name)) for name in
              ("position", "link_segment", "link_at", "link_rest", "link_force")] for sim in sims[1:]]  # fmt: skip
    assert all(alike[0]) and not any(alike[1])
    assert "integrin_surface" not in sims[0].buffers
    with pytest.raises(InputError, match="it needs the term shedding"):
        integrin_balance(sims[0])


def test_it_needs_links():
    assert REGISTRY["shedding"].needs == ("collagen", "links")
