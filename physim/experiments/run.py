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
        json: Path | None = None, rerun: bool = False,
        confirm: bool = False) -> tuple[dict[str, Any], Ensemble]:  # fmt: skip
    """Run the replicas of a size that are missing or outdated, all with `rerun`; the result, and all replicas.

    With `confirm` one outdated replica of each arm runs first; if all come out to the bit, the others are kept. The
    result is written into `out` and, if given, to the file `json`. Raises InputError before anything is computed
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
        replicas = _Replicas(experiment, size, folder, device, label)
        if not rerun:
            replicas.read()
        if confirm:
            replicas.confirm()
        replicas.run(replicas.missing())
    found = [(job, *replicas.found[job.file]) for job in replicas.jobs]
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


class _Replicas:
    """The replicas of a size: read where they are up to date, else run and written."""

    def __init__(self, experiment: Experiment, size: str, folder: Path, device: str | None, label: str) -> None:
        self.experiment, self.folder, self.device, self.label = experiment, folder, device, label
        self.jobs, fingerprints = experiment.sizes[size].jobs(), cache.Fingerprints(experiment)
        self.hashes = {job.file: fingerprints.of(job) for job in self.jobs}
        self.found: dict[str, tuple[Values, str]] = {}

    def read(self) -> None:
        """What is in the folder and up to date."""
        for job in self.jobs:
            if entry := cache.read(self.folder / job.file, self.hashes[job.file]):
                self.found[job.file] = entry
        done, all = len(self.found), len(self.jobs)
        say(f"{done} of {all} replicas are in {self.folder}" + (", the others run" if done < all else ""))

    def missing(self) -> list[Job]:
        """What is to be run."""
        return [job for job in self.jobs if job.file not in self.found]

    def run(self, todo: list[Job]) -> None:
        """Compute replicas, and write each when it is done."""
        begin = said = time.monotonic()
        for number, job in enumerate(todo):
            try:
                values = self.experiment.replica(job.arm.parameters, job.network, job.seed, self.device)
            except PhysicsError as error:
                name = job.file.removesuffix(".json")
                raise PhysicsError(f"{name}: {error}; {number} new replicas are kept") from error
            except (PhysimError, KeyboardInterrupt):
                say(f"{number} new replicas are kept in {self.folder}; the same command goes on")
                raise
            path, fingerprint = self.folder / job.file, self.hashes[job.file]
            with writing(path, f"{number} new replicas are kept"):
                cache.write(path, job, fingerprint, self.label, values)
            self.found[job.file] = cache.read(path, fingerprint) or (values, self.label)
            now = time.monotonic()
            if now - said > _SAY_EVERY and number + 1 < len(todo):
                said = now
                left = (now - begin) / (number + 1) * (len(todo) - number - 1) / 60
                say(f"  {number + 1} of {len(todo)} replicas run, about {left:.1f} min left")

    def confirm(self) -> None:
        """Run one outdated replica of each arm, each on another network; if all come out to the bit, keep the rest."""
        before = {job.file: values for job in self.missing()
                  if (values := cache.outdated(self.folder / job.file, job)) is not None}  # fmt: skip
        by_arm: dict[str, list[Job]] = {}
        for job in self.missing():
            if job.file in before:
                by_arm.setdefault(job.name, []).append(job)
        sample = [jobs[k % len(jobs)] for k, jobs in enumerate(by_arm.values())]
        say(f"{len(sample)} of {len(before)} outdated replicas run, one of each arm")
        self.run(sample)
        changed = [job.file.removesuffix(".json") for job in sample
                   if not cache.same(before[job.file], self.found[job.file][0])]  # fmt: skip
        if changed:
            say(f"another result: {', '.join(changed)}; no outdated replica is kept")
            return
        kept = [job for job in self.missing() if job.file in before]
        for job in kept:
            path, fingerprint = self.folder / job.file, self.hashes[job.file]
            with writing(path, "outdated replicas run with the same command"):
                cache.keep(path, fingerprint)
            if entry := cache.read(path, fingerprint):
                self.found[job.file] = entry
        say(f"all come out to the bit; {len(kept)} outdated replicas are kept")


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
