"""What a machine can do to a run: homes, caches, devices that are missing, foreign, full or stuck; NaN anywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from reference import blood, scenes
from reference.commands import inside

from physim import device as devices
from physim import kernel_cache, runner
from physim.errors import DeviceError, DeviceFailureError, InputError, PhysicsError, StuckDeviceError
from physim.scenario import Scenario, load
from physim.simulation import Simulation
from physim.state import ARRAYS

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
SMALL = ["doublet", "--set", "run.duration=1 min", "--set", "record.interval=0.5 min", "--no-preview"]
TINY = """title = "tiny"
[run]
duration = "1 min"
[box]
size = 60
[[cells]]
count = 2
[terms.noise]
diffusion = 0.01
[record]
interval = "0.5 min"
"""
"""A scenario of few kernels, where all have to be built."""


def physim(*words: str, folder: Path, **environment: str | None) -> subprocess.CompletedProcess:
    merged = {k: v for k, v in (os.environ | environment).items() if v is not None}
    command = [sys.executable, "-m", "physim", *words]
    return subprocess.run(command, cwd=folder, env=merged, capture_output=True, text=True, timeout=120)


def noted(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("kernel cache"))


# kernel cache


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PHYSIM_CACHE": None, "HOME": None, "XDG_CACHE_HOME": None}, r"kernel cache: /"),
        ({"PHYSIM_CACHE": None, "HOME": "/proc/nobody", "XDG_CACHE_HOME": None},
         r"for this run only, because /proc/nobody/\.cache/physim/kernels cannot be written"),
        ({"PHYSIM_CACHE": "/proc/kernels"}, r"for this run only, because /proc/kernels cannot be written \(No such"),
        ({"PHYSIM_CACHE": os.devnull}, r"for this run only, because /dev/null cannot be written"),
    ],
    ids=["no home", "home that cannot be written", "read-only", "no folder"],
)  # fmt: skip
def test_caches_that_cannot_be_used_are_told_and_replaced(tmp_path, environment, words) -> None:
    found = physim("devices", folder=tmp_path, **environment)
    assert found.returncode == 0 and re.search(words, noted(found.stdout)), found.stdout
    (tmp_path / "tiny.toml").write_text(TINY)
    ran = physim("run", "tiny.toml", "--no-preview", "--out", "r", folder=tmp_path, **environment)
    assert ran.returncode == 0, ran.stderr
    if "for this run only" in words:
        left = noted(found.stdout).split()[2]
        assert not Path(left).exists(), "the folder for one run goes with it"


def test_no_place_for_a_cache_is_one_line(tmp_path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    ran = physim("run", "tiny.toml", "--no-preview", folder=tmp_path, PHYSIM_CACHE="/proc/kernels",
                 TMPDIR="/proc/temporary", PYTHONSAFEPATH="1")  # fmt: skip
    if ran.returncode == 0:  # Python found another folder for temporary files
        assert "runs/" in ran.stdout
        return
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1, ran.stderr
    assert "set PHYSIM_CACHE to a folder with 20 MB of room" in ran.stderr


def test_foreign_and_full_caches_are_refused(tmp_path, monkeypatch) -> None:
    assert kernel_cache._objection(tmp_path) == ""
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
        assert kernel_cache._objection(tmp_path) == "belongs to somebody else"
    with monkeypatch.context() as patch:
        patch.setattr(kernel_cache.shutil, "disk_usage", lambda folder: type("", (), {"free": 19_000_000}))
        assert kernel_cache._objection(tmp_path) == "has less than 20 MB of room"
    tmp_path.chmod(0o777)
    assert kernel_cache._objection(tmp_path) == "" and tmp_path.stat().st_mode & 0o777 == 0o700


def test_changed_kernels_are_built_again(tmp_path, device_label) -> None:
    """Cut, zeroed and half-written files of the cache: the run is as with a fresh one."""
    cache = tmp_path / "cache"
    options = {"PHYSIM_CACHE": str(cache), "PHYSIM_DEVICE": device_label}
    (tmp_path / "tiny.toml").write_text(TINY)

    def state(name: str) -> str:
        ran = physim("run", "tiny.toml", "--no-preview", "--out", name, folder=tmp_path, **options)
        assert ran.returncode == 0, ran.stderr
        return json.loads((tmp_path / name / "run.json").read_text())["state_sha256"]

    fresh = state("fresh")
    built = sorted(cache.rglob("*.so"))
    if not built:
        assert "Portable Computing Language" not in device_label, "PoCL keeps its kernels in the cache"
        return
    whole = {path: path.read_bytes() for path in built}
    built[0].write_bytes(whole[built[0]][:1000])
    built[1].write_bytes(b"")
    built[2].write_bytes(bytes(len(whole[built[2]])))
    (built[3].parent / "tempfile-x").write_bytes(b"half")
    assert state("again") == fresh
    assert all(path.stat().st_size > 4000 for path in built[:3])
    assert not (built[3].parent / "tempfile-x").exists()
    (cache / "manifest.json").write_text("[1, 2")
    assert state("third") == fresh


# settings


def test_settings_that_are_no_numbers_are_one_line_each(tmp_path) -> None:
    wrong = {"PHYSIM_WORKGROUP": "0", "PHYSIM_PATIENCE": "abc", "PHYSIM_CHECKPOINT_SECONDS": "-1"}
    ran = physim("run", *SMALL, "--out", "r", folder=tmp_path, **wrong)
    assert ran.returncode == 2 and ran.stdout == "" and not (tmp_path / "r").exists()
    assert ran.stderr.splitlines() == [
        "error: PHYSIM_WORKGROUP: '0' is no whole number from 1 to 65536 (work-items); write e.g. PHYSIM_WORKGROUP=64, "
        "or unset it",
        "error: PHYSIM_PATIENCE: 'abc' is no number from 0.1 to 1e+09 (seconds); write e.g. "
        "PHYSIM_PATIENCE=900, or unset it",
        "error: PHYSIM_CHECKPOINT_SECONDS: '-1' is no number from 0 to 1e+09 (seconds); write e.g. "
        "PHYSIM_CHECKPOINT_SECONDS=30, or unset it",
    ]


@pytest.mark.parametrize("text", ["nan", "inf", "1.5", "", " 8 "])
def test_settings_are_read_when_a_device_is_opened(device, monkeypatch, text) -> None:
    monkeypatch.setenv("PHYSIM_WORKGROUP", text)
    if text.strip() in ("", "8"):
        assert devices.Device(device.found).work_group == min(int(text or 64), device.work_group)
        return
    with pytest.raises(InputError, match=r"PHYSIM_WORKGROUP: .* is no whole number from 1"):
        devices.Device(device.found)


def test_bench_refuses_a_json_that_it_cannot_write_before_it_times(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("no/such/x.json", "."):
        ran = inside("bench", "--quick", "--json", place)
        assert (ran.returncode, ran.stdout) == (2, "")
        (line,) = ran.stderr.splitlines()
        assert line.startswith(f"error: --json {place}: cannot be written; give a file")


# devices


def test_device_without_memory_is_one_line(device, monkeypatch) -> None:
    import pyopencl as cl

    def refuses(*_, **__):
        raise cl.MemoryError(cl._cl._ErrorRecord("failed", -4, "enqueue_fill_buffer"))

    monkeypatch.setattr(devices.Device, "reserve", lambda *_: None)
    monkeypatch.setattr(cl, "enqueue_fill_buffer", refuses)
    said = r"could not allocate 4,096 bytes for 'force' \(OpenCL -4 .*fewer cells"
    with pytest.raises(DeviceFailureError, match=said):
        device.empty("force", 4096)
    assert DeviceFailureError.exit_code == 3 and DeviceError.exit_code == 2


def test_device_that_fails_in_a_step_keeps_the_frames(tmp_path, device_label, monkeypatch) -> None:
    import pyopencl as cl

    real, count = cl.enqueue_nd_range_kernel, []

    def fails(*words, **named):
        count.append(1)
        if len(count) == 300:
            raise cl.RuntimeError(cl._cl._ErrorRecord("failed", -5, "enqueue_nd_range_kernel"))
        return real(*words, **named)

    monkeypatch.setattr(cl, "enqueue_nd_range_kernel", fails)
    scenario = load("doublet", ["run.duration=5 min", "record.interval=0.1 min", "null=off"])
    with pytest.raises(DeviceFailureError, match=r"could not run a step \(OpenCL -5"):
        runner.run(scenario, out=tmp_path / "r", device=device_label, preview=False)
    info = json.loads((tmp_path / "r" / "run.json").read_text())
    assert info["status"].startswith("stopped: device:") and info["frames"] >= 1
    monkeypatch.setattr(cl, "enqueue_nd_range_kernel", real)
    runner.resume(tmp_path / "r", device=device_label, preview=False)
    assert json.loads((tmp_path / "r" / "run.json").read_text())["frames"] == 51


def test_stuck_kernel_ends_the_run(tmp_path, device_label) -> None:
    """A user's term that never ends, on a device that cannot be interrupted."""
    (tmp_path / "stuck.py").write_text(
        "from physim import Kernel, Term\n\n\nclass Stuck(Term):\n    '''Never ends.'''\n\n    name = 'stuck'\n"
        "    kernels = (Kernel('stuck', 'cell', ('position',), (), ('displacement',)),)\n"
    )
    (tmp_path / "stuck.cl").write_text(
        "void stuck(uint i, __constant World *world, __global Status *status, __constant Stuck *term,\n"
        "           __global const int4 *position, __global float4 *displacement) {\n"
        "  volatile __global uint *step = &status->step;\n"
        "  for (uint n = 0; *step >= 20u; ++n) displacement[i].x += n == 0xFFFFFFFFu ? 1e-30f : 0.0f;\n}\n"
    )
    (tmp_path / "s.toml").write_text(
        'title = "stuck"\nown_terms = ["stuck.py"]\n[run]\nduration = "1 h"\n[box]\nsize = 60\n[[cells]]\ncount = 2\n'
        '[terms.stuck]\n[record]\ninterval = "1 min"\n'
    )
    begin = time.monotonic()
    ran = physim("run", "s.toml", "--out", "r", "--device", device_label, folder=tmp_path, PHYSIM_PATIENCE="3")
    assert ran.returncode == 3, (ran.stdout, ran.stderr)
    (line,) = ran.stderr.splitlines()
    assert "has not answered for 3 s; recorded frames are whole; PHYSIM_PATIENCE" in line
    assert time.monotonic() - begin < 60
    info = json.loads((tmp_path / "r" / "run.json").read_text())
    assert info["status"].startswith("stopped: device:") and info["frames"] == 3
    assert issubclass(StuckDeviceError, DeviceError)


# NaN


def crowd() -> tuple[dict, dict]:
    """Two cells with every array of floats that the built-in terms have."""
    laws = {"contact": {}, "junction": {}, "links": {}, "steric": {}, "crawl": {}, "friction": {}, "physicell": {},
            "polarity": {"feedback": 0.1}, "noise": {"diffusion": 0.01}}  # fmt: skip
    table = scenes.table(laws, size=80.0, boundary="wall", collagen=True)
    table["collagen"] = {"concentration": 1.0, "bundle_diameter": 0.3}
    return table, scenes.cells([[35, 40, 40], [45, 40, 40]])


def in_a_tube() -> tuple[dict, dict]:
    """Two cells of two ends that fill a tube, in blood that hardly flows."""
    table = blood.table({"elongation": {}, "bond": {}, "plasma": {}}, [110.0, 44.0, 44.0], network="tube", radius=6.5,
                        length=80.0, speed="0.01 um/s", pressure="0.0001 kPa", voxel="2.5 um")  # fmt: skip
    table["run"]["step"] = 0.1
    return table, scenes.cells([[40, 22, 22], [56, 22, 22]], radius=7.0)


FLOATS = [name for name, array in ARRAYS.items() if array.persists and array.type.startswith("float")
          and not name.startswith(("anchored_", "end_"))]  # fmt: skip
"""But for what `shedding` notes of links: it moves nothing, and a number that is none counts as a link that let go. And
but for ends of cells, which are written in each step before anything reads them."""


@pytest.mark.parametrize("name", FLOATS)
def test_nan_is_caught_within_a_record_interval(tmp_path, device_label, monkeypatch, name) -> None:
    table, cells = in_a_tube() if name in ("branch", "body_radius", "body_axis", "cell_velocity") else crowd()
    if name.startswith(("node_", "segment_", "crosslink_")):  # what glides in its sleep is looked at in sweeps
        asleep = {"wake_force": 1e3, "still_distance": 1.0, "sweep": 4}
        table["terms"]["network"] = asleep if name == "node_glide" else {}
    if name == "shell":
        table["terms"].pop("steric")
        table["terms"]["cortex"] = {"vertices": 42}
    if name == "secretion":
        table["terms"]["deposition"] = {"reserve": 10}
    if "vessels" not in table:
        table["own_terms"], table["terms"]["budding"] = [OWN], {"period": 10_000}
    table["run"]["duration"], table["record"] = 6.0, {"interval": 1.0}
    sim = Simulation(Scenario.from_table(table), device=device_label, cells=cells)
    sim.step(20)

    def poison(sim: Simulation) -> None:
        if sim.step_count == 35:
            values = sim.read(name)
            values.flat[0] = np.nan
            sim.write(name, values)

    sim.every(0.5, poison)
    with pytest.raises(PhysicsError, match="not finite"):
        sim.run(tmp_path / "r")
    info = json.loads((tmp_path / "r" / "run.json").read_text())
    assert info["status"].startswith("stopped: ") and info["last_frame_h"] * 60 == pytest.approx(3.0)
