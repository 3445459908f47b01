"""PNG pictures of a run, offscreen. VTK without EGL or OSMesa ends the process, so drawing happens in a child."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from physim.errors import InputError, PhysimError
from physim.files import replacing
from physim.record import writing
from physim.viz.frames import Run
from physim.viz.view import Layout, View

_PYTHON = (sys.executable, "-P")
"""Without the folder where the user stands: in a checkout, its `physim` would hide the installed one."""
_PROBE = (
    "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.SetMultiSamples(0); w.SetSize(32, 32); "
    "w.AddRenderer(vtk.vtkRenderer()); w.Render()"
)
REMEDY = "on Debian or Ubuntu: apt-get install libegl1 libgl1 (or libosmesa6)"
SIZE = (1600, 1200)
_SMALLEST, _LARGEST = 200, 8000
_SHARP = 4_000_000
"""Pixels up to which a picture is drawn at twice its size and averaged."""


class PictureError(PhysimError, RuntimeError):
    """VTK cannot draw here, for want of a library (exit code 2), or has failed while drawing (3)."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def size_of(text: str) -> tuple[int, int]:
    """Width and height in pixels from "1600x1200". Raises InputError."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"--size: '{text[:40]}' is no size; write WIDTHxHEIGHT in pixels, such as 1600x1200")
    size = int(width[:9]), int(height[:9])
    if not all(_SMALLEST <= edge <= _LARGEST for edge in size):
        raise InputError(f"--size: '{text[:40]}' is out of range; give {_SMALLEST} to {_LARGEST} pixels for each edge")
    return size


def check_fibers(folder: Path, fibers: str | None) -> None:
    """Raises InputError if fibers of this run cannot be coloured so: see `render_run`."""
    if fibers is not None:
        View.of(Run(folder), fibers)


def render_run(folder: Path, *, size: tuple[int, int] = SIZE, frames: str = "last",
               fibers: str | None = None) -> Iterator[Path]:  # fmt: skip
    """Draw `preview.png` (frames "last"), or `pictures/000000.png` ... ("all"); gives each path once it is there.

    `fibers` is what colours fibers: "displacement" (the default, where they move), "tension", "shed" (integrins that
    cells left on them) or "plain". Raises InputError for a folder without frames, PictureError where VTK cannot draw.
    """
    run = Run(folder)
    if not can_draw():
        raise PictureError(
            f"no usable EGL or OSMesa library, so no pictures; {REMEDY}, then: physim render {folder}", exit_code=2
        )
    wanted = paths(run, frames)
    command = [*_PYTHON, "-m", "physim.viz.render", str(folder), *map(str, size), frames, *([fibers] if fibers else [])]
    with tempfile.TemporaryFile("w+") as complaints:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        assert child.stdout is not None
        made = 0
        try:
            for line in child.stdout:
                if made < len(wanted) and line.strip() == str(wanted[made]):
                    made += 1
                    yield wanted[made - 1]
        finally:
            if child.poll() is None and made < len(wanted):
                child.kill()
            child.wait()
            child.stdout.close()
        if child.returncode != 0 or made < len(wanted):
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or [f"it ended with {child.returncode}"])[-1]
            raise PictureError(f"drawing failed after {made} of {len(wanted)} pictures: {last}")


def paths(run: Run, frames: str) -> list[Path]:
    """Where the pictures go."""
    if frames != "all":
        return [run.folder / "preview.png"]
    return [run.folder / "pictures" / f"{k:06d}.png" for k in range(len(run.times))]


def can_draw() -> bool:
    """Whether VTK can open an offscreen window here, tried in a child process."""
    try:
        done = subprocess.run([*_PYTHON, "-c", _PROBE], capture_output=True, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def draw(run: Run, time: float, layout: Layout) -> np.ndarray:
    """The frame at a time in hours as (height, width, 3) bytes, drawn in this process."""
    import vtk
    from vtkmodules.util.numpy_support import vtk_to_numpy

    from physim.viz import scene

    factor = 2 if layout.width * layout.height <= _SHARP else 1
    window = scene.window_of(run, time, Layout(factor * layout.width, factor * layout.height, layout.view))
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    pixels: Any = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
    pixels = pixels.reshape(layout.height, factor, layout.width, factor, 3).mean((1, 3))
    window.Finalize()
    return np.rint(pixels[::-1]).astype(np.uint8)


def _main(folder: str, width: str, height: str, frames: str, fibers: str | None = None) -> None:
    """Draw in this process; a line on stdout for each picture."""
    from matplotlib.image import imsave

    run = Run(Path(folder))
    layout = Layout(int(width), int(height), View.of(run, fibers))
    wanted = paths(run, frames)
    for time, path in zip(run.times[-len(wanted) :], wanted, strict=True):
        pixels = draw(run, time, layout)
        with writing(path, "the run itself is untouched"):
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                imsave(temporary, pixels, format="png")
        print(path, flush=True)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except PhysimError as problem:
        raise SystemExit(str(problem)) from None
