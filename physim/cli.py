"""The command line. Heavy modules are imported inside the commands, so that `physim --help` answers at once.

Exit codes: 0 done, 1 `compare` found a difference, 2 the input is wrong (one line per problem on stderr), 3 the run
stopped for a physical or numerical reason, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from physim import cli_experiment, cli_mesh, cli_runs, cli_tracks, settings
from physim.errors import InputError, PhysimError, StuckDeviceError
from physim.options import DeviceName, Overrides, Preview, RunFolder, ScenarioName

# Before NumPy is imported: matrices here are small, and BLAS threads that wait spin on the cores that OpenCL works on.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class _Commands(TyperGroup):
    """Turns the errors that are no bugs into lines and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            settings.check()
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:  # the reader has seen enough, as in `physim list | head -1`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except PhysimError as error:
            for line in str(error).splitlines() or [type(error).__name__]:
                print(f"error: {line}", file=sys.stderr)
            if isinstance(error, StuckDeviceError):  # at exit the OpenCL library would wait for it for ever
                sys.stderr.flush()
                os._exit(error.exit_code)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from None
        except MemoryError:
            print("error: not enough memory; use fewer cells or a smaller box", file=sys.stderr)
            raise typer.Exit(2) from None


app = typer.Typer(
    name="physim",
    cls=_Commands,
    help="Simulate how cancer cells invade and metastasise together.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

@app.command("list")
def list_scenarios() -> None:
    """List the built-in scenarios."""
    from physim import tables
    from physim.scenario import builtin_names, builtin_text

    for name in builtin_names():
        table = tables.parse(builtin_text(name), name)
        print(f"{name}: {table.get('title', '')}")
        print(_paragraph(table.get("introduction", "")), end="\n\n")


def _paragraph(text: str) -> str:
    import textwrap

    return textwrap.fill(" ".join(text.split()), 100, initial_indent="    ", subsequent_indent="    ")


@app.command()
def devices() -> None:
    """List the OpenCL devices and say which can be used."""
    from physim.device import describe_devices

    print(describe_devices())


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="built-in scenario", show_default=False)],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="default: NAME.toml", show_default=False)
    ] = None,
) -> None:
    """Write a commented copy of a built-in scenario, to be edited; never overwrites a file."""
    from physim import tables
    from physim.problems import suggest
    from physim.scenario import builtin_names, builtin_text

    if name not in builtin_names():
        raise InputError(f"NAME: '{name}' is no built-in scenario; {suggest(name, builtin_names())}")
    path, text = file or Path(f"{name}.toml"), builtin_text(name)
    _write_new(path, text)
    print(_paragraph(tables.parse(text, name).get("introduction", "")))
    print(f"\nwrote {path}; edit it, then: physim validate {path}; physim run {path}")


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(f"{path}: exists and is not overwritten; give another name or move it away") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be written: {getattr(error, 'strerror', error)}; give another path"
        ) from None


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="write it there; never overwrites")] = None,
) -> None:
    """Print the JSON Schema of a scenario: editors complete and check the TOML with it."""
    import json

    from physim.schema import scenario_schema

    text = json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        _write_new(out, text)
        print(f"wrote {out}; first line of a scenario: #:schema ./{out.name}")


@app.command()
def validate(scenario: ScenarioName, overrides: Overrides = None) -> None:
    """Check a scenario without running it, and say what it amounts to."""
    from physim.generate.cells import initial_cells
    from physim.generate.matrix import initial_network
    from physim.scenario import load

    checked = load(scenario, overrides or ())
    from physim import assembly
    from physim.episodes import tissue_of
    from physim.problems import number_of
    from physim.units import told_step

    kernels, cells = assembly.step_kernels(tissue_of(checked)), initial_cells(checked)
    count = len(cells["id"])
    assembly.check_cells(checked, float(cells["radius"].max()))
    notes = initial_network(checked, cells).notes if checked.collagen and checked.collagen.file else ()
    steps = round(checked.run.duration / checked.run.step)
    print(f"valid: {checked.title}")
    print(f"  {number_of(count, 'cell')}, {number_of(steps, 'step')} of {told_step(checked.run.step)}, "
          f"{number_of(len(kernels), 'kernel')} a step")  # fmt: skip
    print(f"  terms: {', '.join(checked.terms) or 'none'}")
    for note in notes:
        print(f"  collagen: {note}")
    if checked.null:
        print("  null arm: " + ", ".join(f"{path} = {value}" for path, value in checked.null.items()))


@app.command()
def explain(scenario: ScenarioName, overrides: Overrides = None) -> None:
    """Print the kernels of one step (what each reads, writes and adds to), the terms and their parameters."""
    from physim import explain as text
    from physim.scenario import load

    print(text.explain(load(scenario, overrides or ())))


app.command()(cli_runs.estimate)


@app.command()
def run(
    scenario: ScenarioName,
    overrides: Overrides = None,
    device: DeviceName = None,
    seed: Annotated[
        int | None, typer.Option(help="seed of all random numbers; same as --set run.seed=N")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="simulated hours; same as --set run.duration='N h'")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the run; default: a new one in runs/")] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="1..5", help="run each of these seeds and print means with intervals")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="TERM", help="run each seed without this term as well; repeatable"),
    ] = None,
    null: Annotated[
        bool | None,
        typer.Option("--null/--no-null", help="run the null arm; with --seeds or --without only if asked"),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="time every kernel")] = False,
    preview: Preview = None,
    force: Annotated[bool, typer.Option("--force", help="run even if the disk seems too small")] = False,
) -> None:
    """Run a scenario and record it into a folder; with --seeds or --without, a folder of runs."""
    from physim.scenario import load

    if out is not None and (out.name in ("", "..") or (out.exists() and not out.is_dir())):
        raise InputError(f"--out {out}: is no name for a folder of a new run; give another one")
    changes = list(overrides or ())
    if seed is not None:
        changes.append(f"run.seed={seed}")
    if hours is not None:
        changes.append(f"run.duration={hours!r} h")
    if null is False:
        changes.append("null=off")
    checked = load(scenario, changes)
    if seeds is not None or without:
        print(cli_runs.replicate(checked, seeds, without or (), seed, out=out, null=bool(null), device=device,
                                 profile=profile, preview=bool(preview), force=force))  # fmt: skip
        return
    from physim.runner import run as run_scenario

    print(run_scenario(checked, out=out, device=device, profile=profile, preview=preview is not False, force=force))


def _run_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; give the folder that 'physim run' printed")
    return folder


@app.command()
def resume(
    run_folder: RunFolder,
    device: DeviceName = None,
    profile: Annotated[bool, typer.Option("--profile", help="time every kernel")] = False,
    preview: Preview = None,
) -> None:
    """Go on with a run, or with runs of several seeds, that were cut, to the same bits as if they had not been."""
    from physim import replicates, runner

    folder = _run_folder(run_folder)
    if (folder / replicates.PLAN).is_file():
        print(replicates.resume(folder, device=device, profile=profile, preview=bool(preview)))
    else:
        print(runner.resume(folder, device=device, profile=profile, preview=preview is not False))


app.command()(cli_runs.compare)


@app.command()
def render(
    run_folder: RunFolder,
    frames: Annotated[
        str, typer.Option(help="last: preview.png; all: a series in pictures/")
    ] = "last",
    size: Annotated[str, typer.Option(metavar="WxH", help="pixels of a picture")] = "1600x1200",
    fibers: Annotated[
        str | None,
        typer.Option(metavar="COLOR", help="of fibers: displacement (default), tension, shed (integrins) or plain"),
    ] = None,
    movie: Annotated[
        bool, typer.Option("--movie", help="the series, and movie.mp4 of it (needs imageio-ffmpeg)")
    ] = False,
) -> None:
    """Draw pictures and the invaded radius of a run, finished or not."""
    folder = _run_folder(run_folder)
    if frames not in ("last", "all"):
        raise InputError(f"--frames: '{frames[:40]}' is not known; write last or all")
    from physim.viz import movie as film
    from physim.viz.plots import plot_displacement, plot_invasion
    from physim.viz.render import check_fibers, render_run, size_of

    pixels = size_of(size)
    check_fibers(folder, fibers)
    if movie:
        film.check(pixels)
    for figure in (*plot_invasion(folder), *plot_displacement(folder)):
        print(figure)
    pictures = []
    for picture in render_run(folder, size=pixels, frames="all" if movie else frames, fibers=fibers):
        print(picture, flush=True)
        pictures.append(picture)
    if movie:
        print(film.write_movie(folder / "movie.mp4", pictures))


@app.command()
def export(
    run_folder: RunFolder,
    out: Annotated[
        Path | None, typer.Option(help="file; default: trackmate_spots.csv in the folder of the run")
    ] = None,
) -> None:
    """Write the trajectories as a spot table that TrackMate and its readers understand (CSV)."""
    from physim.analysis.trackmate import export_spots

    folder = _run_folder(run_folder)
    print(export_spots(folder, out or folder / "trackmate_spots.csv"))


app.command()(cli_tracks.tracks)
app.command()(cli_experiment.experiment)
app.command()(cli_mesh.mesh)


@app.command()
def bench(
    device: DeviceName = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the rows as JSON")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="small sizes only")] = False,
) -> None:
    """Time the kernels on a device."""
    from physim.bench import main as run_bench

    run_bench(device=device, json=json, quick=quick)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="physim")
