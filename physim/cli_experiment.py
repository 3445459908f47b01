"""`physim experiment`: lists the experiments of the catalogue, or runs one. `physim.cli` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from physim.errors import InputError
from physim.options import DeviceName

if TYPE_CHECKING:
    from physim.experiments import Experiment


def experiment(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="such as ECM-1; without: list them")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="smoke, quick, standard (default) or full")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="same as --size quick")] = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the result there, too")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="of replicas and results; default: docs/validation of a checkout, "
                     "else physim-validation"),
    ] = None,
    device: DeviceName = None,
    rerun: Annotated[bool, typer.Option("--rerun", help="run replicas that are there, too")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="keep outdated replicas if one of each arm comes out to the bit")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="run the full size")] = False,
) -> None:  # fmt: skip
    """Run an experiment of the catalogue and print its observables beside published ones; without ID, list them."""
    if id is None:
        _list()
        return
    chosen, name = _find(id), _size(size, quick)
    if name not in chosen.sizes:
        raise InputError(f"--size {name}: {chosen.id} has no such size; there is {', '.join(chosen.sizes)}")
    hours = chosen.sizes[name].hours
    if name == "full" and not yes:
        raise InputError(f"--size full: {chosen.id} takes about {_time(hours)} on 2 cores; add --yes to run it")
    from physim.experiments import run
    from physim.experiments.run import default_folder, summary
    from physim.experiments.table import text
    from physim.progress import say

    if rerun and confirm:
        raise InputError("--confirm: cannot go with --rerun; leave one out")
    out = out or default_folder()
    say(f"{chosen.id}: {chosen.title}; size {name}, about {_time(hours)} on 2 cores if nothing is done yet")
    result, ensemble = run(chosen, name, out=out, device=device, json=json, rerun=rerun, confirm=confirm)
    print("\n" + text(result) + f"\n\n{summary(result)}")
    print(out / f"{chosen.id}-{name}.json")
    panels = chosen.panels(ensemble, chosen.sizes[name]) if name != "smoke" else []
    if panels:
        from physim.viz.panels import draw

        print(draw(panels, out / f"{chosen.id}-{name}.png", f"{chosen.id}, {name}"))


def _list() -> None:
    from physim.experiments import EXPERIMENTS

    for found in EXPERIMENTS.values():
        sizes = ", ".join(f"{name} {_time(size.hours)}" for name, size in found.sizes.items())
        print(f"{found.id}: {found.title}\n    projected on 2 cores: {sizes}")


def _find(id: str) -> Experiment:
    from physim.experiments import EXPERIMENTS
    from physim.problems import show, suggest

    known = {name.lower(): found for name, found in EXPERIMENTS.items()}
    if id.lower() not in known:
        remedy = suggest(id, known).replace("'", "")
        for name in EXPERIMENTS:
            remedy = remedy.replace(name.lower(), name)
        raise InputError(f"ID: {show(id)} is no experiment; {remedy}")
    return known[id.lower()]


def _size(size: str | None, quick: bool) -> str:
    from physim.experiments import SIZES
    from physim.problems import show, suggest

    if quick and size not in (None, "quick"):
        raise InputError(f"--size {show(size)}: cannot go with --quick; leave one out")
    name = "quick" if quick else size or "standard"
    if name not in SIZES:
        raise InputError(f"--size {show(name)}: is no size; {suggest(name, SIZES)}")
    return name


def _time(hours: float) -> str:
    """Such as "4 s", "3 min" or "12 h"."""
    seconds = hours * 3600
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min" if hours < 1 else f"{hours:.3g} h"
