"""Fibers that cells cut, on record: snapshots, frames and how they go on after a resume, the balance, the summary."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import networks, runs, scenes
from vtkmodules.util.numpy_support import vtk_to_numpy

from physim import estimate, runner, vtk_files
from physim.analysis import mechanics, network, tunnels
from physim.analysis.matrix_balance import UNIT, matrix_balance
from physim.errors import InputError
from physim.record import Recorder
from physim.scenario import Scenario
from physim.simulation import Simulation

CUT = {"proteolysis": {"rate": 1.0}}
"""Whole fibers in reach are cut after one minute, two steps."""
MOVING = CUT | {"network": {}, "turnover": {"release_rate": 0.02, "binding_rate": 0.5, "capture": 1.0}}


def cutting(make_simulation, terms: dict[str, Any], steps: int = 6) -> Simulation:
    """Two cells in a gel of 60 um, that do nothing but cut."""
    table = scenes.table(terms, 60.0, step=0.5, collagen=True)
    cells = scenes.cells([[20.0, 30, 30], [40.0, 30, 30]], radius=[8.0, 10.0])
    sim = make_simulation(table, cells=cells, network=networks.gel(periodic=False))
    sim.step(steps)
    return sim


@pytest.fixture(scope="module", params=["held", "moving"])
def cut(request, device_label) -> Simulation:
    def make(table, **options):
        return Simulation(Scenario.from_table(table), device=device_label, **options)

    return cutting(make, CUT if request.param == "held" else MOVING)


def is_moving(sim: Simulation) -> bool:
    return "network" in sim.scenario.terms


def test_snapshot_has_the_area_of_each_segment(cut) -> None:
    fibers, area = cut.snapshot().fibers, cut.read("segment_area")
    assert 0.01 < (area == 0).mean() < 0.5 and ((area > 0) & (area < 1 << 24)).sum() > 5
    np.testing.assert_array_equal(fibers["area"] * 2**24, area)
    assert set(fibers) == {"position", "area"} | ({"displacement", "tension"} if is_moving(cut) else set())
    if not is_moving(cut):
        np.testing.assert_array_equal(fibers["position"], cut.network.nodes)


def test_tension_is_that_of_what_is_left_of_a_segment(make_simulation) -> None:
    sim = cutting(make_simulation, MOVING)
    shift = np.random.default_rng(1).normal(scale=0.05, size=sim.network.nodes.shape)
    sim.write("node_position", sim.box.to_fixed(sim.network.nodes + shift))
    fibers, (term,) = sim.snapshot().fibers, [term for term in sim.terms if term.name == "network"]
    whole = mechanics.tension(sim.network, sim.fiber_nodes(), stretch_modulus=term.stretch_modulus,
                              rest=sim.read("segment_rest"))  # fmt: skip
    np.testing.assert_allclose(fibers["tension"], sim.read("segment_area") / 2**24 * whole, rtol=1e-12)
    assert (fibers["tension"][fibers["area"] == 0] == 0).all() and np.abs(fibers["tension"]).max() > 1


def test_without_a_term_that_cuts_nothing_is_added(make_simulation) -> None:
    sim = cutting(make_simulation, {"network": {}}, steps=1)
    taken = sim.snapshot()
    assert set(taken.fibers) == {"position", "displacement", "tension"} and taken.matrix is None
    assert cutting(make_simulation, {"steric": {}}, steps=1).snapshot().fibers is None
    area = sim.read("segment_area")
    area[7] = 0  # by hand
    sim.write("segment_area", area)
    assert np.flatnonzero(sim.snapshot().fibers["area"] == 0).tolist() == [7]


def test_balance_of_the_matrix_is_exact(cut) -> None:
    balance, area, length = matrix_balance(cut), cut.read("segment_area"), cut.read("segment_length")
    assert balance.initial == sum(int(piece) for piece in length) * 2**24
    assert balance.present == sum(int(a) * int(b) for a, b in zip(area, length, strict=True))
    assert balance.present + balance.taken + balance.dissolved == balance.initial + balance.deposited
    assert balance.taken > 0 and balance.deposited == 0 and (balance.dissolved > 0) == is_moving(cut)
    assert balance == cut.snapshot().matrix
    assert balance.micron()["initial"] == pytest.approx(cut.network.lengths.sum(), rel=1e-5)
    assert balance.micron()["taken"] == UNIT * balance.taken


def test_balance_needs_a_matrix_that_changes(make_simulation) -> None:
    with pytest.raises(InputError, match="it needs proteolysis or network"):
        matrix_balance(cutting(make_simulation, {"steric": {}}, steps=1))


def test_crosslinks_are_those_that_were_made_less_broken_and_formed_ones(make_simulation) -> None:
    sim = cutting(make_simulation, MOVING, steps=20)
    count, bound, segments = sim.snapshot().counters, sim.read("crosslink_bound"), sim.read("crosslink_segments")
    made = len(sim.network.crosslinks)
    assert count["crosslinks_bound"] == bound.sum() and count["crosslinks_free"] == made - bound.sum()
    assert made - count["crosslinks_broken"] + count["crosslinks_formed"] == count["crosslinks_bound"]
    assert count["crosslinks_formed"] > 10 and count["crosslinks_free"] > 10
    assert sim.read("segment_area")[segments[bound == 1]].all(), "none is bound to what is cut"


def test_crosslinks_break_where_fibers_are_cut(make_simulation) -> None:
    sim = cutting(make_simulation, CUT | {"network": {}})
    count, area = sim.snapshot().counters, sim.read("segment_area")
    lost = (area[sim.network.crosslinks] == 0).any(axis=1).sum()
    assert count["crosslinks_broken"] == count["crosslinks_free"] == lost > 10 and count["crosslinks_formed"] == 0
    held = cutting(make_simulation, CUT).snapshot().counters
    assert "crosslinks_bound" not in held and held["crosslinks_broken"] == 0


def frame(path: Path, sim: Simulation) -> tuple[dict, dict, dict]:
    """Arrays of the nodes, of the segments and of the whole of a frame of fibers."""
    nodes, segments = vtk_files.read(path)
    fields = runs.read_vtp(path).GetFieldData()
    return nodes, segments, {fields.GetArrayName(k): vtk_to_numpy(fields.GetArray(k))
                             for k in range(fields.GetNumberOfArrays())}  # fmt: skip


def test_frame_holds_what_is_left_with_its_area(cut, tmp_path) -> None:
    recorder = Recorder(tmp_path, scenario_toml="", run_info={}, network=cut.network, type_names=["cells"])
    recorder.write(cut.snapshot())
    nodes, segments, fields = frame(tmp_path / "frames/fibers_000000.vtp", cut)
    area, whole = cut.read("segment_area"), cut.network
    left = np.flatnonzero(area)
    np.testing.assert_array_equal(nodes["node"][segments["Lines"]], whole.segments[left])  # by number, in order
    np.testing.assert_array_equal(segments["area"], (area[left] / 2**24).astype(np.float32))
    np.testing.assert_array_equal(segments["fiber"], whole.segment_fiber[left])
    np.testing.assert_array_equal(nodes["Points"], cut.snapshot().fibers["position"][nodes["node"]].astype(np.float32))
    assert np.array_equal(np.unique(segments["Lines"]), np.arange(len(nodes["Points"]))), "no point without a line"
    ends = set(whole.segments[area == 0].ravel().tolist())
    assert nodes["cut_end"].tolist() == [int(number in ends) for number in nodes["node"].tolist()]
    assert 0 < nodes["cut_end"].sum() < 0.5 * len(nodes["node"])
    assert fields["segments_cut"] == (area == 0).sum() and fields["segments_not_drawn"] == 0
    assert ("tension (nN)" in segments) == ("displacement (um)" in nodes) == is_moving(cut)


def test_matrix_is_in_run_json(cut, tmp_path) -> None:
    recorder = Recorder(tmp_path, scenario_toml="", run_info={}, network=cut.network, type_names=["cells"])
    recorder.write(cut.snapshot())
    recorder.finish("complete")
    info = json.loads((tmp_path / "run.json").read_text())
    assert info["matrix"] == {"unit": "2^-36 um of whole fiber"} | vars(matrix_balance(cut))


@pytest.mark.parametrize("terms", [CUT, MOVING], ids=["held", "moving"])
def test_resumed_run_writes_the_same_frames(make_simulation, device_label, terms, tmp_path) -> None:
    sim, saved = cutting(make_simulation, terms, steps=0), None
    given = {"network": sim.network, "type_names": ["cells"]}
    recorder = Recorder(tmp_path, scenario_toml="", run_info={}, **given)
    for number in range(4):
        recorder.write(sim.snapshot())
        saved = saved or (sim.save() if number == 1 else None)
        sim.step(3)
    files = [tmp_path / f"frames/fibers_{number:06d}.vtp" for number in range(4)]
    straight = [path.read_bytes() for path in files]
    assert len(set(straight)) == 4 and not (tmp_path / "fibers.vtp").exists()
    again = Simulation(sim.scenario, device=device_label, saved=saved)
    recorder = Recorder.reopen(tmp_path, 2, **given)
    assert not files[2].exists()
    for _ in range(2):
        again.step(3)
        recorder.write(again.snapshot())
    assert [path.read_bytes() for path in files] == straight
    again.step(3)
    assert again.snapshot().counters | {"rows_needed": 0} == sim.snapshot().counters | {"rows_needed": 0}
    assert matrix_balance(again) == matrix_balance(sim)


def test_estimate_counts_frames_of_held_fibers_that_are_cut(make_simulation) -> None:
    held, are_cut = (estimate.disk(cutting(make_simulation, terms, steps=0)) for terms in ({"steric": {}}, CUT))
    more = (are_cut.per_frame - held.per_frame) / len(networks.gel(periodic=False).nodes)
    assert 10 < more < 40, "bytes of each node"


def test_measures_take_what_is_left(cut) -> None:
    fibers = cut.snapshot().fibers
    left = mechanics.deformed(cut.network, fibers["position"], fibers["area"])
    assert len(left.segments) == (fibers["area"] > 0).sum()
    assert network.length_density(left) < network.length_density(cut.network)
    path = [[20.0, 30, 30], [40.0, 30, 30]]
    assert tunnels.fiber_near(left, path) < 0.9 * tunnels.fiber_near(cut.network, path)


def test_summary_says_what_was_cut_and_what_holds(device_label, tmp_path) -> None:
    beyond = {"proteolysis": {"rate": 1.0, "reach": 4.0}}  # the start of a cell is free of fibers
    table = scenes.table(MOVING | beyond, 50.0, step=0.5, collagen=True)
    table |= {"run": {"duration": 4.0, "step": 0.5}, "record": {"interval": 2.0},
              "null": {"terms.proteolysis.rate": 0.0}}  # fmt: skip
    table["collagen"] = {"concentration": 2.0, "bundle_diameter": 0.3}
    folder = runner.run(Scenario.from_table(table), out=tmp_path / "a", device=device_label, preview=False, brief=True)
    said, info = (folder / "summary.txt").read_text(), json.loads((folder / "run.json").read_text())
    count, matrix = info["counters"], info["matrix"]
    line, null = re.search(r"  matrix  .*\n    null  .*", said)[0].split("\n")
    assert line.split(maxsplit=1)[1] == (
        f"{100 * matrix['taken'] / matrix['initial']:.2g} % of the collagen cut by cells, "
        f"{100 * matrix['dissolved'] / matrix['initial']:.2g} % dissolved loose; "
        f"{count['crosslinks_free']:,} of {count['crosslinks_free'] + count['crosslinks_bound']:,} crosslinks open, "
        f"{count['crosslinks_broken']:,} broken, {count['crosslinks_formed']:,} formed anew"
    )
    assert matrix["taken"] > 0 and null.split(maxsplit=1)[1].startswith("0 % of the collagen cut by cells, 0 %")
    assert "keep in mind    fibers break only where cells cut them; speeds" in said
    assert 0 <= float(re.search(r"(-?\d+) % of fibers asleep", said)[1]) <= 100
    assert len(list((folder / "frames").glob("fibers_*"))) == 3
