"""What a run amounted to, in words and numbers: printed at the end of `physim run` and kept as summary.txt.

Takes the scenario, trajectories (own and of the null arm), the last snapshot and what the runner timed;
writes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from physim.analysis.migration import Trajectories
from physim.episodes import has_episodes
from physim.errors import InputError
from physim.problems import number_of
from physim.record import Snapshot
from physim.scenario import Scenario
from physim.terms import LaboratoryDrag
from physim.units import clock, told_step

INTERVAL = 10.0
"""min, over which speeds are taken where the records allow it."""


@dataclass
class Outcome:
    """What is known when a run ends."""

    scenario: Scenario
    folder: Path
    path: Trajectories
    last: Snapshot
    status: str = "complete"
    null: Trajectories | None = None
    null_status: str = "complete"
    null_last: Snapshot | None = None
    """Of the null arm, where it came to its end."""
    network: Any = None
    device: Mapping[str, Any] = field(default_factory=dict)
    device_bytes: int = 0
    host_bytes: int = 0
    wall_seconds: float = 0.0
    """Of the steps alone, without setting up and recording."""


def describe(outcome: Outcome) -> str:
    """The summary, a dozen lines of at most about 110 characters."""
    if has_episodes(outcome.scenario):
        tissue = _in_tissue(outcome)
        way = [_invasion(tissue), _speed(tissue), _departures(tissue), _episodes(outcome)]
    elif outcome.scenario.vessels is not None:
        way = [_carried(outcome), _departures(outcome)]
    else:
        way = [_invasion(outcome), _speed(outcome), _departures(outcome)]
    parts = [_setting(outcome), *way, _links(outcome),
             _fibers(outcome), _matrix(outcome), _deposition(outcome), _integrins(outcome), _numerics(outcome),
             _limits(outcome.scenario), _files(outcome)]
    return "\n".join(line for lines in parts for line in lines) + "\n"


def _in_tissue(o: Outcome) -> Outcome:
    """Without the cells in blood."""
    here = o.last.cells["in_blood"] == 0
    carried = o.last.cells["id"][~here]

    def without(path: Trajectories) -> Trajectories:
        kept = ~np.isin(path.id, carried)
        return Trajectories(path.time, path.id[kept], path.position[:, kept], path.departed[kept])

    last = replace(o.last, cells={name: values[here] for name, values in o.last.cells.items()})
    return replace(o, path=without(o.path), null=without(o.null) if o.null is not None else None, last=last)


def _setting(o: Outcome) -> list[str]:
    s, cells = o.scenario, o.last.cells
    groups = ", ".join(f"{np.sum(cells['type'] == k):,} {group.name}" for k, group in enumerate(s.cells))
    groups = f" ({groups})" if len(s.cells) > 1 else "" if s.cells[0].name == "cells" else f" ({s.cells[0].name})"
    size = " x ".join(f"{edge:g}" for edge in s.box.size)
    faces = ", ".join(s.box.boundary)
    minutes, unit = clock(s.run.duration)
    lines = [
        s.title,
        f"  simulated       {o.last.time / minutes:.6g} of {s.run.duration / minutes:.6g} {unit} in "
        f"{o.last.step:,} steps of {told_step(s.run.step)}, seed {s.run.seed}; {o.status}",
        f"  cells           {len(cells['id']):,}{groups}; box {size} um, faces {faces}",
    ]
    if s.collagen is not None and o.network is not None:
        made = o.network.made
        density = float(made.lengths.sum() / np.prod(s.box.size))
        source = Path(s.collagen.file).name if s.collagen.file else f"{s.collagen.concentration:g} mg/ml"
        lines.append(
            f"  collagen        {source}: {number_of(made.fibers, 'fiber')}, "
            f"{number_of(len(made.segments), 'segment')}, {density:.3g} um of fiber per um^3"
        )
        if getattr(o.network, "pruned", 0):
            lines.append(f"                  {number_of(o.network.pruned, 'fiber')} that nothing held left out")
        lines += [f"                  {note}" for note in getattr(o.network, "notes", ())]
    return lines


def _invasion(o: Outcome) -> list[str]:
    words = [_radius(o.path)]
    if o.null is not None and len(o.null.time) > 1:
        words.append(f"null: {_radius(o.null)}")
    square = f"{o.path.rms_radius(o.path.time[0]):.1f} -> {o.path.rms_radius(o.path.time[-1]):.1f} um"
    return [
        f"  invaded radius  {'; '.join(words)}",
        f"                  (90th percentile of distances from the first centroid; root mean square {square})",
    ]


def _radius(path: Trajectories) -> str:
    begin, end = path.invaded_radius(path.time[0]), path.invaded_radius(path.time[-1])
    return f"{begin:.1f} -> {end:.1f} um" + (f" ({100 * (end / begin - 1):+.1f} %)" if begin > 0 else "")


def _speed(o: Outcome) -> list[str]:
    lines = [
        f"  speed           {_speed_words(o.path)}; net displacement {o.path.net_displacement():.1f} um "
        "(medians over cells)"
    ]
    if o.null is not None:
        note = "" if o.null_status == "complete" else f"; {o.null_status}"
        lines.append(
            f"    null          {_speed_words(o.null)}; net displacement {o.null.net_displacement():.1f} um "
            f"(null: {_overrides(o.scenario)}{note})"
        )
    elif o.scenario.null:
        lines.append(f"    null          {o.null_status} (null: {_overrides(o.scenario)})")
    return lines


def _speed_words(path: Trajectories) -> str:
    try:
        lag = path.lag_of(INTERVAL)
    except InputError:
        return "not known, the records do not span 10 min"
    return f"{path.speed_at(lag):.2f} um/h over {lag:g} min"


def _episodes(o: Outcome) -> list[str]:
    vessels, count = o.scenario.vessels, o.last.counters
    assert vessels is not None
    left = np.isfinite(o.last.cells["departed"]) & (o.last.cells["in_blood"] == 1)
    return [f"  flow episodes   {count['episodes']:,}, of {60 * vessels.step * count['blood_steps']:.3g} s in all; "
            f"{count['in_blood']:,} cells in vessels at the end, {left.sum():,} left by them"]  # fmt: skip


def _carried(o: Outcome) -> list[str]:
    """How far blood has taken the cells, and those of the null arm."""
    vessels = o.scenario.vessels
    assert vessels is not None
    name = vessels.network if vessels.file is None else Path(vessels.file).name
    drive = "" if vessels.pressure is None else f", {vessels.pressure:.3g} kPa at most"
    lines = [f"  vessels         {name}; blood {vessels.speed / 60:.4g} um/s without cells{drive}",
             f"  carried         {o.path.net_displacement():.1f} um (median over cells)"]  # fmt: skip
    if o.null is not None:
        lines.append(f"    null          {o.null.net_displacement():.1f} um (null: {_overrides(o.scenario)})")
    return lines


def _overrides(scenario: Scenario) -> str:
    return ", ".join(f"{path} = {value}" for path, value in scenario.null.items())


def _departures(o: Outcome) -> list[str]:
    left = o.last.cells["departed"]
    count = int(np.isfinite(left).sum())
    where = "the box" if o.scenario.vessels is None or has_episodes(o.scenario) else "vessels"
    if not count:
        return [f"  left {where:<11}no cell"] if "open" in o.scenario.box.boundary else []
    minutes, unit = clock(o.scenario.run.duration)
    first = np.nanmin(left) / minutes
    return [f"  left {where:<11}{count:,} of {number_of(len(left), 'cell')}, the first at {first:.2f} {unit}"]


def _links(o: Outcome) -> list[str]:
    if "links" not in o.scenario.terms:
        return []
    cells = o.last.cells
    here = ~np.isfinite(cells["departed"])
    if not here.any():
        return ["  links           no cell is left in the box"]
    tension = float(cells["link_force"][here].mean())
    bound = float(cells["bound_links"][here].mean())
    words = f"{bound:.1f} bound per cell, summed tension {tension:.1f} nN per cell"
    share = drag_share(o.scenario, o.last)
    if share is not None:
        words += f", laboratory drag {100 * share:.1f} % of it"
    return [f"  links           {words} (means at the end)"]


def _fibers(o: Outcome) -> list[str]:
    """How far fibers that move have moved, and what the most loaded of them bear."""
    if o.last.fibers is None or "displacement" not in o.last.fibers:
        return []
    low, high = (edge(o.last.fibers["tension"], initial=0.0) for edge in (np.min, np.max))
    lines = [f"  fibers          {_moved(o.last)}; tension {low:.1f} to {high:.1f} nN (at the end)"]
    if o.null_last is not None and o.null_last.fibers is not None and "displacement" in o.null_last.fibers:
        lines.append(f"    null          {_moved(o.null_last)}")
    return lines


def _matrix(o: Outcome) -> list[str]:
    """How much of the collagen is gone, and how many crosslinks are open, where one of the two can happen."""
    rows = [("  matrix          ", _remodeled(o.scenario, o.last))]
    if o.null_last is not None:
        rows.append(("    null          ", _remodeled(o.scenario, o.null_last)))
    return [name + words for name, words in rows if words]


def _deposition(o: Outcome) -> list[str]:
    """How many fibers cells have laid down, and how many were due but were not laid."""
    rows = [("  deposition      ", o.last.counters)]
    if o.null_last is not None:
        rows.append(("    null          ", o.null_last.counters))
    return [f"{name}{number_of(int(count['chains_laid']), 'fiber')} laid down by cells; "
            f"no room or no hold for {count['deposits_blocked']:,}, none in reserve for {count['deposits_refused']:,}"
            for name, count in rows if "chains_laid" in count]  # fmt: skip


def _remodeled(scenario: Scenario, last: Snapshot) -> str:
    words, count = [], last.counters
    if last.matrix is not None:
        of_all = 100 / max(1, last.matrix.initial)
        words.append(f"{of_all * last.matrix.taken:.2g} % of the collagen cut by cells, "
                     f"{of_all * last.matrix.dissolved:.2g} % dissolved loose")  # fmt: skip
    if "crosslinks_bound" in count and (last.matrix is not None or "turnover" in scenario.terms):
        every = count["crosslinks_bound"] + count["crosslinks_free"]
        words.append(f"{count['crosslinks_free']:,} of {number_of(int(every), 'crosslink')} open, "
                     f"{count['crosslinks_broken']:,} broken, {count['crosslinks_formed']:,} formed anew")  # fmt: skip
    return "; ".join(words)


def _integrins(o: Outcome) -> list[str]:
    """How many integrins links have left on fibers, of those in links that let go, and how many are still there."""
    rows = [("  integrins       ", o.last.integrins)]
    if o.null_last is not None:
        rows.append(("    null          ", o.null_last.integrins))
    return [f"{name}{count.left:,} of {count.left + count.returned:,} left on fibers by links that let go; "
            f"{count.shed:,} are there, {count.degraded:,} degraded; "
            f"cells have {count.surface + count.bound:,} of {count.initial:,}"
            for name, count in rows if count is not None]  # fmt: skip


def _moved(last: Snapshot) -> str:
    assert last.fibers is not None
    size = np.linalg.norm(last.fibers["displacement"], axis=1)
    return f"moved by at most {size.max():.2g} um, root mean square {np.sqrt((size**2).mean()):.2g} um"


def drag_share(scenario: Scenario, last: Snapshot) -> float | None:
    """Force that laboratory drag takes over the pull of the links: sum of zeta |v| / sum of tensions.

    At the last record, with the drag's default where the scenario does not set it. None if no link pulls.
    """
    here = ~np.isfinite(last.cells["departed"])
    pull = float(last.cells["link_force"][here].sum())
    if pull <= 0:
        return None
    drag = scenario.terms.get("drag", LaboratoryDrag())
    speed = np.linalg.norm(last.cells["velocity"][here], axis=1)
    return float(drag.coefficient * speed.sum() / pull)  # type: ignore[attr-defined]


def _numerics(o: Outcome) -> list[str]:
    count, steps = o.last.counters, max(1, o.last.step)
    words = []
    if count.get("total_iterations"):
        mean, most = count["total_iterations"] / steps, count.get("most_iterations", 0)
        words.append(f"{mean:.1f} solver iterations a step (most {most})")
    if "network" in o.scenario.terms and o.network is not None:
        asleep = 1 - count.get("awake", 0) / max(1, count.get("fibers", o.network.fibers))  # pieces, where they are cut
        words.append(f"{100 * asleep:.0f} % of fibers asleep at the end")
    if count.get("parts"):
        words.append(f"{count['parts']:,} parts of steps that were too long")
    if "rebuilds" in count:
        words.append(f"neighbour lists built {count['rebuilds']:,} times")
    for name, meaning in (("limited", "moves cut short"), ("clamped", "moves stopped by walls")):
        if count.get(name):
            words.append(f"{count[name]:,} {meaning}")
    lines = [f"  numerics        {'; '.join(words)}"] if words else []
    rate = f"{o.last.step / o.wall_seconds:,.0f} steps/s" if o.wall_seconds > 0 else "no steps"
    device = f"; {o.device['device']}" if "device" in o.device else ""
    lines.append(
        f"  cost            {_seconds(o.wall_seconds)} for the steps ({rate}); peak memory "
        f"{o.host_bytes / 1e6:,.0f} MB, {o.device_bytes / 1e6:,.1f} MB on the device{device}"
    )
    return lines


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _limits(scenario: Scenario) -> list[str]:
    limits = []
    if scenario.collagen is not None:
        limits = [_lasting("network" in scenario.terms, "proteolysis" in scenario.terms, "turnover" in scenario.terms)]
    limits.append("speeds are calibrated for two cell lines alone: docs/cell_lines.md" if scenario.vessels is None else
                  "nothing in blood is calibrated but moduli: docs/blood.md")  # fmt: skip
    return [f"  keep in mind    {'; '.join(limits)}"]


def _lasting(moving: bool, cut: bool, turnover: bool) -> str:
    """What the fibers of a scenario cannot do."""
    if not moving:
        return "fibers are held still, what is cut loose, too" if cut else "fibers are held still and are not cut"
    if turnover:
        return "fibers break only where cells cut them" if cut else "fibers do not break, crosslinks do"
    if cut:
        return "fibers break only where cells cut them, crosslinks only with them"
    return "fibers and crosslinks do not break"


def _files(o: Outcome) -> list[str]:
    run = shlex.quote(str(o.folder))
    change = f"run.seed={o.scenario.run.seed + 1}"
    if o.scenario.collagen is not None and o.scenario.collagen.concentration is not None:
        change = f"'collagen.concentration={1.5 * o.scenario.collagen.concentration:.3g} mg/ml'"
    return [
        f"files in {o.folder}: run.pvd (ParaView), cells.parquet, scenario.toml, run.json, summary.txt",
        "next:",
        f"  paraview --script={run}/open_in_paraview.py",
        f"  physim render {run}",
        f"  physim run {run}/scenario.toml --set {change}",
    ]
