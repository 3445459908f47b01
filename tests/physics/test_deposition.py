"""Fibers that cells lay down: by which cells and where, at rest and without force, found by cells; counted exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import draws, gels, scenes
from test_network_invariance import QUARTER, SIZE, patch
from test_network_reference import STEP
from test_remodeling import distances

from physim.analysis.matrix_balance import matrix_balance
from physim.errors import InputError
from physim.frame_files import write_fibers
from physim.operations import keep_void, pristine, refill
from physim.state import ARRAYS
from physim.terms import REGISTRY
from physim.vtk_files import read

WHOLE = 2**24
ALWAYS = 1e9
"""1/min: a fiber in each interval, where there is room."""
LATTICE = 12.0 + 20.0 * np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)


def table(moving: bool, terms: dict[str, Any], boundary: Any = "open", **law: float) -> dict[str, Any]:
    """A scenario of cells that rest and lay fibers down in each step."""
    laws = {"deposition": {"interval": STEP, "length": 11.0, "anchors": 0, "reserve": 40, **law}, **terms}
    laws |= {"network": {"wake_force": 0.0}} if moving else {}
    return scenes.table(laws, SIZE, step=STEP, collagen=True, boundary=boundary)


def layers(make_simulation: Any, net: Any, *, moving: bool = True, centres: Any = LATTICE, radius: Any = 3.0,
           level: Any = 1.0, terms: Any = None, boundary: Any = "open", **law: float) -> Any:  # fmt: skip
    cells = scenes.cells(centres, radius, 1.0)
    cells["secretion"] = np.broadcast_to(level, len(cells["id"])).astype(np.float32)
    return make_simulation(table(moving, terms or {}, boundary, **law), cells=cells, network=net)


def balanced(sim: Any) -> Any:
    found = matrix_balance(sim)
    assert found.present + found.taken + found.dissolved == found.initial + found.deposited
    return found


def laid(sim: Any) -> int:
    return sim.status["chains"] - sim.network.made.fibers


def beside(sim: Any, step: int, law: Any) -> tuple[np.ndarray, np.ndarray]:
    """By row of the state: draws (n,) that decide; both ends (n, 2, 3) um of the fibers, not wrapped."""
    u = draws.uniforms(sim.read("id"), 0, step, draws.DEPOSITION, sim.scenario.run.seed)
    p = sim.read("polarity")[:, :3].astype(float)
    w = 1 + np.log(u[:, 1] + (1 - u[:, 1]) * np.exp(-2 * law.focus)) / law.focus
    along = w[:, None] * p + np.sqrt(1 - w**2)[:, None] * around(p, u[:, 2])
    middle = sim.box.to_micron(sim.read("position"))
    middle += (sim.read("radius") + law.clearance)[:, None] * around(along, u[:, 3])
    return u[:, 0], middle[:, None] + 0.5 * law.length * np.stack([-along, along], axis=1)


def around(axis: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 3) at right angles to others, turned about them by so many turns."""
    other = np.where(np.abs(axis[:, :1]) < 0.6, [[1.0, 0, 0]], [[0, 1.0, 0]])
    e = np.cross(axis, other)
    e /= np.linalg.norm(e, axis=1)[:, None]
    angle = 2 * np.pi * turn[:, None]
    return np.cos(angle) * e + np.sin(angle) * np.cross(axis, e)


def depth(sim: Any, ends: np.ndarray) -> np.ndarray:
    """(n,) um by which straight lines reach into a cell, or out of an open box, at most; below 0 where they do not."""
    line = ends[:, :1] + np.linspace(0, 1, 3001)[None, :, None] * (ends[:, 1:] - ends[:, :1])
    there = sim.box.to_micron(sim.read("position"))
    apart = sim.network.box.image(line[:, :, None] - there)
    inside = (sim.read("radius") - np.linalg.norm(apart, axis=3)).max((1, 2))
    out = np.where(sim.box.periodic, -np.inf, np.maximum(-ends, ends - SIZE).max(1)).max(1)
    return np.maximum(inside, out)


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "held"])
def test_fibers_lie_where_the_draws_say(make_simulation, moving):
    """Beside their cells, in the order of rows, whole; none where there is no room. Against float64."""
    level = np.linspace(0, 3, 27)  # one cell lays none
    law = REGISTRY["deposition"](rate=6.0, length=11.0, interval=STEP, focus=2.0)
    net = patch()
    sim = layers(make_simulation, net, moving=moving, level=level, rate=6.0, focus=2.0, centres=LATTICE - 6,
                 radius=np.linspace(5, 9, 27), reserve=80)  # fmt: skip
    total = blocked = 0
    for step in range(3):
        before = balanced(sim).deposited
        sim.step()
        u, ends = beside(sim, step, law)
        chance = -np.expm1(-law.rate * level[sim.read("id")] * STEP)
        deep = depth(sim, ends)
        assert np.abs(u - chance).min() > 1e-6 and np.abs(deep).min() > 2e-3, "no case is close"
        due, room = u <= chance, deep < 0
        blocked += (due & ~room).sum()
        wanted = ends[due & room]
        assert sim.status["deposits_blocked"] == blocked and laid(sim) == total + len(wanted)
        first = net.fibers + total
        inside = (sim.network.segment_fiber >= first) & (sim.network.segment_fiber < first + len(wanted))
        segments = sim.network.segments[inside].reshape(len(wanted), -1, 2)
        nodes = sim.fiber_nodes()
        at = np.linspace(0, 1, segments.shape[1] + 1)[None, :, None]
        straight = wanted[:, :1] + at * (wanted[:, 1:] - wanted[:, :1])
        assert np.abs(nodes[segments[:, :, 0]] - straight[:, :-1]).max() < 1e-4
        assert np.abs(nodes[segments[:, -1, 1]] - straight[:, -1]).max() < 1e-4
        size = np.rint(4096 * np.linalg.norm(np.diff(nodes[segments], axis=2)[:, :, 0], axis=2)).astype(int)
        np.testing.assert_array_equal(sim.read("segment_length")[inside], size.ravel())
        assert (sim.read("segment_area")[inside] == WHOLE).all()
        assert balanced(sim).deposited - before == int(size.sum()) << 24
        total += len(wanted)
    assert total > 10 and blocked > 4
    assert not sim.read("segment_area")[sim.network.segment_fiber >= net.fibers + total].any()


def test_as_many_fall_due_as_the_rate_says(make_simulation):
    """1 - exp(-rate m t) of the cells in each interval, within three standard deviations; by their levels."""
    centres = 4.0 + 8.0 * np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for level in (1.0, 2.5):
        sim = layers(make_simulation, patch(), moving=False, centres=centres, radius=1.0, level=level, rate=0.5,
                     length=2.0, reserve=3000, boundary="periodic")  # fmt: skip
        sim.step(40)
        drawn, chance = 40 * len(centres), -np.expm1(-0.5 * level * STEP)
        due = laid(sim) + sim.status["deposits_blocked"]
        assert abs(due - drawn * chance) < 3 * np.sqrt(drawn * chance * (1 - chance))
        assert sim.status["deposits_refused"] == 0 and laid(sim) > 0.9 * due


def test_a_reserve_that_is_used_up_is_counted_and_nothing_else_happens(make_simulation):
    sim = layers(make_simulation, patch(), rate=ALWAYS, reserve=7)
    sim.step()
    balanced(sim)
    wishes = 27 - sim.status["deposits_blocked"]
    assert laid(sim) == 7 and sim.status["deposits_refused"] == wishes - 7 > 0
    sim.step()
    arrays = [name for name in sim.arrays if ARRAYS[name].persists and name not in ("node_velocity", "node_glide")]
    before = {name: sim.read(name) for name in arrays}
    sim.step(2)
    assert [name for name, values in before.items() if not np.array_equal(sim.read(name), values)] == []
    assert laid(sim) == 7 and sim.status["deposits_refused"] > wishes - 7
    assert sim.snapshot().counters["chains_laid"] == 7


def test_balance_is_exact_while_cells_cut_and_what_is_cut_grows_back(make_simulation):
    terms = {
        "proteolysis": {"rate": 3.0, "reach": 2.0, "interval": 2 * STEP},
        "repair": {"time": 2.0, "interval": STEP},
        "turnover": {"binding_rate": 5.0, "interval": STEP},
    }
    sim = layers(make_simulation, patch(), rate=1.0, terms=terms)
    for _ in range(12):
        sim.step()
        found = balanced(sim)
    made = sim.network.segment_fiber < sim.network.made.fibers
    thinned = (sim.read("segment_area") < WHOLE) & (sim.read("segment_length") > 0)
    assert found.taken > 0 and found.deposited > 0 and laid(sim) > 10
    assert thinned[made].any() and thinned[~made].any(), "cells cut what they have laid, too"
    in_reserve = sim.network.segment_fiber >= sim.status["chains"]
    assert in_reserve.any() and not sim.read("segment_area")[in_reserve].any(), "repair lays nothing of it"


def strained(make_simulation: Any, cut: float = 0.0, **law: float) -> Any:
    """A patch off its rest by 0.05 um, of which so much is cut; nothing has been laid down yet."""
    random, terms = np.random.default_rng(4), {"proteolysis": {"rate": 0.0}}
    terms |= {"deposition": {"rate": 0.0, "interval": STEP, "length": 11.0, "anchors": 0, "reserve": 40, **law}}
    sim = gels.gel(make_simulation, patch(), terms=terms, cells=scenes.cells(LATTICE, 3.0, 1.0), **gels.EXACT)
    area = sim.read("segment_area")
    sim.write("segment_area", np.where(random.random(len(area)) < cut, 0, area))
    gels.hold(sim, np.ones(sim.shape("node_held")))
    sim.step()
    gels.hold(sim, np.zeros(sim.shape("node_held")))
    x, made = sim.fiber_nodes(), len(sim.network.made.nodes)
    x[:made] += random.normal(0, 0.05, (made, 3))
    gels.place(sim, x)
    return sim


def with_deposits(sim: Any) -> Any:
    """The same with a fiber of each cell, in the next look at the forces; which lays no more."""
    other = sim.copy([f"terms.deposition.rate={ALWAYS} 1/min"])
    gels.forces(other)
    assert laid(other) > 15
    return other.copy(["terms.deposition.rate=0 1/min"])


def fresh(sim: Any) -> np.ndarray:
    """Nodes of what has been laid down."""
    return np.unique(sim.network.first(sim.status["chains"]).segments[len(sim.network.made.segments) :])


@pytest.mark.parametrize("cut", [0.0, 0.2], ids=["whole", "cut"])
def test_new_fibers_bear_no_force_and_change_none(make_simulation, cut):
    """In a gel under load, to which they are crosslinked; and bear load when they are moved.

    Where fibers are cut, their pieces have the rows, with frames that have turned, that new ones are told in.
    """
    sim = strained(make_simulation, cut, capture=4.0)
    assert (sim.status["fibers"] > sim.status["chains"] + 40) == (cut > 0)
    before, other = gels.forces(sim), with_deposits(sim)
    after, new = gels.forces(other), fresh(other)
    used = np.setdiff1d(np.unique(sim.network.segments[gels.area(other) > 0]), new)  # what was loose has dissolved
    before = before[used]
    assert other.status["crosslinks_formed"] > 20
    assert np.abs(after[used] - before).max() < 1e-6 * np.abs(before).max()
    assert np.abs(after[new]).max() < 1e-6 * np.abs(before).max()
    x = other.fiber_nodes()
    x[new] += np.random.default_rng(1).normal(0, 0.02, (len(new), 3))
    gels.place(other, x)
    assert np.abs(gels.forces(other)[new]).max() > 1


@pytest.mark.parametrize("quarters", [1, 2])
def test_forces_turn_with_what_has_been_laid(make_simulation, quarters):
    """By exactly 90 and 180 degrees, at one blow: new fibers and their crosslinks are told in frames that turn."""
    sim = with_deposits(strained(make_simulation, capture=4.0))
    x = sim.fiber_nodes()
    x[fresh(sim)] += np.random.default_rng(1).normal(0, 0.02, (len(fresh(sim)), 3))
    gels.place(sim, x)
    force = gels.forces(sim)
    rotation = np.linalg.matrix_power(QUARTER, quarters)
    gels.place(sim, SIZE / 2 + (x - SIZE / 2) @ rotation.T)
    assert np.abs(force).max() > 1
    assert np.abs(gels.forces(sim) - force @ rotation.T).max() < 1e-6 * np.abs(force).max()


def test_sites_bind_the_nearest_fiber_that_was_there(make_simulation):
    """By brute force; the others stay free, and those of fibers in reserve."""
    capture, net = 3.0, patch()
    sim = layers(make_simulation, net, rate=ALWAYS, capture=capture)
    sim.step()
    own, other = sim.read("crosslink_segments").astype(int).T
    bound, new = sim.read("crosslink_bound").astype(bool), np.arange(len(own)) >= len(net.crosslinks)
    here = sim.network.segment_fiber[own] < sim.status["chains"]
    assert bound[~new].all() and not bound[~here].any()
    x, nearest = sim.fiber_nodes(), np.full(len(own), np.inf)
    for k in np.flatnonzero(new & here):
        apart = distances(x, sim.network, own[k], 0.5)[: len(net.segments)]
        nearest[k] = apart.min()
        if bound[k]:
            assert apart[other[k]] == pytest.approx(nearest[k], abs=1e-5)
    clear = np.abs(nearest - capture) > 1e-4
    np.testing.assert_array_equal(bound[new & clear], (nearest < capture)[new & clear])
    assert 10 < bound[new].sum() < 0.8 * (new & here).sum()
    assert sim.snapshot().counters["crosslinks_free"] == (new & here & ~bound).sum()


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "held"])
def test_where_fibers_move_only_those_are_laid_that_hold(make_simulation, moving):
    """Two sites or more bind: by brute force. Held fibers need no hold."""
    capture, net = 3.0, patch()
    law = REGISTRY["deposition"](length=11.0)
    sim = layers(make_simulation, net, moving=moving, rate=ALWAYS, capture=capture, anchors=2)
    sim.step()
    _, ends = beside(sim, 0, law)
    sites = ends[:, :1] + (np.arange(4)[None, :, None] + 0.5) / 4 * (ends[:, 1:] - ends[:, :1])
    begin, vector = net.nodes[net.segments[:, 0]], net.vectors
    along = np.clip(((sites[:, :, None] - begin) * vector).sum(-1) / net.lengths**2, 0, 1)
    apart = np.linalg.norm(begin + along[..., None] * vector - sites[:, :, None], axis=-1).min(-1)
    assert np.abs(apart - capture).min() > 1e-4
    room, holds = depth(sim, ends) < 0, (apart < capture).sum(1) >= 2
    assert laid(sim) == (room & (holds | (not moving))).sum() and (room & ~holds).sum() > 3 and (room & holds).sum() > 3
    if moving:
        new = sim.read("crosslink_segments")[sim.read("crosslink_bound") > 0][len(net.crosslinks) :, 0]
        assert np.bincount(sim.network.segment_fiber[new])[net.fibers :].min() == 2


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "held"])
def test_cells_find_what_they_have_laid_in_the_next_step(make_simulation, moving):
    """Their links hold on to it: bins and lists know of it, also where fibers are held and sorted but once."""
    net = scenes.network([[1.0, 1, 1]], [[4.0, 1, 1]], SIZE)
    links = {"slots": 32, "binding_rate": 1e6, "focus": 0.0, "capture": 4.0, "release_rate": 0.0}
    sim = layers(make_simulation, net, moving=moving, centres=[[32.0, 32, 32]], rate=ALWAYS, reserve=1,
                 terms={"links": links, "steric": {}})  # fmt: skip
    sim.step()
    assert laid(sim) == 1 and not sim.read("link_segment").any()
    sim.step()
    held = sim.read("link_segment").astype(int)
    assert (held > 0).sum() > 2 and (held[held > 0] > len(net.segments)).all()


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "held"])
def test_resumed_at_any_step_to_the_same_bits(make_simulation, moving):
    terms = {"noise": {"diffusion": 1.0}, "neighbors": {"skin": 0.3}, "steric": {}, "links": {}}
    options = {"rate": 1.0, "terms": terms, "moving": moving, "reserve": 25, "boundary": ("periodic", "wall", "open")}
    sim = layers(make_simulation, patch(), **options)
    split = layers(make_simulation, patch(), **options)
    for _ in range(8):
        sim.step()
        split = split.copy()
        split.step()
        assert split.state_hash() == sim.state_hash()
        assert {**split.status, "rows_needed": 0} == {**sim.status, "rows_needed": 0}
    assert laid(sim) > 8 and sim.status["rebuilds"] > 3


def test_frames_know_nothing_of_the_reserve(make_simulation, tmp_path):
    """Only of what has been laid down, which has not moved since then."""
    for moving in (True, False):
        sim = layers(make_simulation, patch(), moving=moving, rate=1.0)
        sim.step(4)
        look, there = sim.snapshot(), sim.network.first(sim.status["chains"])
        assert 2 < laid(sim) < 40
        write_fibers(tmp_path / "fibers.vtp", sim.network, look)
        points, lines = read(tmp_path / "fibers.vtp")
        assert len(points["Points"]) == len(there.nodes) and len(lines["Lines"]) == len(there.segments)
        np.testing.assert_array_equal(lines["fiber"], there.segment_fiber)
        new = len(sim.network.made.nodes)
        np.testing.assert_allclose(points["Points"][new:], sim.fiber_nodes()[new : len(there.nodes)], atol=1e-5)
        if moving:
            assert sim.status["fibers"] == there.fibers and np.abs(look.fibers["displacement"]).max() < 1e-6


def test_operations_keep_the_balance(make_simulation):
    """The matrix as made, its voids, and filled: fibers that have been laid are gone, gone, and kept."""
    terms = {"proteolysis": {"rate": 3.0, "reach": 2.0, "interval": STEP}}
    sim, new = (layers(make_simulation, patch(), rate=2.0, terms=terms) for _ in range(2))
    sim.step(6)
    assert laid(sim) > 10
    for change, left in ((refill, laid(sim)), (keep_void, 0), (pristine, 0)):
        other = sim.copy(["terms.deposition.rate=0 1/min", "terms.proteolysis.rate=0 1/min"])
        change(other)
        balanced(other)
        other.step(2)
        assert laid(other) == left and balanced(other).present > 0
        whole = other.read("segment_area")[other.network.segment_fiber >= other.network.made.fibers] > 0
        assert whole.any() == (left > 0)
    pristine(sim)
    for name in ("node_position", "node_rest", "segment_area", "segment_length", "crosslink_segments", "matrix_tally"):
        np.testing.assert_array_equal(sim.read(name), new.read(name))


def test_what_cannot_be_laid_is_refused(make_simulation):
    for law, said in (({"rate": -1.0}, "rate"), ({"length": 40.0}, "length: 40 um is more than half"),
                      ({"reserve": 0}, "reserve"), ({"reserve": 100_000_000}, "makes 400,000,000 segments"),
                      ({"reserve": 40_000_000, "length": 2.5}, "GiB are free; lower it")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            layers(make_simulation, patch(), **law)
    sim = layers(make_simulation, patch(), moving=False)
    with pytest.raises(InputError, match=r"deposition.reserve 41 was 40; keep it"):
        sim.copy(["terms.deposition.reserve=41"])
