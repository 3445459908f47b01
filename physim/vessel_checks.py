"""What a scenario says of vessels that cannot be: keys of another network, terms that do not go together, no file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from physim.episodes import blood_of, has_episodes

if TYPE_CHECKING:
    from physim.scenario import Scenario
    from physim.sections import Vessels

_OF = {"radius": ("tube", "bifurcation", "constriction"), "length": ("tube", "bifurcation", "constriction"),
       "narrow": ("constriction",)}  # fmt: skip
"""Networks that a length belongs to."""
_OF_SPHERES = ("contact", "junction", "friction", "crawl", "physicell", "steric", "nucleus", "cortex", "links",
               "vessel_wall")  # fmt: skip
"""Terms that see a cell as one sphere, or have their own idea of its shape."""
_DIFFUSED = 0.05
"""Of the radius of a cell: no draw of a normal distribution is six times as large in a run, so that walls hold."""


def problems(scenario: Scenario) -> list[str]:
    """One line each: where, what value, what to do."""
    lines = []
    carried = blood_of(scenario) if has_episodes(scenario) else scenario
    if "elongation" in carried.terms:
        lines += [f"terms.{name}: does not go with terms.elongation, whose cells have two ends; remove one of them"
                  for name in _OF_SPHERES if name in carried.terms]  # fmt: skip
        lines += [f"terms.{name}: divides cells, and does not go with terms.elongation; remove one of them"
                  for name, term in carried.terms.items()
                  if any("bud" in kernel.writes for kernel in term.kernels) and name != "births"]  # fmt: skip
    if scenario.vessels is None:
        return lines
    lines += _episodes(scenario)
    if "plasma" not in scenario.terms:
        lines.append("vessels: nothing is carried in them; add a section [terms.plasma], or remove them")
    return lines + _noise(scenario) + [f"vessels.{line}" for line in _of(scenario.vessels)]


def _noise(scenario: Scenario) -> list[str]:
    """Diffusion that could carry cells through walls: its moves are not cut as those by forces are."""
    noise, radius = scenario.terms.get("noise"), min(group.radius for group in scenario.cells)
    move = math.sqrt(2 * getattr(noise, "diffusion", 0.0) * scenario.run.step)
    if move <= _DIFFUSED * radius:
        return []
    return [f"terms.noise.diffusion: takes cells {move:.3g} um along each axis in a step, more than {_DIFFUSED:g} of "
            f"the least radius {radius:g} um, and walls could not hold them; shorten run.step or lower it"]  # fmt: skip


def _episodes(scenario: Scenario) -> list[str]:
    """Of the times of flow episodes, and of the term that keeps tissue out of vessels."""
    vessels, lines = scenario.vessels, []
    assert vessels is not None
    if vessels.interval is None:
        lines += [f"vessels.{key}: has no meaning without vessels.interval; leave it out"
                  for key in vessels.OF_EPISODES if key in vessels.model_fields_set]  # fmt: skip
        if "abluminal_wall" in scenario.terms:
            lines.append("terms.abluminal_wall: is for tissue beside blood; add vessels.interval, or remove it")
        return lines
    for key, time, step in (("interval", vessels.interval, scenario.run.step), ("cap", vessels.cap, vessels.step)):
        steps = time / step
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps:
            of = "run.step" if key == "interval" else "vessels.step"
            lines.append(f"vessels.{key}: {time:.6g} min is no multiple of {of} {step:.6g} min; nearest: "
                         f"{max(round(steps), 1) * step:.6g} min")  # fmt: skip
    if "abluminal_wall" not in scenario.terms:
        lines.append("vessels.interval: nothing keeps the cells of tissue out of vessels; add a section "
                     "[terms.abluminal_wall]")  # fmt: skip
    return lines


def _of(vessels: Vessels) -> list[str]:
    kind = "a file" if vessels.file is not None else f'network = "{vessels.network}"'
    lines = [f"{key}: has no meaning with {kind}; leave it out"
             for key, names in _OF.items()
             if getattr(vessels, key) is not None and (vessels.file or vessels.network not in names)]  # fmt: skip
    if vessels.file is None:
        return lines
    from pathlib import Path

    from physim.errors import InputError
    from physim.meshes.read import read_centerlines

    try:
        read_centerlines(Path(vessels.file), unit=vessels.unit)
    except InputError as error:
        lines += [f"file: {line}" for line in error.problems]
    return lines
