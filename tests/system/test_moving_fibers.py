"""Fibers that move, read back from a simulation: places, tensions, links on them, files. Nodes are moved by hand."""

from __future__ import annotations

import numpy as np
import pytest
from reference import networks, scenes

from physim import estimate
from physim.analysis import mechanics
from physim.record import Recorder
from physim.terms.network import Network
from physim.viz.frames import Run, array, line_ends, points

EA = 900.0


def pulling(make_simulation, boundary="open", **record):
    """A cell that holds links on a gel, in 60 um."""
    table = scenes.table({"links": {"focus": 0, "binding_rate": 5.0}}, 60.0, boundary, collagen=True)
    table["record"] |= record
    net = networks.gel(periodic=boundary == "periodic")
    sim = make_simulation(table, cells=scenes.cells([[30.0, 30, 30]]), network=net)
    sim.step(10)
    return sim


def move(sim, displacement):
    """Let the network move, as by hand, by a displacement (N, 3), or one for all, um from where it was made."""
    if not any(isinstance(term, Network) for term in sim.terms):
        sim.terms = [*sim.terms, Network(stretch_modulus=EA)]
    sim.write("node_position", sim.box.to_fixed(sim.network.nodes + displacement))


@pytest.mark.parametrize("boundary", ["open", "periodic"])
def test_snapshot_has_places_displacements_and_tensions(make_simulation, boundary):
    sim = pulling(make_simulation, boundary)
    assert sim.snapshot().fibers is None
    shift = np.random.default_rng(0).normal(scale=0.3, size=sim.network.nodes.shape)
    shift[sim.network.box.on_face(sim.network.nodes).any(1)] = 0
    move(sim, shift)
    fibers = sim.snapshot().fibers
    np.testing.assert_allclose(fibers["displacement"], shift, atol=1e-7)
    np.testing.assert_allclose(fibers["position"], sim.network.box.wrap(sim.network.nodes + shift), atol=1e-7)
    longer = np.linalg.norm(sim.network.vectors + shift[sim.network.segments[:, 1]] - shift[sim.network.segments[:, 0]],
                            axis=1)  # fmt: skip
    np.testing.assert_allclose(fibers["tension"], EA * (longer / sim.network.lengths - 1), atol=1e-3)


def test_links_end_on_the_fibers_where_they_are_now(make_simulation):
    sim = pulling(make_simulation)
    before = sim.snapshot().links
    assert len(before["point"]) > 5
    move(sim, [0.5, -0.25, 1.0])
    after = sim.snapshot().links
    np.testing.assert_allclose(after["point"], before["point"] + np.array([0.5, -0.25, 1.0]), atol=1e-6)
    net = mechanics.deformed(sim.network, sim.fiber_nodes())
    begin, along = net.nodes[net.segments[:, 0]], net.vectors
    for point in after["point"]:  # each lies on a segment
        offset = point - begin
        at = np.clip((offset * along).sum(1) / net.lengths**2, 0, 1)
        assert np.linalg.norm(offset - at[:, None] * along, axis=1).min() < 1e-5


def test_recorded_frames_follow_the_fibers(make_simulation, tmp_path):
    sim = pulling(make_simulation)
    recorder = Recorder(tmp_path, scenario_toml="", run_info={}, network=sim.network, type_names=["cells"])
    for number in range(3):
        move(sim, [0.1 * number, 0, 0])
        recorder.write(sim.snapshot())
        sim.step()
    run = Run(tmp_path)
    parts = [run.part("fibers", time) for time in run.times]
    assert len(parts) == 3
    for number, part in enumerate(parts):
        np.testing.assert_allclose(points(part), sim.network.nodes + np.array([0.1 * number, 0, 0]), atol=1e-5)
        np.testing.assert_allclose(array(part, "displacement")[:, 0], 0.1 * number, atol=1e-6)
        assert len(array(part, "tension")) == len(line_ends(part)[0])


@pytest.mark.parametrize(("kept", "low", "high"), [(True, 28, 60), (False, 0, 1)])
def test_estimate_counts_fibers_of_each_frame(make_simulation, kept, low, high):
    """Bytes of a frame for each node, beside those of a run that holds its fibers."""
    sim = pulling(make_simulation, fibers=kept)
    held = estimate.disk(sim)
    move(sim, 0.0)
    moving = estimate.disk(sim)
    assert low <= (moving.per_frame - held.per_frame) / len(sim.network.nodes) <= high
