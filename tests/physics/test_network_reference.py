"""The network on the device against the float64 reference: forces, stiffness, preconditioner, and whole steps."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from reference import equilibrium, forces, gels, nucleus, scenes

from physim.generate.collagen import generate_collagen
from physim.generate.fiber_network import FiberNetwork
from physim.terms import REGISTRY

SIZE, STEP, DRAG, SLOTS = 64.0, 0.1, 1.6667e-4, 8
NONE = 0xFFFFFFFF


@cache
def gel() -> FiberNetwork:
    """About 3,000 nodes."""
    return generate_collagen([0] * 3, [SIZE] * 3, (False,) * 3, concentration=1.05, bundle_diameter=0.2, seed=3)


def crowd(make_simulation: Any, size: float) -> SimpleNamespace:
    """Four cells that press on fibers and hold links, taut and slack, in a gel whose free nodes are off by `size`."""
    net, random = gel(), np.random.default_rng(1)
    place = np.array([[20.0, 20, 20], [44, 40, 20], [22, 44, 41], [40, 20, 44]])
    terms = {"network": {"wake_force": 0.0}, "steric": {}, "nucleus": {},
             "links": {"slots": SLOTS, "binding_rate": 0, "release_rate": 0, "contraction_speed": 0}}  # fmt: skip
    cells = scenes.cells(place, nucleus_radius=6.5)
    sim = make_simulation(scenes.table(terms, SIZE, step=STEP, collagen=True), cells=cells, network=net)
    sim.step()  # which makes room for the lists
    held = sim.read("node_held").astype(bool)
    gels.place(sim, net.nodes + np.where(held[:, None], 0, random.normal(0, size, net.nodes.shape)))
    sim.write("node_velocity", np.zeros((len(net.nodes), 4), np.float32))  # of which the first guess is made
    x, centre = sim.fiber_nodes(), sim.box.to_micron(sim.read("position"))
    middle = x[net.segments].mean(1)
    segment = np.zeros((SLOTS, 4), np.uint32)
    for cell in range(4):
        distance = np.linalg.norm(middle - centre[cell], axis=1)
        segment[:, cell] = 1 + random.choice(np.flatnonzero((distance > 9) & (distance < 16)), SLOTS, replace=False)
    at = random.random(segment.shape).astype(np.float32)
    ends = x[net.segments[segment.astype(int) - 1]]
    point = (1 - at)[..., None] * ends[:, :, 0] + at[..., None] * ends[:, :, 1]
    rest = (np.linalg.norm(point - centre, axis=2) * np.linspace(0.6, 1.2, SLOTS)[:, None]).astype(np.float32)
    for name, values in (("link_segment", segment), ("link_at", at), ("link_rest", rest)):
        sim.write(name, values)
    residual = gels.forces(sim)
    return SimpleNamespace(sim=sim, net=net, x=x, held=held, centre=centre,
                           segment=segment.astype(int) - 1, at=at.astype(float), rest=rest.astype(float),
                           residual=residual, elastic=gels.reference(sim))  # fmt: skip


def tethers(c: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of all links and contacts: cell (t,), segment (t,), where on it (t,), stiffness (t, 3, 3); forces on nodes."""
    force, ends = np.zeros(c.x.shape), c.x[c.net.segments]
    cell, segment, at, block = [], [], [], []
    link = REGISTRY["links"]()
    for slot in range(SLOTS):
        for i in range(4):
            s, t = c.segment[slot, i], c.at[slot, i]
            pull, tension = forces.links(link, c.centre[i : i + 1], ((1 - t) * ends[s, 0] + t * ends[s, 1])[None],
                                         c.rest[slot, i])  # fmt: skip
            np.add.at(force, c.net.segments[s], -np.outer([1 - t, t], pull[0]))
            if tension[0] > 0:
                apart = (1 - t) * ends[s, 0] + t * ends[s, 1] - c.centre[i]
                length = np.linalg.norm(apart)
                along = np.outer(apart, apart) / length**2
                cell.append(i), segment.append(s), at.append(t)
                block.append(link.stiffness * along + tension[0] / length * (np.eye(3) - along))
    steric = REGISTRY["steric"]()
    for i in range(4):
        radius = float(c.sim.read("radius")[i])
        begin, vector = ends[:, 0], ends[:, 1] - ends[:, 0]
        _, stiff, push = forces.steric(steric, c.centre[i], radius, begin, vector)
        _, hard, pressed = nucleus.push(REGISTRY["nucleus"](), c.sim.read("nucleus_radius")[i : i + 1].astype(float),
                                        np.zeros(len(begin), int), begin - c.centre[i], vector)  # fmt: skip
        stiff += hard
        np.add.at(force, c.net.segments, push + pressed)
        for s in np.flatnonzero(np.abs(stiff).max((1, 2)) > 0):
            cell.append(i), segment.append(s), at.append(np.nan), block.append(stiff[s])
    return np.array(cell), np.array(segment), np.array(at), np.array(block), force


def places_of_contacts(c: SimpleNamespace, cell: np.ndarray, segment: np.ndarray, at: np.ndarray) -> np.ndarray:
    """`at`, where nan from what the device says of its contacts (a mean over Gauss points, checked to be inside)."""
    keys, blocks = c.sim.read("tether_key")[SLOTS:], c.sim.read("tether_block")[SLOTS:]
    at = at.copy()
    for k in np.flatnonzero(np.isnan(at)):
        row = np.flatnonzero(keys[:, cell[k]] == segment[k])
        assert len(row) == 1
        at[k] = blocks[row[0], cell[k], 6]
    assert ((at >= 0) & (at <= 1)).all()
    return at


@pytest.fixture(params=[0.05, 0.3], ids=["deformed", "strongly"])
def crowded(make_simulation, request) -> SimpleNamespace:
    return crowd(make_simulation, request.param)


def test_forces_are_those_of_the_reference(crowded):
    """They come out of fp64 and are rounded once; those of links and contacts are fp32."""
    c = crowded
    *_, block, outside = tethers(c)
    assert len(block) > 40 and np.abs(outside).max() > 1
    wanted = np.where(c.held[:, None], 0, c.elastic.forces(c.x) + outside)
    assert np.abs(c.residual - wanted).max() < 1e-6 * np.abs(wanted).max()


def test_stiffness_times_a_direction_is_that_of_the_reference(crowded):
    """(Z + dt K) d in fp32, for nodes and cells."""
    c, random = crowded, np.random.default_rng(3)
    cell, segment, at, block, _ = tethers(c)
    at = places_of_contacts(c, cell, segment, at)
    direction = np.where(c.held[:, None], 0, random.normal(size=c.x.shape)).astype(np.float32)
    of_cells = np.zeros(c.sim.shape("direction"), np.float32)
    of_cells[:4, :3] = random.normal(size=(4, 3))
    c.sim._put("node_direction", np.pad(direction, ((0, 0), (0, 1))))
    c.sim._put("direction", of_cells)
    gels.enqueue(c.sim, "iteration", "swing_fibers", "multiply_cells", "multiply_fibers", "couple_cells")
    d, v, ends = direction.astype(float), of_cells[:4, :3].astype(float), c.net.segments[segment]
    weights = np.stack([1 - at, at], 1)[:, :, None]
    along = (weights * d[ends]).sum(1)
    product = c.elastic.drags(DRAG)[:, None] * d + STEP * (c.elastic.newton(c.x) @ d.ravel()).reshape(-1, 3)
    np.add.at(product, ends, STEP * weights * np.einsum("tij,tj->ti", block, along - v[cell])[:, None])
    product[c.held] = 0
    assert np.abs(c.sim.read("node_product")[:, :3] - product).max() < 1e-6 * np.abs(product).max()
    coupled = np.zeros((4, 3))
    np.add.at(coupled, cell, STEP * np.einsum("tij,tj->ti", block, along))
    own = np.einsum("nij,nj->ni", scenes.resistance(c.sim)[c.sim.read("id")], v)
    found = c.sim.read("product")[:4, :3]
    assert np.abs(found - own + coupled).max() < 3e-7 * np.abs(own).max()  # some units of fp32: found is what is left
    assert np.abs(coupled).max() > 0.1 * np.abs(own).max()


def test_preconditioner_is_that_of_the_reference(crowded):
    """Factored in fp64, stored in fp32: it solves a matrix that is off by some 1e-6, the unit of fp32 times the growth
    of the factors, and its result is off by that times the condition of the softest fiber.
    """
    c = crowded
    cell, segment, at, block, _ = tethers(c)
    at, ends = places_of_contacts(c, cell, segment, at)[:, None, None], c.net.segments[segment]
    bands = c.elastic.fiber_bands(c.x, c.elastic.drags(DRAG), STEP)
    np.add.at(bands[0], ends[:, 0], STEP * (1 - at) ** 2 * block)
    np.add.at(bands[0], ends[:, 1], STEP * at**2 * block)
    np.add.at(bands[1], ends[:, 0], STEP * at * (1 - at) * block)
    gels.enqueue(c.sim, "round", "precondition_fibers")
    found = np.where(c.held[:, None], 0, c.sim.read("node_preconditioned")[:, :3].astype(float))
    wanted = np.where(c.held[:, None], 0, equilibrium.solve_bands(bands, c.residual, c.held))
    assert np.abs(found - wanted).max() < 2e-4 * np.abs(wanted).max()
    left = np.where(c.held[:, None], 0, times_bands(bands, found) - c.residual)
    assert np.abs(left).max() < 5e-6 * times_bands(np.abs(bands), np.abs(found)).max()


def times_bands(bands: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The block-pentadiagonal matrix of `fiber_bands` times x (N, 3)."""
    result = np.einsum("nij,nj->ni", bands[0], x)
    for apart in (1, 2):
        result[:-apart] += np.einsum("nij,nj->ni", bands[apart, :-apart], x[apart:])
        result[apart:] += np.einsum("nij,ni->nj", bands[apart, :-apart], x[:-apart])
    return result


@pytest.mark.parametrize(
    ("law", "pull", "allowed"),
    [({"tolerance": 1e-8, "least_force": 0.0, "accuracy": 1e-13}, 2.0, 1e-6), ({}, 0.2, 1e-2)],
    ids=["tight", "default"],
)
def test_twenty_steps_are_exact_implicit_euler_steps(make_simulation, law, pull, allowed):
    """Forty crosslinks of 3,000 nodes are pulled ever harder for ten steps, by up to 2 nN (nodes move 5 um, ten times
    as fast as links shorten) or 0.2 nN (0.04 um in a step), then held for ten.
    """
    net, random = gel(), np.random.default_rng(2)
    sim = gels.gel(make_simulation, net, step=STEP, **law)
    held, elastic = sim.read("node_held").astype(bool), gels.reference(sim)
    nodes = net.segments[random.choice(net.crosslinks[:, 0], 40, replace=False), 0]
    force = np.zeros(net.nodes.shape)
    force[nodes[~held[nodes]]] = pull * np.array([0.6, 0.0, 0.8])
    x, drags, worst = sim.box.to_micron(sim.box.to_fixed(net.nodes)), elastic.drags(DRAG), 0.0
    for step in range(20):
        load = (force * min(1.0, (step + 1) / 10)).astype(np.float32)
        gels.pull(sim, load)
        sim.step()
        x = equilibrium.euler_step(elastic, x, drags, STEP, held=held, external=load.astype(float), tolerance=1e-9)
        worst = max(worst, float(np.abs(sim.fiber_nodes() - x).max()))
        assert worst <= allowed, f"{worst:.2g} um in step {step + 1}"
    assert sim.status["parts"] == 0
    assert np.abs(x - net.nodes).max() > pull
