"""Replicates: a scenario over several seeds, and over the same seeds without a term. Each is an ordinary run.

    PARENT/replicates.json   what was asked for      PARENT/seed-1/                 a run folder as always
    PARENT/scenario.toml     as resolved             PARENT/seed-1-without-crawl/   the same seed, one term off
    PARENT/replicates.csv    a row per run           PARENT/summary.txt             means, intervals, differences

Above the runner: it runs or resumes what is missing, seed by seed, so that pairs are complete as early as possible.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physim import assembly, estimate, intervals, runner
from physim.errors import InputError, PhysicsError, PhysimError
from physim.files import locked, write_json, write_text
from physim.problems import show, suggest
from physim.progress import say
from physim.run_folder import new_run_folder, read_info, writing
from physim.scenario import Scenario, load

PLAN = "replicates.json"
ALL = "all terms"
_MOST_RUNS = 10_000


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    scenario: Scenario
    seeds: tuple[int, ...]
    without: tuple[str, ...] = ()
    null: bool = False
    """Run the null arm of the scenario, too."""

    @property
    def arms(self) -> list[str]:
        return [ALL, *(f"without {term}" for term in self.without)]

    def scenario_of(self, arm: str, seed: int) -> Scenario:
        """Of one run: the seed of everything random but a network that has its own, and the term that is off."""
        changes = [f"run.seed={seed}"]
        if arm != ALL:
            changes.append(f"terms.{arm.removeprefix('without ')}=off")
        return self.scenario.changed([*changes, *([] if self.null and arm == ALL else ["null=off"])])


def run(scenario: Scenario, seeds: Sequence[int], without: Sequence[str] = (), *, out: Path | None = None,
        null: bool = False, force: bool = False, **options: Any) -> Path:  # fmt: skip
    """Run a scenario for each seed, and for each seed without each of the terms, into a new folder, which is returned.

    A scenario whose collagen has a seed of its own keeps one network for all seeds.
    `options` are those of `runner.run` (device, profile, preview). Raises InputError before anything is written. A run
    that stops for a physical reason is left out of the table; PhysicsError then ends it all.
    """
    from physim.simulation import Simulation

    plan = Plan(scenario, tuple(seeds), tuple(dict.fromkeys(without)), null and bool(scenario.null))
    _check(plan)
    out = out or Path("runs") / f"{runner.name_of(scenario)}-seeds"
    first = Simulation(plan.scenario_of(ALL, plan.seeds[0]), device=options.get("device"))
    count = len(plan.arms) * len(plan.seeds)
    size = estimate.room(out, estimate.disk(first), runs=count, force=force)
    del first
    parent = new_run_folder(out.parent, out.name)
    say(f"{scenario.title}\nwriting {parent}: {size}")
    with locked(parent), writing(parent, "no run has begun"):
        kept, copies = runner.self_contained(scenario)
        for name, source in copies.items():
            (parent / name).parent.mkdir(parents=True, exist_ok=True)
            write_text(parent / name, source.read_text("utf-8"))
        write_text(parent / "scenario.toml", kept.to_toml())
        write_json(parent / PLAN, {"seeds": plan.seeds, "without": plan.without, "null": plan.null})
        return _carry_on(plan, parent, force=force, **options)


def resume(parent: Path, **options: Any) -> Path:
    """Run what is missing of replicates that were interrupted, resume what is unfinished. Raises InputError."""
    try:
        asked = json.loads((parent / PLAN).read_text("utf-8"))
        seeds, without = tuple(map(int, asked["seeds"])), tuple(map(str, asked["without"]))
        null = bool(asked["null"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{parent / PLAN}: cannot be read; give a folder that 'physim run --seeds' made") from None
    plan = Plan(load(parent / "scenario.toml"), seeds, without, null)
    _check(plan)
    with locked(parent):
        return _carry_on(plan, parent, **options)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds of "1..5" or "1,4,9" or "1..3,7". Raises InputError."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})\s*(?:\.\.\s*(\d{1,10})\s*)?", part)
        if match is None:
            raise InputError(f"--seeds {show(text)}: {show(part)} is no seed; write e.g. 1..5 or 1,4,9")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= _MOST_RUNS or last >= 1 << 32:
            raise InputError(f"--seeds {show(text)}: {show(part)} must rise, end below 2^32 and be of at most "
                             f"{_MOST_RUNS:,} seeds; write e.g. 1..5")  # fmt: skip
        seeds += range(first, last + 1)
    twice = [seed for k, seed in enumerate(seeds) if seed in seeds[:k]]
    if twice:
        raise InputError(f"--seeds {show(text)}: seed {twice[0]} is there twice; leave one out")
    return tuple(seeds)


def _check(plan: Plan) -> None:
    """Raise InputError for a term that cannot be switched off, or an arm that is no valid scenario without it."""
    scenario = plan.scenario
    stays = {term.name for term in assembly.build_step(scenario)}
    can_go = [name for name in scenario.terms if _can_go(scenario, name)]
    for term in plan.without:
        if term in can_go or any(term in other.needs for other in scenario.terms.values()):
            try:
                plan.scenario_of(f"without {term}", plan.seeds[0])
            except InputError as error:
                raise InputError(*(f"--without {term}: {line}" for line in error.problems)) from None
        elif term in stays:
            raise InputError(f"--without {term}: cannot be switched off, the step needs it; "
                             f"these can: {', '.join(can_go) or 'none'}")  # fmt: skip
        else:
            raise InputError(f"--without {term}: the scenario has no such term; {suggest(term, can_go, many=40)}")


def _can_go(scenario: Scenario, name: str) -> bool:
    """Whether there is a step without this term: no other term needs it, nor the step itself."""
    if any(name in other.needs for other in scenario.terms.values()):
        return False
    return name not in {term.name for term in assembly.build_step(_without(scenario, name))}


def _without(scenario: Scenario, name: str) -> Scenario:
    return scenario.model_copy(update={"terms": {key: term for key, term in scenario.terms.items() if key != name}})


def _carry_on(plan: Plan, parent: Path, *, force: bool = False, **options: Any) -> Path:
    """Every run that is not complete yet, then the table."""
    stopped, jobs = [], [(arm, seed) for seed in plan.seeds for arm in plan.arms]
    for number, (arm, seed) in enumerate(jobs, 1):
        folder = parent / name_of(arm, seed)
        status = _status(folder)
        if status == "complete":
            continue
        say(f"\nrun {number} of {len(jobs)}: seed {seed}, {arm}")
        try:
            if status:
                runner.resume(folder, brief=True, **options)
            else:
                shutil.rmtree(folder, ignore_errors=True)  # killed before it had recorded anything
                runner.run(plan.scenario_of(arm, seed), out=folder, brief=True, force=force, **options)
        except PhysicsError as error:
            stopped.append(f"seed {seed}, {arm}: {str(error).splitlines()[0]}")
        except (PhysimError, KeyboardInterrupt):
            say(f"go on with all runs: physim resume {shlex.quote(str(parent))}")
            raise
    text = _describe(plan, parent, stopped)
    say("\n" + text)
    if stopped:
        raise PhysicsError("\n".join(f"{line} (not in the table)" for line in stopped))
    return parent


def name_of(arm: str, seed: int) -> str:
    """Of the folder of a run."""
    return f"seed-{seed}" + ("" if arm == ALL else "-" + arm.replace(" ", "-"))


def _status(folder: Path) -> str:
    """Of a run; empty where there is none."""
    try:
        return str(read_info(folder).get("status", ""))
    except InputError:
        return ""


def _describe(plan: Plan, parent: Path, stopped: list[str]) -> str:
    """Write replicates.csv and summary.txt of the runs that are complete; returns the summary."""
    rows: list[dict[str, Any]] = []
    for seed in plan.seeds:
        for arm in plan.arms:
            folder = parent / name_of(arm, seed)
            row: dict[str, Any] = {"arm": arm, "seed": seed, "run": folder.name, "status": _status(folder)}
            done = row["status"] == "complete"
            rows.append(row | (intervals.measures(folder, plan.scenario) if done else {}))
            if plan.null and arm == ALL and done and (folder / "null.parquet").is_file():
                row = row | {"arm": "null arm", "run": f"{folder.name}/null.parquet"}
                rows.append(row | intervals.measures(folder / "null.parquet", plan.scenario))
    scenario = plan.scenario
    lines = [
        f"Replicates of: {scenario.title}",
        f"  seeds     {len(plan.seeds)}: {', '.join(map(str, plan.seeds))}; each draws its own start and motion",
        f"  arms      {', '.join(plan.arms)}" + ("; the seeds are the same in all" if plan.without else ""),
    ]
    if scenario.collagen is not None:
        one = scenario.collagen.file is not None or scenario.collagen.seed is not None
        lines.append("  collagen  " + ("one network for all seeds" if one else "a network of its own for each seed"))
    if scenario.null:
        lines.append("  null arm  " + ("run with each seed" if plan.null else "left out; --null runs it, too"))
    lines += [f"  stopped   {line.split(';')[0]}" for line in stopped]
    arms = [*plan.arms, *(["null arm"] if plan.null else [])]
    text = "\n".join([*lines, "", *intervals.table(rows, arms, scenario)]) + "\n"
    text += f"\nfiles in {parent}: replicates.csv (a row per run), summary.txt, and a folder for each run\n"
    with writing(parent / "summary.txt", "all runs are kept"):
        write_text(parent / "replicates.csv", intervals.as_csv(rows))
        write_text(parent / "summary.txt", text)
    return text
