"""A run that was cut goes on to the same bits: split at every step for every term, killed at random moments."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from reference import blood, scenes

from physim import checkpoint, runner
from physim.assembly import build_step
from physim.errors import InputError
from physim.scenario import Scenario, load
from physim.simulation import Saved, Simulation
from physim.terms import REGISTRY

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
MORE = {"noise": {"diffusion": 0.5}, "births": None, "fibers": None, "segments": None,
        "strain": {"shear_rate": 0.02},
        "turnover": {"release_rate": 0.2, "binding_rate": 5.0, "interval": 0.2},
        "proteolysis": {"rate": 3.0, "interval": 0.3}, "repair": {"time": 3.0, "interval": 0.2},
        "deposition": {"rate": 1.0, "length": 8.0, "capture": 5.0, "reserve": 6, "interval": 0.2},
        "shedding": {"ripping_ratio": 1.0, "decay_rate": 1.0, "synthesis_rate": 1.0, "ligand_gain": 3.0,
                     "interval": 0.2},
        "haptotaxis": {"shed_weight": 1.0}, "cortex": {"vertices": 42}}  # fmt: skip
"""What switches a term on, where its name alone does not."""


def scene(term: str) -> tuple[dict, dict]:
    """A crowd that moves and rebuilds its lists often, with the term and what it acts on; its cells."""
    if term in IN_BLOOD:
        return in_blood(term)
    if term == "abluminal_wall":
        table, places = blood.beside_tissue()
        return table, scenes.cells(places, radius=5.0)
    rng = np.random.default_rng(5)
    lattice = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cells = scenes.cells(14 + 13.0 * lattice + rng.uniform(-1, 1, lattice.shape), rng.uniform(7, 9, 27))
    moving = term in ("network", "strain", "segments", "repair", "shedding", "haptotaxis")
    matrix = moving or term in ("links", "steric", "nucleus", "fibers", "cortex")
    laws = {"contact": {}, "noise": {"diffusion": 0.2}, "polarity": {}, "neighbors": {"skin": 0.3}}
    if MORE.get(term, {}) is not None:
        laws[term] = laws.get(term) or MORE.get(term, {})
    table = scenes.table(laws, size=72.0, boundary=("wall", "periodic", "open"), collagen=matrix)
    if matrix:
        table["collagen"] = {"concentration": 2.0, "bundle_diameter": 0.3}
        table["terms"] |= {"links": {}} if term == "cortex" else {"links": {}, "steric": {}}
    if moving:
        table["terms"]["network"] = {"wake_force": 1.0, "still_distance": 0.02}
    if term == "repair":
        table["terms"] |= {name: MORE[name] for name in ("turnover", "proteolysis", "deposition")}
    if term == "shedding":
        table["terms"]["links"] = {"binding_rate": 5.0, "release_rate": 0.5}
    if term == "haptotaxis":
        table["terms"] |= {name: MORE.get(name, {}) for name in (*OTHER_CUES, "shedding")}
    if term == "nucleus":
        table["obstacles"] = [{"kind": "plate", "hole_area": 50.0, "pitch": 13.0, "spacing": 1.0, "ligand": 1.0}]
    if term == "births":
        table["own_terms"], table["terms"]["budding"] = [OWN], {"period": 5}
    return table, cells


IN_BLOOD = ("vessel_wall", "elongation", "bond", "plasma")


def in_blood(term: str) -> tuple[dict, dict]:
    """Cells in a tube, and one that leaves it; those of two ends hardly fit."""
    laws = {"vessel_wall": {}} if term == "vessel_wall" else {"elongation": {}}
    table = blood.table({**laws, "bond": {}, "plasma": {}, "neighbors": {"skin": 0.3}}, [80.0, 24.0, 24.0],
                        network="tube", radius=6.5 if term != "vessel_wall" else 8.5, length=50.0, pressure="2 kPa",
                        speed="500 um/s", voxel="3 um")  # fmt: skip
    return table, scenes.cells([[22, 12, 12], [37, 12.5, 12], [60, 12, 12]], radius=7.0)


OTHER_CUES = ("attractant", "chemotaxis", "contact_guidance", "contact_inhibition", "following", "traction_feedback")
IN_OTHER_SCENES = ("chains", "proteolysis", "turnover", "deposition", *OTHER_CUES)


def scenes_that_differ() -> list[tuple[str, ...]]:
    """All terms, those together whose scenes are the same: `budding` and `births`, and where steps are the same."""
    found: dict[str, list[str]] = {"births": ["budding"]}
    for name in (name for name in REGISTRY if name not in IN_OTHER_SCENES):
        table, key = scene(name)[0], name
        if "own_terms" not in table:  # which the test loads
            with suppress(InputError):  # the test meets it again
                scenario = Scenario.from_table(table)
                key = repr((build_step(scenario), scenario.collagen, scenario.box, scenario.run))
        found.setdefault(key, []).append(name)
    return [tuple(names) for names in found.values()]


@pytest.mark.parametrize("terms", scenes_that_differ(), ids="+".join)
def test_split_at_every_step_equals_straight(make_simulation, device_label, terms, tmp_path) -> None:
    """Each step is taken by a new simulation, from a checkpoint on disk of the step before.

    The scene of `repair` is also that of what cuts, what turns crosslinks over and what is laid down; that of
    `haptotaxis` has all cues.
    """
    table, cells = scene("births" if terms[0] == "budding" else terms[0])
    straight = make_simulation(table, cells=cells)
    assert set(terms) <= {term.name for term in straight.terms}
    split = make_simulation(table, cells=cells)
    begin, least_awake = straight.state_hash(), 1 << 30
    for step in range(1, 21):
        straight.step()
        least_awake = min(least_awake, straight.status["awake"])
        saved, notes = checkpoint.read(checkpoint.keep(tmp_path, split.save(), {"frames": step}))
        assert notes == {"frames": step}
        split = Simulation(straight.scenario, device=device_label, saved=saved)
        split.step()
        assert split.state_hash() == straight.state_hash(), f"after step {step}"
        assert {**split.status, "rows_needed": 0} == {**straight.status, "rows_needed": 0}
    assert straight.state_hash() != begin
    if "deposition" in table["terms"]:
        assert straight.status["deposits_refused"] and straight.status["deposits_blocked"], "some find room, not all"
    if "network" in table["terms"]:
        assert 0 < least_awake < straight.network.fibers, "some fibers sleep, some move"
    assert len(list(tmp_path.glob("step_*"))) == 2, "two checkpoints are kept"


RUN = ["invasion", "--set", "box.size=70 um", "--set", "cells.0.count=4", "--set", "record.interval=1 min",
       "--set", "run.duration=12 min", *(word for change in scenes.HELD for word in ("--set", change))]  # fmt: skip


def physim(*words: str, folder: Path, device: str) -> subprocess.Popen:
    environment = os.environ | {"PHYSIM_CHECKPOINT_SECONDS": "0"}
    command = [sys.executable, "-m", "physim", *words, "--no-preview", "--device", device]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a finished run that do not tell of its wall time, and the hash of its state."""
    names = ("fibers.vtp", "run.pvd", "scenario.toml", "cells.parquet", "null.parquet")
    files = {name: (folder / name).read_bytes() for name in names}
    assert (folder / "summary.txt").exists()
    files |= {path.name: path.read_bytes() for path in (folder / "frames").iterdir()}
    return files | {"state": json.loads((folder / "run.json").read_text())["state_sha256"].encode()}


@pytest.fixture(scope="module")
def unbroken(device_label, tmp_path_factory) -> tuple[dict[str, bytes], float]:
    """What a run that nothing disturbs leaves, and how long it takes."""
    folder = tmp_path_factory.mktemp("unbroken")
    begin = time.monotonic()
    run = physim("run", *RUN, "--out", "whole", folder=folder, device=device_label)
    said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    return contents(folder / "whole"), time.monotonic() - begin


def when(folder: Path, files: str, count: int, run: subprocess.Popen) -> bool:
    """Wait for so many files in a run's folder; False if the run ended first."""
    while len(list(folder.glob(files))) < count:
        if run.poll() is not None:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    "moments",
    [[("frames/cells_*", 1)], [("frames/cells_*", 4), ("checkpoints/*", 2)], [("null/part_*", 5), ("null/part_*", 9)]],
    ids=["at once", "twice in the run", "twice in the null arm"],
)
def test_killed_run_resumes_to_the_same_bits(unbroken, device_label, moments, tmp_path) -> None:
    words = ("run", *RUN, "--out", "cut")
    for files, count in moments:
        run = physim(*words, folder=tmp_path, device=device_label)
        assert when(tmp_path / "cut", files, count, run), run.communicate()
        run.kill()
        run.communicate()
        words = ("resume", "cut")
    run = physim(*words, folder=tmp_path, device=device_label)
    said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert contents(tmp_path / "cut") == unbroken[0]


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_random_moments(unbroken, device_label, seed, tmp_path) -> None:
    """SIGKILL, or SIGTERM for every fourth, after random shares of the time that the run takes."""
    whole, seconds = unbroken
    number = signal.SIGTERM if seed % 4 == 3 else signal.SIGKILL
    moment, broken = random.Random(seed), 0
    words: tuple[str, ...] = ("run", *RUN, "--out", "cut")
    while True:
        run = physim(*words, folder=tmp_path, device=device_label)
        try:
            said = run.communicate(timeout=moment.uniform(0.2, 1.0) * seconds if broken < 3 else 120)
        except subprocess.TimeoutExpired:
            run.send_signal(number)
            run.communicate(timeout=60)
            broken += 1
        else:
            assert run.returncode == 0, said
            break
        if (tmp_path / "cut" / "run.json").exists():
            if json.loads((tmp_path / "cut" / "run.json").read_text())["status"] == "complete":
                break  # killed when all was done
            words = ("resume", "cut")
        elif (tmp_path / "cut").exists():
            (tmp_path / "cut").rename(tmp_path / f"stillborn-{broken}")
    assert contents(tmp_path / "cut") == whole


def test_terminated_run_says_how_to_go_on(device_label, tmp_path) -> None:
    run = physim("run", "aggregate", "--set", "cells.0.count=100", "--set", "run.duration=1000 h",
                 "--set", "record.interval=10 h", "--out", "long", folder=tmp_path, device=device_label)  # fmt: skip
    while not list((tmp_path / "long" / "checkpoints").glob("step_*.h5")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    time.sleep(0.5)
    run.terminate()
    said, errors = run.communicate(timeout=20)
    assert run.returncode == 130 and errors == "interrupted\n"
    assert "go on with: physim resume long" in said
    steps = [int(path.stem.split("_")[1]) for path in (tmp_path / "long" / "checkpoints").iterdir()]
    assert 0 < max(steps) < 6000, "at the step where it was, not at a record"


@pytest.fixture(scope="module")
def six_minutes(device_label, tmp_path_factory) -> tuple[Scenario, Path]:
    """A scenario of seven records, and the folder of a run of it that nothing disturbs."""
    scenario, out = load("invasion", [*RUN[2::2], "null=off", "run.duration=6 min"]), tmp_path_factory.mktemp("six")
    return scenario, runner.run(scenario, out=out / "whole", device=device_label, preview=False)


def test_full_disk_then_resume(six_minutes, device_label, tmp_path, monkeypatch) -> None:
    """A write that fails stops the run; with room again it goes on to what it would have been."""
    scenario, whole = six_minutes
    real, count = runner.cell_table.write, []

    def full(path, table):
        count.append(path)
        if len(count) == 6:
            raise OSError(28, "No space left on device")
        real(path, table)

    monkeypatch.setattr(runner, "disk", lambda sim: None)
    monkeypatch.setattr(runner.cell_table, "write", full)
    monkeypatch.setenv("PHYSIM_CHECKPOINT_SECONDS", "0")
    with pytest.raises(runner.RecordError, match="No space left on device; 5 complete frames are kept"):
        runner.run(scenario, out=tmp_path / "cut", device=device_label, preview=False)
    monkeypatch.setattr(runner.cell_table, "write", real)
    runner.resume(tmp_path / "cut", device=device_label, preview=False)
    for name in ("cells.parquet", "run.pvd", "frames/cells_000006.vtp", "frames/links_000006.vtp"):
        assert (tmp_path / "cut" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("moment", ["in the step", "in the record"])
def test_interrupted_at_a_record_then_resume(six_minutes, device_label, tmp_path, monkeypatch, moment) -> None:
    """Ctrl-C in the step that a record follows, or while it is written: the record has its forces all the same."""
    scenario, whole = six_minutes
    place, name = (Simulation, "step") if moment == "in the step" else (runner.Recorder, "write")
    real = getattr(place, name)

    def interrupted(self, given):
        real(self, given)
        if getattr(self, "step_count", 0) == 20 or getattr(self, "frames", 0) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(place, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(scenario, out=tmp_path / "cut", device=device_label, preview=False)
    monkeypatch.setattr(place, name, real)
    assert checkpoint.newest(tmp_path / "cut" / "checkpoints")[1] == {"frames": 3}
    runner.resume(tmp_path / "cut", device=device_label, preview=False)
    for file in ("cells.parquet", "run.pvd", "frames/cells_000002.vtp", "frames/links_000003.vtp"):
        assert (tmp_path / "cut" / file).read_bytes() == (whole / file).read_bytes(), file


def test_what_cannot_be_resumed_is_refused(device_label, tmp_path) -> None:
    scenario = load("doublet", ["run.duration=1 min", "record.interval=0.5 min", "null=off"])
    done = runner.run(scenario, out=tmp_path / "done", device=device_label, preview=False)
    with pytest.raises(InputError, match="this run is complete; start another with `physim run"):
        runner.resume(done, device=device_label)
    with pytest.raises(InputError, match=r"has no readable run\.json; give the folder that 'physim run' made"):
        runner.resume(tmp_path, device=device_label)
    info = json.loads((done / "run.json").read_text())
    (done / "run.json").write_text(json.dumps(info | {"status": "running"}))
    with pytest.raises(InputError, match=r"part_000000\.parquet: 3 frames were recorded and are not all there"):
        runner.resume(done, device=device_label, preview=False)


def test_second_process_is_kept_out(device_label, tmp_path) -> None:
    run = physim("run", "aggregate", "--set", "cells.0.count=50", "--set", "run.duration=1000 h", "--out", "mine",
                 folder=tmp_path, device=device_label)  # fmt: skip
    try:
        while not list((tmp_path / "mine").glob("run.pvd")):
            assert run.poll() is None, run.communicate()
            time.sleep(0.05)
        with pytest.raises(InputError, match="mine: another process is writing this run; wait for it, or stop it"):
            runner.resume(tmp_path / "mine", device=device_label)
    finally:
        run.kill()
        run.wait()


def test_saved_state_of_another_scenario_is_refused(make_simulation, device_label) -> None:
    saved = make_simulation(*scene("crawl")[:1], cells=scene("crawl")[1]).save()
    table, _ = scene("junction")
    with pytest.raises(InputError, match="its arrays are not those of the scenario"):
        make_simulation(table, saved=saved)
    narrow = {**scene("crawl")[0], "box": {"size": 80.0, "boundary": ("wall", "periodic", "open")}}
    with pytest.raises(InputError, match=r"saved state: quantum .* keep box and terms"):
        make_simulation(narrow, saved=saved)
    assert isinstance(saved, Saved)


SOAK = """
import ctypes, gc, os, pathlib, sys
from physim import checkpoint
from physim.scenario import load
from physim.simulation import Simulation

def resident():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the C library has freed but holds is no leak
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

scenario = load("invasion", ["box.size=100 um", "cells.0.count=6", "null=off", "run.duration=1000 h",
                             *sys.argv[4:]])
sim = Simulation(scenario, device=sys.argv[1])
seen = []
for turn in range(int(sys.argv[2])):
    sim.step(int(sys.argv[3]))
    saved, _ = checkpoint.read(checkpoint.keep(pathlib.Path("kept"), sim.save(), {"frames": turn}))
    sim = Simulation(scenario, device=sys.argv[1], saved=saved)
    seen.append((resident(), len(os.listdir("/proc/self/fd"))))
print(seen[len(seen) // 4], seen[-1], sim.step_count)
"""


@pytest.mark.faults
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="only Linux tells a process its memory")
def test_soak_of_20_000_steps_leaks_nothing(device_label, tmp_path) -> None:
    """A resume every 1,000 steps: resident memory stays within 1 MB, file descriptors stay as many."""
    done = subprocess.run([sys.executable, "-c", SOAK, device_label, "20", "1000", *scenes.HELD], cwd=tmp_path,
                          capture_output=True, text=True, timeout=900)  # fmt: skip
    assert done.returncode == 0, done.stderr
    begin, descriptors, end, more, steps = map(int, re.findall(r"\d+", done.stdout))
    print(f"resident {begin / 1e6:.1f} -> {end / 1e6:.1f} MB, {descriptors} -> {more} descriptors")
    assert steps == 20_000 and more == descriptors and end - begin < 1_000_000
