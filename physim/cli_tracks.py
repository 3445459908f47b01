"""`physim tracks`: tracks of runs and of microscopes, measured, drawn and compared. `physim.cli` registers it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from physim.errors import InputError

if TYPE_CHECKING:
    from physim.analysis.track_measures import TrackMeasures

FILES = ("measures.json", "cells.csv", "msd.csv", "positions.csv", "trajectories.png", "msd.png", "speeds.png")


def tracks(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="folders of runs, or CSVs of tracks", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="new folder; default: the name of the first PATH and _tracks")
    ] = None,
    pixel: Annotated[
        str | None, typer.Option(metavar="SIZE", help="of x and y without a unit, e.g. '0.65 um'", show_default=False)
    ] = None,
    slice_: Annotated[
        str | None, typer.Option("--slice", metavar="SIZE", help="of z without a unit, e.g. '2 um'", show_default=False)
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="TIME", help="from frame to frame, e.g. '5 min'", show_default=False)
    ] = None,
    noise: Annotated[
        str | None, typer.Option(metavar="SIZE", help="error of a position along an axis, e.g. '0.5 um'; else fitted",
                                 show_default=False)
    ] = None,
    shortest: Annotated[
        str | None, typer.Option(metavar="TIME", help="leave out tracks that last shorter", show_default=False)
    ] = None,
    from_above: Annotated[
        bool, typer.Option("--from-above", help="leave z out and measure in 2D, as a microscope that looks along z")
    ] = False,
) -> None:  # fmt: skip
    """Measure tracks (speed, MSD, persistence, anisotropy) and draw them; several PATHs are compared in one plot."""
    first = Path(os.path.abspath(paths[0]))
    folder = out or Path(f"{first.name if first.is_dir() else first.stem}_tracks")
    given = _options(pixel=pixel, slice=slice_, interval=interval, noise=noise, shortest=shortest)
    with _new_folder(folder) as making:
        _measure(paths, given, from_above, making)
    for name in FILES:
        print(folder / name)


def _measure(paths: Sequence[Path], given: dict[str, float | None], from_above: bool, folder: Path) -> None:
    from physim.analysis import track_measures, track_report
    from physim.analysis.track_sets import named_apart, read_tracks
    from physim.analysis.track_table import Scale
    from physim.viz.tracks import MOST_SETS

    scale = Scale(given["pixel"], given["slice"], given["interval"])
    read = [(path, arm) for path in paths for arm in read_tracks(path, scale)]
    if len(read) > MOST_SETS:
        raise InputError(f"PATH: {len(read)} sets of tracks are more than the {MOST_SETS} of one picture; give fewer")
    found = []
    for cells in named_apart(read):
        some = cells.lasting(given["shortest"]) if given["shortest"] else cells
        found.append(track_measures.measure(some.from_above() if from_above else some, noise=given["noise"]))
        print(track_report.report(found[-1]), end="\n\n", flush=True)
    if len({measured.tracks.dimensions for measured in found}) > 1:
        print("These are tracks in 2D and in 3D, whose speeds differ by that alone; --from-above measures all in 2D.\n")
    _write(folder, found)


def _options(**given: str | None) -> dict[str, float | None]:
    """Lengths (um) and times (min) above 0."""
    from physim.analysis.track_table import in_units
    from physim.units import parse_quantity

    units = {"interval": "min", "shortest": "min"}
    found: dict[str, float | None] = {}
    for name, text in given.items():
        found[name] = None
        if text is None:
            continue
        try:
            value = parse_quantity(in_units(text), units.get(name, "um"))
        except ValueError as problem:
            raise InputError(f"--{name}: {problem}") from None
        if not (0 < value < 1e6 or (value == 0 and name == "noise")):
            raise InputError(f"--{name} {text[:40]}: must be above 0 and below 1e6; correct it")
        found[name] = value
    return found


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside it, which takes its name when all is in it; else nothing is left. Raises InputError."""
    from physim.record import writing

    making = folder.parent / f".tracks-{os.getpid()}.tmp"
    made = [parent for parent in (folder.parent, *folder.parent.parents) if not os.path.lexists(parent)]
    try:
        if os.path.lexists(folder):
            raise InputError(f"{folder}: exists and is not overwritten; give another --out or move it away")
        folder.mkdir(parents=True)  # tries the name
        folder.rmdir()
        making.mkdir()
    except OSError as error:
        _tidy(making, made)
        raise InputError(f"{folder}: cannot be made: {error.strerror}; give another folder with --out") from None
    try:
        yield making
        with writing(folder, "nothing was changed"):
            making.rename(folder)
    except BaseException:
        _tidy(making, made)
        raise


def _tidy(making: Path, made: Sequence[Path]) -> None:
    """Remove a folder, and those that were made for it."""
    shutil.rmtree(making, ignore_errors=True)
    with suppress(OSError):
        for parent in made:
            parent.rmdir()


def _write(folder: Path, found: Sequence[TrackMeasures]) -> None:
    from physim.analysis import track_report
    from physim.files import write_json, write_text
    from physim.record import writing
    from physim.viz import tracks as pictures

    with writing(folder, "nothing was changed"):
        write_json(folder / "measures.json", {"sets": [track_report.as_table(measured) for measured in found]})
        write_text(folder / "cells.csv", track_report.cells_csv(found))
        write_text(folder / "msd.csv", track_report.msd_csv(found))
        write_text(folder / "positions.csv", track_report.positions_csv(found))
    pictures.draw(found, folder)
