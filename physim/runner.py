"""The run: from a scenario to a finished folder, with progress, checkpoints, null arm, summary and pictures.

Above the loop (`physim.simulation`) and the files (`physim.record`); the command line calls `run` and `resume`.
"""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from physim import cell_table, checkpoint
from physim.analysis.migration import Trajectories
from physim.arm import Arm
from physim.errors import DeviceError, InputError, PhysicsError, PhysimError
from physim.estimate import disk, megabytes, peak_memory, room
from physim.files import locked, write_text
from physim.interrupts import terminable
from physim.progress import say
from physim.record import Recorder, RecordError, Snapshot, new_run_folder, read_info, writing
from physim.scenario import Scenario, load
from physim.summary import Outcome, describe
from physim.units import told


def run(scenario: Scenario, *, out: Path | None = None, device: str | None = None, profile: bool = False,
        preview: bool = True, force: bool = False, brief: bool = False) -> Path:  # fmt: skip
    """Run a scenario, and its null arm, into a new folder; returns the folder.

    `out` names the folder (default: runs/<scenario>); one that exists is never written to: `-2` is appended. With
    `brief`, title and summary are not printed. Raises InputError or DeviceError before anything is written; a disk
    with too little room is an InputError, unless `force`. Later errors, such as PhysicsError or RecordError, leave
    "stopped: ..." in run.json, Ctrl-C and SIGTERM leave "interrupted" and a checkpoint, and all are raised again; the
    complete frames are kept, and `resume` goes on.
    """
    from physim.simulation import Simulation

    if not brief:
        say(scenario.title)
    sim = Simulation(scenario, device=device, profile=profile)
    return record(sim, out=out, device=device, preview=preview, force=force, brief=brief)


def record(sim: Any, *, out: Path | None = None, device: str | None = None, preview: bool = True,
           force: bool = False, brief: bool = False) -> Path:  # fmt: skip
    """Move a simulation on to the end of its scenario, recorded into a new folder."""
    scenario = sim.scenario
    out = out or Path("runs") / name_of(scenario)
    size = room(out, disk(sim), force=force)
    folder = new_run_folder(out.parent, out.name)
    say(f"writing {folder}: {size}; {megabytes(sim.memory)} on the device")
    kept, copies = self_contained(scenario)
    with locked(folder):
        recorder = Recorder(
            folder,
            scenario_toml=kept.to_toml(),
            run_info=_run_info(scenario) | _python(sim) | {"device": dict(sim.device_info)},
            network=sim.network,
            type_names=[group.name for group in scenario.cells],
            obstacles=sim.obstacles, vessels=sim.vessels,
            copies=copies,
        )
        _paraview_script(folder)
        return _carry_on(sim, recorder, device, preview, brief)


def resume(folder: Path, *, device: str | None = None, profile: bool = False, preview: bool = True,
           brief: bool = False) -> Path:  # fmt: skip
    """Go on with a run that was interrupted, killed or stopped, to the same bits as if it had not been.

    Frames and table rows behind the last checkpoint are computed anew. Raises InputError if there is nothing to resume.
    """
    from physim.simulation import Simulation

    info = read_info(folder)
    with locked(folder):
        if info.get("status") == "complete":
            raise InputError(f"{folder}: this run is complete; start another with `physim run {folder}/scenario.toml`")
        scenario = load(folder / "scenario.toml")
        found = checkpoint.newest(folder / "checkpoints")
        if info.get("hooks"):
            raise InputError(f"{folder}: Python functions took part in this run; go on from Python, with the same ones")
        if found is None and (info.get("first_step", 0) or info.get("by_hand")):
            raise InputError(f"{folder}: has no checkpoint, and its start was set from Python; run it from there again")
        saved, notes = found if found else (None, {"frames": 0})
        if not brief:
            say(scenario.title)
        sim = Simulation(scenario, device=device, profile=profile, saved=saved)
        say(f"resuming {folder} at {told(sim.time)}")
        names = [group.name for group in scenario.cells]
        recorder = Recorder.reopen(folder, notes["frames"], network=sim.network, type_names=names,
                                   obstacles=sim.obstacles, vessels=sim.vessels)  # fmt: skip
        _paraview_script(folder)
        return _carry_on(sim, recorder, device, preview, brief)


def _carry_on(sim: Any, recorder: Recorder, device: str | None, preview: bool, brief: bool) -> Path:
    """The arms of a run to their end, then summary and pictures."""
    scenario, folder = sim.scenario, recorder.folder
    record, info = sim.scenario.record, recorder.info

    def keep(snapshot: Snapshot) -> None:
        recorder.write(snapshot.kept(links=record.links, fibers=record.fibers))

    arm = Arm("run", sim, folder / "checkpoints", keep, recorder.frames, info.get("first_step", 0))
    try:
        with terminable():
            arm.advance()
            table, device_bytes, network = sim.profile_table(), int(sim.memory), sim.network
            info |= {
                "stepping_seconds": round(info.get("stepping_seconds", 0.0) + arm.seconds, 3),
                "device_bytes": device_bytes,
                "state_sha256": sim.state_hash(),
            }
            arm.sim = sim = None  # its device memory is free for the null arm
            null, null_status, null_last = _null_arm(scenario, folder, device, info)
            if scenario.null:
                info["null"] = {"status": null_status, "changes": scenario.null}
            text = _summary(arm, recorder, null, null_status, null_last, network, device_bytes)
            text += f"\n{table}\n" if table else ""
            with writing(folder / "summary.txt", f"{recorder.frames} complete frames are kept"):
                write_text(folder / "summary.txt", text)
            recorder.finish("complete", host_bytes=peak_memory())
    except BaseException as error:
        _end(recorder, error)
        raise
    if not brief:
        say("\n" + text)
    if preview:
        _pictures(folder)
    return folder


def _summary(arm: Arm, recorder: Recorder, null: Trajectories | None, null_status: str, null_last: Snapshot | None,
             network: Any, device_bytes: int) -> str:  # fmt: skip
    scenario, folder, info = arm.scenario, recorder.folder, recorder.info
    assert arm.last is not None
    return describe(
        Outcome(
            scenario=scenario,
            folder=folder,
            path=_read(folder, scenario),
            last=arm.last,
            null=null,
            null_status=null_status,
            null_last=null_last,
            network=network,
            device=info["device"],
            device_bytes=device_bytes,
            host_bytes=peak_memory(),
            wall_seconds=info["stepping_seconds"],
        )
    )


def self_contained(scenario: Scenario) -> tuple[Scenario, dict[str, Path]]:
    """The scenario as it is kept in the run's folder, and the files that it needs, copied there."""
    from physim import own_terms

    copies: dict[str, Path] = {}

    def kept(folder: str, file: Path) -> str:
        copies[f"{folder}/{file.name}"] = file
        return f"{folder}/{file.name}"

    own = []
    for index, file in enumerate(map(Path, scenario.own_terms)):
        own.append(kept(f"own_terms/{index}", file))
        for kind in own_terms.load(file):
            kept(f"own_terms/{index}", file.parent / f"{kind.name}.cl")
    groups = tuple(
        group.model_copy(update={"file": kept(f"inputs/cells-{index}", Path(group.file))}) if group.file else group
        for index, group in enumerate(scenario.cells)
    )
    update: dict[str, Any] = {"own_terms": tuple(own), "cells": groups}
    if scenario.collagen is not None and scenario.collagen.file is not None:
        traced = kept("inputs/collagen", Path(scenario.collagen.file))
        update["collagen"] = scenario.collagen.model_copy(update={"file": traced})
    if scenario.vessels is not None and scenario.vessels.file is not None:
        lines = kept("inputs/vessels", Path(scenario.vessels.file))
        update["vessels"] = scenario.vessels.model_copy(update={"file": lines})
    return scenario.model_copy(update=update), copies


def name_of(scenario: Scenario) -> str:
    """The built-in scenario's name, or the title as letters, digits and dashes."""
    from physim import tables
    from physim.scenario import builtin_names, builtin_text

    for name in builtin_names():
        if tables.parse(builtin_text(name), name).get("title") == scenario.title:
            return name.replace("_", "-")
    return re.sub(r"[^a-z0-9]+", "-", scenario.title.lower()).strip("-")[:40].strip("-") or "run"


def _null_arm(scenario: Scenario, folder: Path, device: str | None,
              info: dict[str, Any]) -> tuple[Trajectories | None, str, Snapshot | None]:  # fmt: skip
    """Run the null arm, without frames, into null.parquet.

    Returns trajectories, "complete" or why it stopped, and how it ended.
    """
    arm = scenario.null_arm()
    if arm is None:
        return None, "complete", None
    if info.get("by_hand") or info.get("hooks") or info.get("first_step", 0):
        return None, "left out: the run was set up from Python, which the scenario of the arm knows nothing of", None
    from physim.simulation import Simulation

    parts, table = folder / "null", folder / "null.parquet"
    found = checkpoint.newest(parts)
    saved, notes = found if found else (None, {"frames": 0})

    def keep(snapshot: Snapshot) -> None:
        part = parts / f"part_{null.frames:06d}.parquet"
        with writing(part, "the run itself is complete"):
            parts.mkdir(exist_ok=True)
            cell_table.write(part, cell_table.rows(snapshot.time, snapshot.cells, cell_table.TRAJECTORY))

    status, last = "complete", None
    try:
        null = Arm("null arm", Simulation(arm, device=device, saved=saved), parts, keep, notes["frames"])
        null.advance()
        last = null.last
    except (DeviceError, PhysicsError) as error:
        status = f"stopped: {error}"
    if not any(parts.glob("part_*")):
        return None, status, None
    with writing(table, "the run itself is complete"):
        cell_table.join(parts, table)
    shutil.rmtree(parts, ignore_errors=True)
    return _read(table, scenario), status, last


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
        kept += f", the last at {told(recorder.last_time)}"
    say(f"{status.splitlines()[0]}; kept in {recorder.folder}: {kept}")
    if any((recorder.folder / "checkpoints").glob("step_*.h5")):
        say(f"go on with: physim resume {shlex.quote(str(recorder.folder))}")


def _python(sim: Any) -> dict[str, Any]:
    """What of a run is in no scenario."""
    by_hand = [what for what, done in sim.by_hand.items() if done]
    return {"by_hand": by_hand, "hooks": sim.hooks, "first_step": sim.step_count}


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


def _paraview_script(folder: Path) -> None:
    from physim.viz.paraview import write_script

    write_script(folder)


def _pictures(folder: Path) -> None:
    """Pictures of the finished run. Why they cannot be drawn is said; the run is complete."""
    for kind, draw in (("plots", _plots), ("renderings", _renderings)):
        try:
            made = draw(folder)
        except PhysimError as error:
            say(f"no {kind}: {error}")
        except Exception as error:  # a machine without a display fails in many ways
            say(f"no {kind}: {type(error).__name__}: {error}")
        else:
            paths = [made] if isinstance(made, (str, Path)) else list(made or ())
            say("\n".join(str(path) for path in paths) if paths else f"no {kind}: nothing could be drawn")


def _plots(folder: Path) -> Any:
    from physim.viz.plots import plot_displacement, plot_invasion

    return [*plot_invasion(folder), *plot_displacement(folder)]


def _renderings(folder: Path) -> Any:
    from physim.viz.render import render_run

    return list(render_run(folder))
