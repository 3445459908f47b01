"""PNG pictures of a run, offscreen. VTK without EGL or OSMesa ends the process, so rendering happens in a child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from physim.viz.frames import Run

_PROBE = (
    "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.SetMultiSamples(0); w.SetSize(32, 32); "
    "w.AddRenderer(vtk.vtkRenderer()); w.Render()"
)
_REMEDY = "on Debian or Ubuntu: apt-get install libegl1 libgl1 (or libosmesa6)"


def render_run(folder: Path, *, size: tuple[int, int] = (1600, 1200), frames: str = "last") -> list[Path]:
    """Write `preview.png` (the last frame), or `picture_<k>.png` of all; returns the files, [] where VTK cannot draw."""
    Run(folder)
    if not can_draw():
        print(f"no pictures: no usable EGL or OSMesa library; {_REMEDY}, then `physim render {folder}`")
        return []
    command = [sys.executable, "-m", "physim.viz.render", str(folder), str(size[0]), str(size[1]), frames]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(f"no pictures: drawing failed ({last}); {_REMEDY}")
        return []
    return [Path(line) for line in done.stdout.splitlines() if line.endswith(".png")]


def can_draw() -> bool:
    """Whether VTK can open an offscreen window here, tried in a child process."""
    try:
        return (
            subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False, timeout=120).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def draw(folder: Path, size: tuple[int, int], frames: str) -> list[Path]:
    """Draw in this process."""
    run = Run(folder)
    chosen = list(enumerate(run.times)) if frames == "all" else [(len(run.times) - 1, run.times[-1])]
    return [
        _draw_frame(run, time, size, run.folder / (f"picture_{k:06d}.png" if frames == "all" else "preview.png"))
        for k, time in chosen
    ]


def _draw_frame(run: Run, time: float, size: tuple[int, int], path: Path) -> Path:
    import vtk

    from physim.viz import scene

    renderer, legend = scene.build(run.part("cells", time), run.part("fibers", time), run.part("links", time))
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    window.AddRenderer(renderer)
    annotate(renderer, legend, time, size)
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.png")
    writer.SetFileName(str(temporary))
    writer.SetInputConnection(grab.GetOutputPort())
    writer.Write()
    os.replace(temporary, path)
    return path


def annotate(renderer: Any, legend: dict[str, Any], time: float, size: tuple[int, int]) -> None:
    """Time, scale bar, and a legend with the colours of the picture."""
    from physim.viz import scene

    unit = size[1] / 1200
    _text(renderer, f"{time:.1f} h", 0.03 * size[0], size[1] - 70 * unit, 44 * unit, bold=True)
    rows: list[tuple[str, tuple[float, float, float]]] = [
        (name, scene.color(kind)) for kind, name in legend["names"].items()
    ]
    rows.append(("nucleus", scene.NUCLEUS))
    if legend["fibers"]:
        rows.append((f"collagen, slab of {scene.SLAB:g} um", scene.FIBER))
    for low, high, rgb in legend["tension"]:
        rows.append((f"link, {low:g}-{high:g} nN" if high < 1e6 else f"link, over {low:g} nN", rgb))
    for k, (label, rgb) in enumerate(rows):
        y = size[1] - (130 + 42 * k) * unit
        _bar(renderer, 0.03 * size[0], y + 4 * unit, 40 * unit, 20 * unit, rgb)
        _text(renderer, label, 0.03 * size[0] + 54 * unit, y, 28 * unit)
    length = next(step for step in (200, 100, 50, 20, 10) if step < 0.4 * legend["width"] or step == 10)
    pixels = length / legend["width"] * size[1]
    _bar(renderer, size[0] - pixels - 0.04 * size[0], 60 * unit, pixels, 8 * unit, scene.INK)
    _text(renderer, f"{length} um", size[0] - 0.5 * pixels - 0.04 * size[0] - 45 * unit, 80 * unit, 30 * unit)


def _text(renderer: Any, label: str, x: float, y: float, height: float, bold: bool = False) -> None:
    import vtk

    from physim.viz import scene

    actor = vtk.vtkTextActor()
    actor.SetInput(label.replace(" um", " \u00b5m"))
    actor.SetDisplayPosition(round(x), round(y))
    look = actor.GetTextProperty()
    look.SetFontSize(max(8, round(height)))
    look.SetColor(*scene.INK)
    look.SetBold(bold)
    look.SetBackgroundColor(1, 1, 1)
    look.SetBackgroundOpacity(0.75)
    renderer.AddViewProp(actor)


def _bar(renderer: Any, x: float, y: float, width: float, height: float, rgb: tuple[float, float, float]) -> None:
    import vtk

    corners = vtk.vtkPoints()
    for dx, dy in ((0, 0), (width, 0), (width, height), (0, height)):
        corners.InsertNextPoint(x + dx, y + dy, 0)
    face = vtk.vtkCellArray()
    face.InsertNextCell(4, (0, 1, 2, 3))
    shape = vtk.vtkPolyData()
    shape.SetPoints(corners)
    shape.SetPolys(face)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(shape)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*rgb)
    renderer.AddViewProp(actor)


if __name__ == "__main__":
    for picture in draw(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]):
        print(picture)
