"""Integrins that cells leave on fibers, on record: snapshots, frames, run.json, the summary."""

from __future__ import annotations

import json

import numpy as np
import pytest
from reference import networks, scenes

from physim import estimate, runner, vtk_files
from physim.analysis.integrin_balance import integrin_balance
from physim.frame_files import through_faces, write_fibers
from physim.scenario import load

QUICK = {"links": {"binding_rate": 5.0, "release_rate": 0.5}, "shedding": {"ripping_ratio": 1.0}}
HELD = ["box.size=80 um", "cells.0.count=2", "terms.network=off", "null=off", "run.step=0.5 min", "run.duration=10 min",
        "record.interval=5 min", "terms.links.release_rate=0.1 /min", "terms.shedding.interval=1 min"]  # fmt: skip


@pytest.mark.parametrize("terms", [{}, {"proteolysis": {"rate": 1.0}}, {"network": {}, "proteolysis": {"rate": 1.0}}],
                         ids=["held", "held and cut", "moving and cut"])  # fmt: skip
def test_frames_have_what_is_on_each_segment(make_simulation, terms, tmp_path) -> None:
    table = scenes.table({**QUICK, **terms}, 60.0, step=0.5, collagen=True)
    given = scenes.cells([[20.0, 30, 30], [40.0, 30, 30]], radius=[8.0, 10.0])
    sim = make_simulation(table, cells=given, network=networks.gel(periodic=False))
    sim.step(12)
    snapshot, shed = sim.snapshot(), sim.read("segment_shed")
    np.testing.assert_array_equal(snapshot.fibers["shed_integrins"], shed)
    assert ("area" in snapshot.fibers) == ("proteolysis" in terms)
    assert snapshot.integrins == integrin_balance(sim) and snapshot.integrins.shed == shed.sum() > 100
    write_fibers(tmp_path / "fibers.vtp", sim.network, snapshot)
    _, lines = vtk_files.read(tmp_path / "fibers.vtp")
    drawn = sim.read("segment_area") > 0
    assert not through_faces(sim.network, snapshot.fibers["position"]).any()
    np.testing.assert_array_equal(lines["shed_integrins"], shed[drawn])
    assert lines["shed_integrins"].dtype.kind == "i" and drawn.all() == ("proteolysis" not in terms)


def test_a_run_records_integrins_on_held_fibers(device_label, tmp_path) -> None:
    """A file of fibers at each record, the balance in run.json, a line in the summary, and the size foreseen."""
    scenario = load("invasion", HELD)
    out = runner.run(scenario, out=tmp_path / "run", device=device_label, preview=False)
    frames = [vtk_files.read(out / "frames" / f"fibers_{k:06d}.vtp")[1]["shed_integrins"].sum() for k in range(3)]
    counts = json.loads((out / "run.json").read_text())["integrins"]
    assert frames[0] == 0 < frames[1] and frames[2] == counts["shed"]
    assert sum(counts[name] for name in ("surface", "bound", "shed", "degraded")) == (
        counts["initial"] + counts["synthesised"])  # fmt: skip
    summary = (out / "summary.txt").read_text()
    released = counts["left"] + counts["returned"]
    assert f"integrins       {counts['left']:,} of {released:,} left on fibers by links that let go; " in summary


def test_estimate_fills_the_array(make_simulation) -> None:
    table = scenes.table(QUICK, 60.0, step=0.5, collagen=True)
    sim = make_simulation(table, cells=scenes.cells([[30.0, 30, 30]]), network=networks.gel(periodic=False))
    lively = estimate._lively(sim.snapshot(), 1, sim)
    assert not sim.snapshot().fibers["shed_integrins"].any() and lively.fibers["shed_integrins"].any()
