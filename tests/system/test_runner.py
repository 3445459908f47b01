"""The runner, with straight walkers in place of the device: files, summary, ends, null arm."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from reference import runs

from physim import runner
from physim.analysis.migration import Trajectories
from physim.arm import record_steps
from physim.errors import PhysicsError
from physim.generate.fiber_network import FiberNetwork
from physim.generate.obstacles import wires
from physim.record import RecordError, Snapshot
from physim.scenario import Scenario
from physim.summary import Outcome, describe, drag_share

STEP = 0.5  # min


def scenario(**changes):
    table = {
        "title": "Walkers, freely!",
        "run": {"duration": "1 h", "step": STEP, "seed": 3},
        "box": {"size": 200, "boundary": "open"},
        "cells": [{"name": "tumor", "count": 12}, {"name": "stroma", "count": 3, "radius": 6}],
        "terms": {"links": {}, "drag": {"coefficient": 2.0}, "steric": {}, "polarity": {}},
        "collagen": {"concentration": 1.0, "bundle_diameter": 0.2},
        "null": {"terms.links.focus": 0.5},
        "record": {"interval": 10},
    }
    return Scenario.from_table(table | changes)


class Walkers:
    """Cells on straight lines of 0.2 um/min (0.1 in the null arm); the last leaves at 30 min."""

    made: list = []
    halt_at: int | None = None
    halt_in = 0
    error: type[BaseException] = KeyboardInterrupt
    buffers: dict = {}
    saved_bytes = 1_000_000

    def __init__(self, given, *, device=None, profile=False, saved=None):
        self.scenario, self.device, self.profile = given, device, profile
        count = sum(group.count for group in given.cells)
        angle = 2 * np.pi * np.arange(count) / count
        self.direction = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        self.speed = 0.2 if given.null else 0.1
        self.step_count, self.network, self.calls, self.looks = 0, None, [], 0
        self.device_info, self.memory = {"device": "walkers"}, 2_500_000
        self.by_hand, self.hooks = {"cells": False}, 0
        self.obstacles = wires((), None)
        self.vessels = None
        Walkers.made.append(self)

    time = property(lambda self: self.step_count * STEP)
    cell_count = property(lambda self: len(self.direction))

    @property
    def status(self):
        self.looks += 1
        return {"cells": len(self.direction), "departed": 0, "total_iterations": 7 * self.step_count,
                "most_iterations": 9, "rebuilds": 4, "clamped": 0}  # fmt: skip

    def profile_table(self):
        return "kernel ms/step" if self.profile else ""

    def step(self, count):
        until_step = self.step_count + count
        self.calls.append(until_step)
        if self.halt_at is not None and until_step >= self.halt_at and len(Walkers.made) > self.halt_in:
            raise self.error("60 nN is too much")
        self.step_count = until_step

    def settle(self):
        pass

    def save(self):
        return None

    def state_hash(self):
        return "walked"

    def snapshot(self):
        n = len(self.direction)
        zero, three = np.zeros(n, np.float32), np.zeros((n, 3), np.float32)
        position = 100 + self.direction * (10 + self.speed * self.time)
        departed = np.full(n, np.nan)
        if self.time >= 30:
            departed[-1] = 30.0
        cells = {
            "id": np.arange(n, dtype=np.uint32),
            "type": (np.arange(n) >= 12).astype(np.uint32),
            "position": position,
            **{name: zero + 4 for name in ("radius", "nucleus_radius", "cadherin", "integrin", "mmp")},
            **{name: three for name in ("polarity", "force")},
            "velocity": (self.speed * self.direction).astype(np.float32),
            "bound_links": np.full(n, 6, np.int32),
            "link_force": zero + 40,
            "junctions": np.zeros(n, np.int32),
            "departed": departed,
        }
        links = {"cell_id": cells["id"], "cell_position": position, "point": position + 1, "tension": zero}
        return Snapshot(self.step_count, self.time, cells, links, self.status)


@pytest.fixture
def walkers(monkeypatch, tmp_path):
    monkeypatch.setattr("physim.simulation.Simulation", Walkers)
    monkeypatch.setattr(Walkers, "made", [])
    monkeypatch.setattr("physim.checkpoint.keep", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return Walkers


def state(folder):
    return json.loads((folder / "run.json").read_text())


def frames(folder):
    entries = ElementTree.parse(folder / "run.pvd").getroot().findall("Collection/DataSet")
    return [float(entry.get("timestep")) for entry in entries if entry.get("name") == "cells"]


def test_run_writes_frames_table_and_summary(walkers, capsys):
    folder = runner.run(scenario(), preview=False, profile=True, device="walk")
    assert folder.as_posix() == "runs/walkers-freely"
    np.testing.assert_allclose(frames(folder), np.arange(7) / 6)
    said = (folder / "summary.txt").read_text()
    for words in (
        "15 (12 tumor, 3 stroma)",
        "10.0 -> 22.0 um (+120.0 %); null: 10.0 -> 16.0 um (+60.0 %)",
        "12.00 um/h over 10 min; net displacement 12.0 um",
        "6.00 um/h over 10 min; net displacement 6.0 um (null: terms.links.focus = 0.5)",
        "1 of 15 cells, the first at 0.50 h",
        "6.0 bound per cell, summed tension 40.0 nN per cell, laboratory drag 1.0 % of it",
        "7.0 solver iterations a step (most 9); neighbour lists built 4 times",
        "2.5 MB on the device; walkers",
        "fibers are held still and are not cut",
        "docs/cell_lines.md",
        "paraview --script=runs/walkers-freely/open_in_paraview.py",
        "physim run runs/walkers-freely/scenario.toml --set 'collagen.concentration=1.5 mg/ml'",
        "kernel ms/step",
    ):
        assert words in said, (words, said)
    assert said in capsys.readouterr().out
    ended = state(folder)
    assert ended["status"] == "complete" and ended["seed"] == 3 and ended["frames"] == 7
    assert ended["device"] == {"device": "walkers"} and ended["null"]["status"] == "complete"
    assert Scenario.from_table(scenario().to_table()) == scenario()
    assert (folder / "scenario.toml").read_text() == scenario().to_toml()
    assert walkers.made[0].device == "walk" and walkers.made[0].profile


def test_null_arm_has_its_own_table_and_no_frames(walkers):
    folder = runner.run(scenario(), preview=False)
    null, own = Trajectories.read(folder / "null.parquet"), Trajectories.read(folder)
    np.testing.assert_array_equal(null.time, own.time)
    assert null.speed_at(10) == pytest.approx(6) and own.speed_at(10) == pytest.approx(12)
    assert len(list((folder / "frames").glob("cells_*"))) == 7
    assert walkers.made[1].scenario == scenario().null_arm()


def test_run_without_null_arm_runs_once(walkers):
    folder = runner.run(scenario(null={}), preview=False)
    assert len(walkers.made) == 1 and "null" not in (folder / "summary.txt").read_text()


def test_interrupted_run_keeps_its_frames_and_says_so(walkers, monkeypatch, capsys):
    monkeypatch.setattr(Walkers, "halt_at", 50)
    with pytest.raises(KeyboardInterrupt):
        runner.run(scenario(), out=None, preview=False)
    (folder,) = (runner.Path("runs")).iterdir()
    assert state(folder)["status"] == "interrupted"
    np.testing.assert_allclose(frames(folder), [0, 1 / 6, 1 / 3])
    assert len(Trajectories.read(folder).time) == 3
    assert "3 complete frames, the last at 0.333333 h" in capsys.readouterr().out


def test_stopped_run_gives_the_reason_and_raises(walkers, monkeypatch, tmp_path):
    monkeypatch.setattr(Walkers, "halt_at", 21)
    monkeypatch.setattr(Walkers, "error", PhysicsError)
    with pytest.raises(PhysicsError, match="60 nN is too much"):
        runner.run(scenario(), out=tmp_path / "here", preview=False)
    assert state(tmp_path / "here")["status"] == "stopped: 60 nN is too much"
    assert len(frames(tmp_path / "here")) == 2


def test_stopped_null_arm_is_told_and_the_run_stands(walkers, monkeypatch):
    monkeypatch.setattr(Walkers, "halt_at", 70)
    monkeypatch.setattr(Walkers, "halt_in", 1)
    monkeypatch.setattr(Walkers, "error", PhysicsError)
    folder = runner.run(scenario(), preview=False)
    assert state(folder)["status"] == "complete"
    assert state(folder)["null"]["status"] == "stopped: 60 nN is too much"
    assert "(null: terms.links.focus = 0.5; stopped: 60 nN is too much)" in (folder / "summary.txt").read_text()


def test_full_disk_during_a_run_is_one_error(walkers, monkeypatch, tmp_path):
    real, count = runner.Recorder.write, []

    def full(self, taken):
        count.append(1)
        if len(count) == 3:
            raise RecordError("frames: cannot be written: No space left on device")
        real(self, taken)

    monkeypatch.setattr(runner, "disk", lambda sim: None)
    monkeypatch.setattr(runner.Recorder, "write", full)
    with pytest.raises(RecordError, match="No space left"):
        runner.run(scenario(), out=tmp_path / "here", preview=False)
    assert state(tmp_path / "here")["status"].startswith("stopped: frames: cannot be written")
    assert len(frames(tmp_path / "here")) == 2


def test_runs_never_share_a_folder(walkers, tmp_path):
    given = scenario(null={})
    names = [runner.run(given, out=tmp_path / "a", preview=False).name for _ in range(3)]
    assert names == ["a", "a-2", "a-3"]


def test_links_are_left_out_on_request(walkers):
    folder = runner.run(scenario(null={}, record={"interval": 30, "links": False}), preview=False)
    assert not list((folder / "frames").glob("links*")) and 'name="links"' not in (folder / "run.pvd").read_text()
    assert "over 30 min" in (folder / "summary.txt").read_text()


@pytest.mark.parametrize("kept", [True, False])
def test_fibers_that_move_are_in_frames_unless_told_otherwise(walkers, monkeypatch, kept):
    net, begin, look = runs.network([[10, 10, 50]], [[90, 10, 50]]), Walkers.__init__, Walkers.snapshot

    def with_network(self, *given, **options):
        begin(self, *given, **options)
        self.network = net

    monkeypatch.setattr(Walkers, "__init__", with_network)
    monkeypatch.setattr(Walkers, "snapshot", lambda self: replace(look(self), fibers=runs.moved(net, self.time)))
    folder = runner.run(scenario(null={}, record={"interval": 30, "fibers": kept}), preview=False)
    assert len(list((folder / "frames").glob("fibers*"))) == (3 if kept else 0)
    assert (folder / "fibers.vtp").exists() is not kept
    assert (folder / "run.pvd").read_text().count('name="fibers"') == 3


def test_pictures_that_fail_are_told_and_harm_nothing(walkers, monkeypatch, capsys):
    def refuses(_):
        raise PhysicsError("no OSMesa; install libosmesa6")

    monkeypatch.setattr(runner, "_plots", lambda folder: [folder / "invasion.png"])
    monkeypatch.setattr(runner, "_renderings", refuses)
    folder = runner.run(scenario(null={}), preview=True)
    said = capsys.readouterr().out
    assert f"{folder / 'invasion.png'}" in said and "no renderings: no OSMesa; install libosmesa6" in said
    monkeypatch.setattr(runner, "_plots", lambda folder: 1 / 0)
    monkeypatch.setattr(runner, "_renderings", lambda folder: None)
    runner.run(scenario(null={}), preview=True)
    said = capsys.readouterr().out
    assert "no plots: ZeroDivisionError" in said and "no renderings: nothing could be drawn" in said


def test_device_is_looked_at_per_piece_and_not_per_step(walkers):
    given = scenario(null={}, run={"duration": "50 h", "step": STEP}, record={"interval": 600})
    runner.run(given, preview=False)
    (sim,) = walkers.made
    assert sim.calls[-1] == 6000 and sim.looks < 60
    assert sorted(set(sim.calls)) == sim.calls  # forward, and no step twice


@pytest.mark.parametrize(
    "duration, step, interval, expected",
    [
        (60, 0.5, 10, [0, 20, 40, 60, 80, 100, 120]),
        (25, 1, 10, [0, 10, 20, 25]),
        (0.7, 0.1, 0.3, [0, 3, 6, 7]),  # in floating point 0.3 / 0.1 is below 3
        (5, 1, 5, [0, 5]),
    ],
)
def test_records_are_at_each_interval_and_at_the_end(duration, step, interval, expected):
    given = scenario(run={"duration": duration, "step": step}, record={"interval": interval})
    assert list(record_steps(given)) == expected


def test_share_of_the_drag_is_printed_wherever_links_pull(walkers):
    """The drag acts with its default of 2 nN min/um where the scenario does not name it."""
    last = Walkers(scenario()).snapshot()
    assert drag_share(scenario(), last) == pytest.approx(0.2 * 2 / 40)
    unnamed = scenario(terms={"links": {}})
    assert drag_share(unnamed, last) == pytest.approx(0.2 * 2 / 40)
    folder = runner.run(unnamed, preview=False)
    assert "nN per cell, laboratory drag 1.0 % of it (means" in (folder / "summary.txt").read_text()


def test_one_of_a_kind_is_counted_as_one_and_thin_gels_are_not_zero(walkers):
    alone = scenario(cells=[{"count": 1}], null={})
    gel = FiberNetwork(np.array([[0.0, 0, 0], [100, 0, 0]]), np.array([[0, 1]]), np.array([0]), np.zeros((0, 2)),
                       np.zeros((0, 2)), np.zeros(3), np.full(3, 200.0), (False,) * 3, 0.2)  # fmt: skip
    sim = Walkers(alone)
    sim.step_count = 1
    path = Trajectories.read(runner.run(alone, preview=False))
    said = describe(Outcome(alone, runner.Path("r"), path, sim.snapshot(), network=gel))
    assert "  cells           1; box 200 x 200 x 200 um" in said
    assert "1 fiber, 1 segment, 1.25e-05 um of fiber per um^3" in said
    named = scenario(cells=[{"count": 1, "name": "tumor"}], null={})
    assert "  cells           1 (tumor); box" in describe(Outcome(named, runner.Path("r"), path, sim.snapshot()))
