"""What is cut and what breaks and binds anew: which, by exact draws and brute force; forces then; balance; turning."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from reference import draws, gels, scenes
from reference.network import Network
from test_network_invariance import QUARTER, SIZE, patch, turned
from test_network_reference import DRAG, STEP, gel

from physim.generate.fiber_network import FiberNetwork, runs
from physim.terms import REGISTRY

WHOLE = 2**24
OFF: dict[str, Any] = {"release_rate": 0.0, "binding_rate": 0.0, "interval": STEP}
"""Turnover that does nothing, each step."""
NOW = 1e9
"""1/min: within the step, for certain."""


def tally(sim: Any) -> list[int]:
    """Taken by cells, dissolved loose, deposited: 2^-36 um of whole fiber."""
    low, high = sim.read("matrix_tally").astype(object).reshape(3, 2).T
    return [int(a) + (int(b) << 32) for a, b in zip(low, high, strict=True)]


def present(sim: Any) -> int:
    return int((sim.read("segment_area").astype(object) * sim.read("segment_length").astype(object)).sum())


def pieces_that_stay(net: FiberNetwork, area: np.ndarray, bound: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(M,) areas of which loose pieces of cut chains are gone: no crosslink, no held node."""
    left, area = area > 0, area.copy()
    piece = np.full(len(left), -1)
    piece[left] = runs(net.segment_fiber, left)
    segments = np.bincount(piece[left])
    whole = np.bincount(net.segment_fiber)[net.segment_fiber]
    firm = np.zeros(len(segments), bool)
    firm[piece[left & (segments[piece] == whole)]] = True
    firm[piece[left & held[net.segments].any(1)]] = True
    joined = piece[net.crosslinks[bound]]
    firm[joined[(joined >= 0).all(1)].ravel()] = True
    area[left & ~firm[piece]] = 0
    return area


def spans(net: FiberNetwork, area: np.ndarray) -> np.ndarray:
    """(F, 2) first and last node of what is left of the fibers."""
    left = area > 0
    piece = runs(net.segment_fiber, left)
    first = np.concatenate([[0], np.flatnonzero(np.diff(piece)) + 1])
    last = np.concatenate([np.flatnonzero(np.diff(piece)), [len(piece) - 1]])
    return np.stack([net.segments[left][first, 0], net.segments[left][last, 1]], 1)


@pytest.fixture
def worn(make_simulation) -> SimpleNamespace:
    """A gel of 3,000 nodes, thinned at random, one segment in eight cut, a fifth of crosslinks open; a step old."""
    net, random = gel(), np.random.default_rng(4)
    terms = {"turnover": OFF, "proteolysis": {"rate": 0.0}}
    sim = gels.gel(make_simulation, net, step=STEP, terms=terms, wake_force=0.0)
    area = np.where(random.random(len(net.segments)) < 0.125, 0, random.integers(WHOLE // 10, WHOLE, len(net.segments)))
    bound = random.random(len(net.crosslinks)) < 0.8
    sim.write("segment_area", area.astype(np.uint32))
    sim.write("crosslink_bound", bound.astype(np.uint32))
    sim.step()
    return SimpleNamespace(sim=sim, net=net, area=area, bound=bound, held=sim.read("node_held").astype(bool),
                           random=random)  # fmt: skip


def test_loose_pieces_dissolve_and_each_other_piece_is_a_fiber(worn):
    w = worn
    wanted = pieces_that_stay(w.net, w.area, w.bound, w.held)
    np.testing.assert_array_equal(w.sim.read("segment_area"), wanted)
    gone = int(((w.area - wanted).astype(object) * w.sim.read("segment_length").astype(object)).sum())
    assert gone > 0 and tally(w.sim) == [0, gone, 0]
    found = w.sim.read("fiber_span")[: w.sim.status["fibers"], :3]
    np.testing.assert_array_equal(found[:, :2], spans(w.net, wanted))
    np.testing.assert_array_equal(found[:, 2], found[:, 0] - np.searchsorted(w.net.segments[:, 0], found[:, 0]))
    assert len(found) > 1.2 * w.net.fibers
    np.testing.assert_array_equal(w.sim.read("crosslink_bound"), w.bound & (wanted[w.net.crosslinks] > 0).all(1))


def test_forces_and_stiffness_of_thinned_and_cut_fibers_are_those_of_the_reference(worn):
    w = worn
    gels.place(w.sim, w.net.nodes + np.where(w.held[:, None], 0, w.random.normal(0, 0.05, w.net.nodes.shape)))
    w.sim.write("node_velocity", np.zeros((len(w.net.nodes), 4), np.float32))
    found, elastic, x = gels.forces(w.sim), gels.reference(w.sim), w.sim.fiber_nodes()
    wanted = np.where(w.held[:, None], 0, elastic.forces(x))
    assert np.abs(found - wanted).max() < 1e-6 * np.abs(wanted).max()
    found, wanted = products(w.sim, elastic, w.random)
    span = w.sim.read("fiber_span")[: w.sim.status["fibers"], :2]
    lone = np.concatenate([np.arange(a, b + 1) for a, b in span if b - a == 2])  # one bend: it may turn about itself
    error = np.abs(found - wanted).max(1)
    assert np.delete(error, lone).max() < 1e-6 * np.abs(wanted).max()
    assert len(lone) < 0.2 * len(x) and error.max() < 1e-4 * np.abs(wanted).max()


def products(sim: Any, elastic: Network, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) stiffness times a random direction, on the device and in float64, for the nodes that are free."""
    x = sim.fiber_nodes()
    used = np.unique(sim.network.segments[gels.area(sim) > 0])
    free = np.isin(np.arange(len(x)), used) & (sim.read("node_held") == 0)
    direction = np.where(free[:, None], random.normal(size=x.shape), 0).astype(np.float32)
    sim._put("node_direction", np.pad(direction, ((0, 0), (0, 1))))
    gels.enqueue(sim, "iteration", "swing_fibers", "multiply_cells", "multiply_fibers", "couple_cells")
    d = direction.astype(float)
    product = elastic.drags(DRAG)[:, None] * d + STEP * (elastic.newton(x) @ d.ravel()).reshape(-1, 3)
    return np.where(free[:, None], sim.read("node_product")[:, :3], 0), np.where(free[:, None], product, 0)


def deformed(make_simulation, net: FiberNetwork, size: float, **turnover: float) -> tuple[Any, np.random.Generator]:
    """A gel off its rest by `size`, um, and held there, with this turnover at each step."""
    random = np.random.default_rng(5)
    sim = gels.gel(make_simulation, net, step=STEP, terms={"turnover": OFF | turnover}, wake_force=0.0)
    gels.hold(sim, np.ones(len(net.nodes)))
    gels.place(sim, net.nodes + random.normal(0, size, net.nodes.shape))
    return sim, random


def test_crosslinks_break_as_bell_says(make_simulation):
    """Each by its own draw: 1 - exp(-k0 exp(F/F_b) t), with F of the reference."""
    net, law = gel(), {"release_rate": 0.02, "release_force": 5.0}
    sim, _ = deformed(make_simulation, net, 0.05, **law)
    force = np.linalg.norm(gels.reference(sim).grips(sim.fiber_nodes()), axis=1)
    rate = law["release_rate"] * np.exp(force / law["release_force"])
    chance = -np.expm1(-rate * STEP)
    u = draws.uniforms(np.arange(len(force)), 0, sim.step_count, draws.TURNOVER, sim.scenario.run.seed)[:, 0]
    sim.step()
    clear = np.abs(u - chance) > 1e-5
    breaks = u <= chance
    np.testing.assert_array_equal(sim.read("crosslink_bound")[clear], ~breaks[clear])
    without = (u <= -np.expm1(-law["release_rate"] * STEP)).sum()
    assert clear.mean() > 0.99 and breaks.sum() > 20 + 4 * without, "force matters"


def distances(x: np.ndarray, net: FiberNetwork, segment: int, at: float) -> np.ndarray:
    """(M,) um from a site to all segments of other fibers."""
    begin, end = x[net.segments].swapaxes(0, 1)
    site = (1 - at) * begin[segment] + at * end[segment]
    along = np.clip(((site - begin) * (end - begin)).sum(1) / ((end - begin) ** 2).sum(1), 0, 1)
    apart = np.linalg.norm(begin + along[:, None] * (end - begin) - site, axis=1)
    apart[net.segment_fiber == net.segment_fiber[segment]] = np.inf
    return apart


@pytest.mark.parametrize("capture", [0.02, 0.2])
def test_free_sites_bind_the_nearest_other_fiber_and_rest_as_they_are(make_simulation, capture):
    """Forces are judged where all have bound: the turn of a fiber that nothing holds is not one."""
    net = gel()
    sim, random = deformed(make_simulation, net, 0.02, binding_rate=NOW, capture=capture)
    was_bound = random.random(len(net.crosslinks)) < 0.5
    sim.write("crosslink_bound", was_bound.astype(np.uint32))
    gels.forces(sim)  # frames of the fibers as they are
    sim._put("crosslink_bound", was_bound.astype(np.uint32))
    x, frames = sim.fiber_nodes(), sim.read("fiber_frame").reshape(-1, 3, 4)[: net.fibers, :, :3]
    at = np.clip(sim.read("crosslink_at")[:, 0].astype(float), 0, 1)
    apart = np.stack([distances(x, net, s, t) for s, t in zip(net.crosslinks[:, 0], at, strict=True)])
    sim.step()
    segments, bound = sim.read("crosslink_segments"), sim.read("crosslink_bound").astype(bool)
    new = ~was_bound & (apart.min(1) < capture)
    np.testing.assert_array_equal(bound, was_bound | new)
    np.testing.assert_array_equal(segments[:, 0], net.crosslinks[:, 0], "the site stays")
    np.testing.assert_array_equal(segments[~new, 1], net.crosslinks[~new, 1])
    np.testing.assert_allclose(apart[new, segments[new, 1]], apart[new].min(1), atol=1e-5)  # two may meet at a node
    assert 20 < new.sum() < 250 if capture < 0.1 else bound.all()
    if capture < 0.1:
        return
    assert (segments[new, 1] != net.crosslinks[new, 1]).sum() > 5
    elastic = gels.reference(sim, formed=(new, x, frames))
    assert np.abs(elastic.grips(x)[new[bound]]).max() < 1e-6, "no force at the gap of now"
    gels.hold(sim, np.zeros(len(net.nodes)))
    for size in (0.0, 0.01):
        gels.place(sim, x + random.normal(0, 1, x.shape) * size)
        wanted = elastic.forces(sim.fiber_nodes())
        assert np.abs(gels.forces(sim) - wanted).max() < 2e-6 * np.abs(wanted).max()
    found, wanted = products(sim, elastic, random)
    assert np.abs(found - wanted).max() < 2e-6 * np.abs(wanted).max()


def remodelled(make_simulation) -> tuple[Any, FiberNetwork]:
    """A patch at rest, all of whose crosslinks have bound anew, with one segment in ten cut; nothing held."""
    net, random = patch(), np.random.default_rng(6)
    turnover = {**OFF, "binding_rate": NOW, "capture": 1.5}
    sim = gels.gel(make_simulation, net, terms={"turnover": turnover, "proteolysis": {"rate": 0.0}}, **gels.EXACT)
    area = np.where(random.random(len(net.segments)) < 0.1, 0, WHOLE // 2).astype(np.uint32)
    gels.hold(sim, np.ones(len(net.nodes)))
    sim.write("segment_area", area)
    sim.write("crosslink_bound", np.zeros(len(net.crosslinks), np.uint32))
    sim.step()
    gels.hold(sim, np.zeros(len(net.nodes)))
    changed = (sim.read("crosslink_segments") != net.crosslinks).any(1) & sim.read("crosslink_bound").astype(bool)
    assert changed.sum() > 10 and sim.status["fibers"] > 1.2 * net.fibers
    return sim, net


@pytest.mark.parametrize("quarters", [1, 2])
def test_remodelled_patch_that_is_turned_bears_no_force(make_simulation, quarters):
    """By exactly 90 and 180 degrees, at one blow. What bound anew rests at a gap given by three doubles."""
    sim, net = remodelled(make_simulation)
    assert np.abs(gels.forces(sim)).max() < 1e-9
    rotation = np.linalg.matrix_power(QUARTER, quarters)
    gels.place(sim, turned(net, rotation))
    assert np.abs(gels.forces(sim)).max() < 1e-9
    gels.place(sim, net.nodes + 0.01 * np.random.default_rng(1).normal(size=net.nodes.shape))
    assert np.abs(gels.forces(sim)).max() > 1


def test_forces_and_torques_of_a_remodelled_free_network_sum_to_nothing(make_simulation):
    sim, net = remodelled(make_simulation)
    gels.place(sim, net.nodes + 0.1 * np.random.default_rng(1).normal(size=net.nodes.shape))
    force = gels.forces(sim)
    torque = np.cross(sim.fiber_nodes() - SIZE / 2, force)
    assert np.abs(force.sum(0)).max() < 1e-6 * np.abs(force).max()
    assert np.abs(torque.sum(0)).max() < 1e-6 * np.abs(torque).max()


CELLS = np.array([[20.0, 20, 20], [44, 40, 20], [22, 44, 41], [24, 20, 20]])
FRONT = np.array([[1.0, 0, 0], [0, 0.6, -0.8], [-0.6, 0.8, 0], [0.8, 0, 0.6]])


def cutters(make_simulation, moving: bool = True, **law: float) -> Any:
    """Four cells, the last of which overlaps the first, that cut each step; the third has no collagenase."""
    cells = scenes.cells(CELLS, np.array([8.4, 7, 8, 8.4])) | {"mmp": np.array([1, 0.5, 0, 2], np.float32)}
    terms = {"proteolysis": {"rate": 1.0, "interval": STEP, **law}, "neighbors": {"skin": 0.5}}
    terms |= {"network": {}} if moving else {}
    sim = make_simulation(scenes.table(terms, SIZE, step=STEP, collagen=True), cells=cells, network=gel())
    sim.write("polarity", np.pad(FRONT, ((0, 0), (0, 1)))[sim.read("id")].astype(np.float32))
    return sim


def lysed(sim: Any, law: Any) -> np.ndarray:
    """(M,) relative area taken in one step: rate x time x the share of each segment that is near and in front."""
    taken, mmp, radius = np.zeros(len(sim.network.segments)), scenes.by_id(sim, "mmp"), scenes.by_id(sim, "radius")
    begin, end = sim.fiber_nodes()[sim.network.segments].swapaxes(0, 1)
    t = (np.arange(4000) + 0.5)[:, None] / 4000
    for k, centre in enumerate(sim.box.to_micron(scenes.by_id(sim, "position"))):
        near = np.linalg.norm(0.5 * (begin + end) - centre, axis=1) < radius[k] + 4
        for s in np.flatnonzero(near):
            r = (1 - t) * begin[s] + t * end[s] - centre
            inside = (np.linalg.norm(r, axis=1) < radius[k] + law.reach) & (r @ FRONT[k] > 0)
            taken[s] += min(law.rate * mmp[k] * STEP, 1) * inside.mean()
    return taken


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "held"])
def test_cells_thin_what_is_near_and_in_front(make_simulation, moving):
    sim = cutters(make_simulation, moving)
    law = REGISTRY["proteolysis"](rate=1.0, interval=STEP)
    before, wanted = present(sim), lysed(sim, law)
    sim.step()
    found = 1 - sim.read("segment_area") / WHOLE
    assert np.abs(found - wanted).max() < 3 / 4000 * 0.3
    assert (found > 0.05).sum() > 20 and found.max() > 0.2, "what two cells take adds up"
    assert present(sim) + sum(tally(sim)[:2]) == before and tally(sim)[1:] == [0, 0]


def test_thin_segments_give_way_and_the_balance_is_exact(make_simulation):
    sim = cutters(make_simulation, severed=0.5)
    before, crosslinks = present(sim), sim.network.crosslinks
    sim.step(12)
    area, counts = sim.read("segment_area"), tally(sim)
    assert present(sim) + counts[0] + counts[1] == before and counts[1] > 0
    assert (area == 0).sum() > 20 and area[area > 0].min() >= WHOLE // 2
    on_cut = (area[crosslinks] == 0).any(1)
    bound = sim.read("crosslink_bound").astype(bool)
    assert on_cut.any() and not bound[on_cut].any() and bound[~on_cut].all()
    moved = np.linalg.norm(sim.fiber_nodes() - sim.network.nodes, axis=1)
    assert moved.max() < 1e-4, "nothing pulls: what has been thinned rests as before"


def test_sideways_shifts_where_cells_cut(make_simulation):
    """At right angles to the polarity, by as much as is said."""
    sim = cutters(make_simulation, sideways=15.0)
    sim.step()
    cut = np.flatnonzero(sim.read("segment_area") < WHOLE)
    middle = sim.fiber_nodes()[sim.network.segments[cut]].mean(1)
    distance = np.linalg.norm(middle[:, None] - CELLS, axis=2)
    assert len(cut) > 10
    assert (distance.min(1) > 5).all(), "none at a cell's front"


def test_cells_without_collagenase_cut_nothing(make_simulation):
    sim = cutters(make_simulation)
    sim.write("mmp", np.zeros(sim.shape("mmp"), np.float32))
    sim.step(5)
    assert (sim.read("segment_area") == WHOLE).all() and tally(sim) == [0, 0, 0]


