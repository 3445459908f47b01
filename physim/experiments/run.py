"""Runs what is missing of an experiment, keeps every finished replica, and writes the result: JSON, table, pictures.

    FOLDER/ECM-1/quick/ARM-n1-s1.json   a replica (`cache`)      FOLDER/ECM-1-quick.json   the result, DESIGN's contract
                                                                 FOLDER/ECM-1-quick.md     the same as a table
"""

from __future__ import annotations

import json as json_text
import os
import shlex
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import physim
from physim.errors import InputError, PhysicsError, PhysimError
from physim.experiments import cache
from physim.experiments.declaration import Experiment, Job, Values
from physim.experiments.ensemble import Ensemble, rows
from physim.experiments.table import markdown
from physim.files import locked, write_json, write_text
from physim.interrupts import terminable
from physim.progress import say
from physim.run_folder import writing

HOST = "host (NumPy)"
"""The device of what no OpenCL device computes."""
_SAY_EVERY = 10.0
"""s between lines of progress."""


def default_folder() -> Path:
    """docs/validation of a source checkout; physim-validation in the current folder for an installed package."""
    checkout = Path(physim.__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "docs").is_dir():
        return checkout / "docs" / "validation"
    return Path("physim-validation")


def run(experiment: Experiment, size: str = "standard", *, out: Path | None = None, device: str | None = None,
        json: Path | None = None, rerun: bool = False) -> tuple[dict[str, Any], Ensemble]:  # fmt: skip
    """Run the replicas of a size that are missing or outdated, all with `rerun`; the result, and all replicas.

    The result is written into `out` and, if given, to the file `json`. Raises InputError before anything is computed
    if one of these cannot be written or there is no such device; PhysicsError if a replica stops. What was finished
    until then, or until Ctrl-C, is kept, and the next call goes on.
    """
    out = out or default_folder()
    folder = cache.folder_of(experiment, size, out)
    _check_writable(folder, json)
    label = HOST
    if experiment.uses_device or device is not None:
        from physim.device import choose

        chosen = choose(device).label  # says so if there is no such device, even where none is needed
        label = chosen if experiment.uses_device else HOST
    with locked(folder), terminable():
        found = _replicas(experiment, size, folder, device, label, rerun)
    ensemble = Ensemble([(job, values) for job, values, _ in found])
    declared = experiment.sizes[size]
    result: dict[str, Any] = {
        "id": experiment.id, "size": size, "indicative": size in ("smoke", "quick"),
        "device": "; ".join(sorted({label for *_, label in found})),
        "seeds": list(declared.networks), "seeds_on_each": list(declared.seeds), "arms": list(declared.arms),
        "observables": rows(experiment.observables(declared), ensemble, size),
    }  # fmt: skip
    path = out / f"{experiment.id}-{size}.json"
    with writing(out, "finished replicas are kept"):
        write_json(path, result)
        result = json_text.loads(path.read_text("utf-8"))  # null for what is not finite: what scripts see
        write_text(out / f"{experiment.id}-{size}.md", markdown(experiment, result))
        if json is not None:
            write_json(json, result)
    return result, ensemble


def _replicas(experiment: Experiment, size: str, folder: Path, device: str | None, label: str,
              rerun: bool) -> list[tuple[Job, Values, str]]:  # fmt: skip
    """Every replica of a size, with the device that computed it: read where it is up to date, else run and written."""
    jobs, fingerprints = experiment.sizes[size].jobs(), cache.Fingerprints(experiment)
    hashes = {job.file: fingerprints.of(job) for job in jobs}
    found = {job.file: cache.read(folder / job.file, hashes[job.file]) for job in jobs} if not rerun else {}
    todo = [job for job in jobs if not found.get(job.file)]
    say(f"{len(jobs) - len(todo)} of {len(jobs)} replicas are in {folder}" + (", the others run" if todo else ""))
    begin = said = time.monotonic()
    for number, job in enumerate(todo):
        try:
            values = experiment.replica(job.arm.parameters, job.network, job.seed, device)
        except PhysicsError as error:
            raise PhysicsError(f"{job.file.removesuffix('.json')}: {error}; {number} new replicas are kept") from error
        except (PhysimError, KeyboardInterrupt):
            say(f"{number} new replicas are kept in {folder}; the same command goes on")
            raise
        with writing(folder / job.file, f"{number} new replicas are kept"):
            cache.write(folder / job.file, job, hashes[job.file], label, values)
        found[job.file] = cache.read(folder / job.file, hashes[job.file])
        now = time.monotonic()
        if now - said > _SAY_EVERY and number + 1 < len(todo):
            said = now
            left = (now - begin) / (number + 1) * (len(todo) - number - 1) / 60
            say(f"  {number + 1} of {len(todo)} replicas run, about {left:.1f} min left")
    return [(job, *entry) for job in jobs if (entry := found[job.file])]


def _check_writable(folder: Path, json: Path | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder), tempfile.TemporaryFile(dir=folder.parent.parent):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--out {shlex.quote(str(folder.parent.parent))}: cannot be written: {reason}; "
                         "give another folder") from None  # fmt: skip
    if json is not None and (json.is_dir() or not os.access(json.parent, os.W_OK | os.X_OK)):
        raise InputError(f"--json {json}: cannot be written; give a file in a folder that is there and may be written")


def summary(result: Mapping[str, Any]) -> str:
    """Such as "7 pass, 1 miss, 12 reported"."""
    verdicts = [row["verdict"] for row in result["observables"]]
    return ", ".join(f"{verdicts.count(word)} {word}" for word in ("pass", "miss", "reported"))
