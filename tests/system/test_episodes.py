"""Flow episodes beside tissue: each half as it would be alone, when they end, what is recorded, resumed, refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from reference.blood import beside_tissue
from reference.scenes import cells as cells_at

from physim import checkpoint, runner, vtk_files
from physim.episodes import LOOK, blood_of, tissue_of
from physim.errors import InputError
from physim.scenario import Scenario, load
from physim.simulation import Simulation


@pytest.fixture
def make(make_simulation):
    def beside(here=None, **changes):
        table, places = beside_tissue(**changes)
        return make_simulation(table, cells=cells_at(places if here is None else here, radius=5.0))

    return beside


def vessels(**changes):
    return beside_tissue()[0]["vessels"] | changes


def test_blood_is_as_it_would_be_alone_and_tissue_as_without_it(make, device_label):
    """Tissue stands still in an episode, and nothing but the clock of the two is common."""
    sim = make()
    sim.step(5)  # episodes before steps 0, 2 and 4, 20 steps of blood each
    assert sim.episodes.past.tolist() == [[0, 0, 20], [2, 20, 40], [4, 40, 60]]
    _, places = beside_tissue()
    carried = cells_at(places, radius=5.0)
    carried = {name: values[4:] for name, values in carried.items()}
    alone = Simulation(blood_of(sim.scenario), cells=carried, device=device_label)
    alone.step(60)
    assert alone.state_hash() == sim.blood.state_hash()
    tissue = make(places[:4])
    tissue.step(5)
    assert tissue.blood is None and len(tissue.episodes.past) == 0, "nobody in blood, no episode"
    assert (tissue.read("position") == sim.read("position")).all()
    assert (tissue_of(sim.scenario).terms.keys() | blood_of(sim.scenario).terms.keys()) == sim.scenario.terms.keys()


def test_an_episode_ends_when_nobody_is_carried(make):
    """All have left by the port; or nobody is faster than half a um a second."""
    sim = make(vessels=vessels(cap="60 s"))
    sim.step(1)
    (_, _, end), = sim.episodes.past
    assert 0 < end < 60_000 and sim.blood.cell_count == 0 and sim.cell_count == 4
    sim.step(5)
    assert len(sim.episodes.past) == 1, "nobody is left in blood"
    slow = make(vessels=vessels(speed="0.1 um/s", cap="60 s"))
    slow.step(1)
    assert slow.episodes.past[:, 2] == round(LOOK / slow.scenario.vessels.step) and slow.cell_count == 6


def test_records_have_the_cells_of_both_and_when_they_left(make, tmp_path):
    sim = make(vessels=vessels(cap="0.1 s"))
    folder = sim.run(tmp_path / "r")
    last = sim.snapshot()
    assert last.cells["id"].tolist() == [0, 1, 2, 3, 4, 5]
    left = last.cells["departed"]
    assert np.isnan(left[:4]).all() and np.isfinite(left[4:]).all()
    for cell, step in zip((4, 5), sim.blood.snapshot().cells["departed"] / sim.blood.step_length, strict=True):
        (row,) = [row for row in sim.episodes.past if row[1] < round(step) <= row[2]]
        assert left[cell] == pytest.approx(row[0] * 0.1)
    assert last.counters["episodes"] == len(sim.episodes.past) and last.counters["in_blood"] == 0
    assert last.cells["in_blood"].tolist() == [0, 0, 0, 0, 1, 1]
    points, lines = vtk_files.read(folder / "frames" / "centerlines_000000.vtp")
    flow = sim.vessels.circulation.flow / 60
    np.testing.assert_allclose(lines["flow (um^3/s)"], np.full(len(lines["Lines"]), flow[0]), rtol=1e-6)
    np.testing.assert_allclose(points["speed (um/s)"] * (np.pi * 8.5**2), float(flow[0]), rtol=1e-6)
    assert "in_blood" in vtk_files.read(folder / "frames" / "cells_000004.vtp")[0]


def test_the_example_runs_and_its_summary_speaks_of_tissue_and_of_blood(device_label, tmp_path):
    example = Path(__file__).parents[2] / "docs" / "examples" / "tissue_and_blood.toml"
    scenario = load(example, ["run.duration=12 min", "record.interval=4 min", "vessels.interval=4 min"])
    folder = runner.run(scenario, out=tmp_path / "r", device=device_label, preview=False)
    said = (folder / "summary.txt").read_text()
    assert re.search(r"flow episodes +1, of 1 s in all; 0 cells in vessels at the end, 2 left by them", said)
    begin, end = map(float, re.search(r"invaded radius +([\d.]+) -> ([\d.]+) um", said).groups())
    assert end < 1.5 * begin, "without those that blood has carried off"


def test_a_run_cut_within_an_episode_goes_on_to_the_same_bits(device_label, tmp_path, monkeypatch):
    """Ctrl-C while blood flows: what is left of that episode comes first."""
    table, places = beside_tissue(vessels=vessels(cap="0.1 s"))
    table["cells"] = [table["cells"][0] | {"name": name, "center": places[k].tolist()}
                      for name, k in (("in tissue", 0), ("in blood", 5))]  # fmt: skip
    scenario = Scenario.from_table(table)
    whole = runner.run(scenario, out=tmp_path / "whole", device=device_label, preview=False)
    monkeypatch.setenv("PHYSIM_CHECKPOINT_SECONDS", "0")
    real = Simulation.advance

    def cut(self, until):
        if self._beside is not None and self.step_count < 230 < until + 1:
            real(self, 230)
            raise KeyboardInterrupt
        real(self, until)

    monkeypatch.setattr(Simulation, "advance", cut)
    with pytest.raises(KeyboardInterrupt):
        runner.run(scenario, out=tmp_path / "cut", device=device_label, preview=False)
    monkeypatch.setattr(Simulation, "advance", real)
    saved, _ = checkpoint.newest(tmp_path / "cut" / "checkpoints")
    assert saved.blood.step == 230 and saved.episodes[-1, 2] == -1, "it was cut in the middle"
    runner.resume(tmp_path / "cut", device=device_label, preview=False)
    for file in ("cells.parquet", "frames/cells_000004.vtp"):
        assert (tmp_path / "cut" / file).read_bytes() == (whole / file).read_bytes(), file


@pytest.mark.parametrize("changes, said", [
    ({"vessels": vessels(interval=0.25)}, "vessels.interval: 0.25 min is no multiple of run.step 0.1 min; nearest"),
    ({"vessels": vessels(cap="1.5 ms")}, "vessels.cap: 2.5e-05 min is no multiple of vessels.step"),
    ({"vessels": {k: v for k, v in vessels().items() if k != "interval"}},
     "vessels.cap: has no meaning without vessels.interval; leave it out"),
    ({"terms": {"plasma": {}, "vessel_wall": {}}}, "vessels.interval: nothing keeps the cells of tissue out"),
    ({"terms": {"plasma": {}, "vessel_wall": {}, "elongation": {}, "abluminal_wall": {}, "contact": {}}},
     "terms.vessel_wall: does not go with terms.elongation"),
])  # fmt: skip
def test_episodes_that_cannot_be_are_refused_in_one_line(changes, said):
    with pytest.raises(InputError) as caught:
        Scenario.from_table(beside_tissue(**changes)[0])
    assert any(line.startswith(said) for line in caught.value.problems), caught.value.problems


def test_tissue_without_cells_is_refused(make):
    with pytest.raises(InputError, match="all of them are in vessels; leave vessels"):
        make(beside_tissue()[1][4:])
