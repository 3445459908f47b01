"""The run: drives a simulation from the scenario to a finished folder, with progress, null arm and summary.

Above the loop (`physim.simulation`) and the files (`physim.record`); the command line calls `run` and
nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from physim import cell_table
from physim.analysis.migration import Trajectories
from physim.errors import DeviceError, PhysicsError, PhysimError
from physim.files import write_text
from physim.progress import Progress
from physim.record import Recorder, RecordError, Snapshot, new_run_folder, writing
from physim.scenario import Scenario
from physim.summary import Outcome, describe

_PIECE_SECONDS = 0.5
"""Wall time after which the bar moves: the device is looked at only then, never at each step."""


def run(scenario: Scenario, *, out: Path | None = None, device: str | None = None, profile: bool = False,
        preview: bool = True) -> Path:  # fmt: skip
    """Run a scenario, and its null arm, into a new folder; returns the folder.

    `out` names the folder (default: runs/<scenario>); one that exists is never written to: `-2` is appended.
    Raises InputError or DeviceError before anything is written. Later errors, such as PhysicsError or
    RecordError, leave "stopped: ..." in run.json, Ctrl-C leaves "interrupted", and both are raised again;
    the complete frames are kept.
    """
    from physim.simulation import Simulation

    print(scenario.title, flush=True)
    sim: Any = Simulation(scenario, device=device, profile=profile)
    folder = new_run_folder(out.parent, out.name) if out else new_run_folder(Path("runs"), name_of(scenario))
    print(f"writing {folder}", flush=True)
    device_info, network = dict(sim.device_info), sim.network
    recorder = Recorder(
        folder,
        scenario_toml=scenario.to_toml(),
        run_info=_run_info(scenario) | {"device": device_info},
        network=network,
        type_names=[group.name for group in scenario.cells],
    )
    _paraview_script(folder)
    last: list[Snapshot] = []

    def keep(snapshot: Snapshot) -> None:
        recorder.write(snapshot if scenario.record.links else replace(snapshot, links=None))
        last[:] = [snapshot]

    try:
        seconds = _advance(sim, scenario, keep, "run")
        table, device_bytes = sim.profile_table() if profile else "", int(sim.memory)
        info: dict[str, Any] = {
            "stepping_seconds": round(seconds, 3),
            "steps_per_second": round(last[0].step / max(seconds, 1e-9), 3),
            "device_bytes": device_bytes,
        }
        del sim  # its device memory is free for the null arm
        recorder.finish("complete", **info)
        null, null_status = _null_arm(scenario, folder, device)
        if scenario.null:
            info["null"] = {"status": null_status, "changes": scenario.null}
        recorder.finish("complete", **info, host_bytes=_peak_memory())
    except BaseException as error:
        _end(recorder, error)
        raise
    text = describe(
        Outcome(
            scenario=scenario,
            folder=folder,
            path=_read(folder, scenario),
            last=last[0],
            null=null,
            null_status=null_status,
            network=network,
            device=device_info,
            device_bytes=device_bytes,
            host_bytes=_peak_memory(),
            wall_seconds=seconds,
        )
    )
    text += f"\n{table}\n" if table else ""
    with writing(folder / "summary.txt", "the run itself is complete"):
        write_text(folder / "summary.txt", text)
    print("\n" + text, flush=True)
    if preview:
        _pictures(folder)
    return folder


def record_steps(scenario: Scenario) -> Iterator[int]:
    """Steps after which the state is recorded: 0, each interval (a multiple of the step), and the last."""
    total = max(1, round(scenario.run.duration / scenario.run.step))
    yield from range(0, total, max(1, round(scenario.record.interval / scenario.run.step)))
    yield total


def name_of(scenario: Scenario) -> str:
    """The built-in scenario's name, or the title as letters, digits and dashes."""
    from physim import tables
    from physim.scenario import builtin_names, builtin_text

    for name in builtin_names():
        if tables.parse(builtin_text(name), name).get("title") == scenario.title:
            return name.replace("_", "-")
    return re.sub(r"[^a-z0-9]+", "-", scenario.title.lower()).strip("-")[:40].strip("-") or "run"


def _advance(sim: Any, scenario: Scenario, keep: Callable[[Snapshot], None], label: str) -> float:
    """Advance to the end and give every record to `keep`; returns the seconds that the steps took."""
    total = max(1, round(scenario.run.duration / scenario.run.step))
    links: int | None = None  # only known at records
    piece, stepping = 1, 0.0
    with Progress(label, total, scenario.run.step) as progress:
        for target in record_steps(scenario):
            while sim.step_count < target:
                first, begin = sim.step_count, time.perf_counter()
                sim.advance(min(target, first + piece))
                spent = time.perf_counter() - begin
                stepping += spent
                per_step = spent / max(1, sim.step_count - first)
                piece = max(1, min(4 * piece, int(_PIECE_SECONDS / max(per_step, 1e-9))))
                status = sim.status
                cells = status.get("cells", 0)
                progress.show(sim.step_count, cells=cells, links=links)
            snapshot = sim.snapshot()
            if target:
                links = int(np.sum(snapshot.cells["bound_links"]))
            keep(snapshot)
    return stepping


def _null_arm(scenario: Scenario, folder: Path, device: str | None) -> tuple[Trajectories | None, str]:
    """Run the null arm, without frames, into null.parquet: trajectories, and "complete" or why it stopped."""
    arm = scenario.null_arm()
    if arm is None:
        return None, "complete"
    from physim.simulation import Simulation

    rows: list[Any] = []

    def keep(snapshot: Snapshot) -> None:
        rows.append(cell_table.rows(snapshot.time, snapshot.cells, cell_table.TRAJECTORY))

    status = "complete"
    try:
        _advance(Simulation(arm, device=device), arm, keep, "null arm")
    except (DeviceError, PhysicsError) as error:
        status = f"stopped: {error}"
    if not rows:
        return None, status
    with writing(folder / "null.parquet", "the run itself is complete"):
        cell_table.write(folder / "null.parquet", cell_table.stack(rows))
    return _read(folder / "null.parquet", scenario), status


def _read(run: Path, scenario: Scenario) -> Trajectories:
    return Trajectories.read(run, size=scenario.box.size, periodic=scenario.box.periodic)


def _end(recorder: Recorder, error: BaseException) -> None:
    """Close a run that did not come to its end, and say what is left of it."""
    status = (
        "interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped: {error or type(error).__name__}"
    )
    with suppress(RecordError):  # the disk may be full; the first error is the one to raise
        recorder.finish(status)
    kept = f"{recorder.frames} complete frames"
    if recorder.frames:
        kept += f", the last at {recorder.last_time / 60:g} h"
    print(f"{status.splitlines()[0]}; kept in {recorder.folder}: {kept}", flush=True)


def _run_info(scenario: Scenario) -> dict[str, Any]:
    box = scenario.box
    return {
        "title": scenario.title,
        "seed": scenario.run.seed,
        "step_min": scenario.run.step,
        "duration_h": scenario.run.duration / 60,
        "terms": list(scenario.terms),
        "box": {"lower_um": box.lower, "upper_um": box.upper, "boundary": box.boundary},
    }


def _peak_memory() -> int:
    """Bytes; 0 where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _paraview_script(folder: Path) -> None:
    from physim.viz.paraview import write_script

    write_script(folder)


def _pictures(folder: Path) -> None:
    """Pictures of the finished run. Why they cannot be drawn is said; the run is complete."""
    for kind, draw in (("plots", _plots), ("renderings", _renderings)):
        try:
            made = draw(folder)
        except PhysimError as error:
            print(f"no {kind}: {error}")
        except Exception as error:  # a machine without a display fails in many ways
            print(f"no {kind}: {type(error).__name__}: {error}")
        else:
            paths = [made] if isinstance(made, (str, Path)) else list(made or ())
            print("\n".join(str(path) for path in paths) if paths else f"no {kind}: nothing could be drawn")


def _plots(folder: Path) -> Any:
    from physim.viz.plots import plot_invasion

    return plot_invasion(folder)


def _renderings(folder: Path) -> Any:
    from physim.viz.render import render_run

    return list(render_run(folder))
