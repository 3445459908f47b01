"""A good first view of this run in ParaView 5.11 or newer. `physim run` puts this file into the folder of a run.

    paraview --script=open_in_paraview.py            on the screen
    pvbatch open_in_paraview.py picture.png          a picture of the last frame

Cells are spheres of their radius, fibers a slab of thin lines, links lines coloured by tension. Fibers that move are
coloured by their displacement; the array "tension (nN)" is there, too. Where cells cut fibers, "area" is what is left
of the cross-section of a segment, by which held fibers are coloured, and "cut_end" is 1 at nodes where one was cut.
Times are in hours.
"""

import os
import sys
from typing import Any

from paraview import simple as pv

WRITTEN_IN = ""
SLAB = 20.0  # um, thickness of the slab of fibers
RADIUS, TYPE, DEPARTED, TENSION = "radius (um)", "type", "departed (h)", "tension (nN)"
DISPLACEMENT, AREA = "displacement (um)", "area"
FIBER_COLORS = [
    (0.0, (0.28, 0.30, 0.35)), (0.2, (0.14, 0.57, 0.65)), (0.5, (0.24, 0.88, 0.92)), (1.0, (0.9, 1.0, 0.99))
]  # fmt: skip
"""By the share of the largest displacement: most fibers, far from cells, move by little."""
AREA_COLORS = [(0.0, (0.65, 0.92, 0.18)), (1.0, (0.55, 0.58, 0.64))]
"""By what is left of the cross-section."""
CELL_COLORS = [(0.18, 0.71, 0.51), (0.88, 0.41, 0.71), (0.43, 0.76, 0.98), (0.88, 0.88, 0.84), (0.75, 0.57, 0.24)]


def folder() -> str:
    """Of the run: where this file lies; ParaView's window does not tell, then where it was started or written."""
    places = [os.path.dirname(os.path.abspath(globals().get("__file__", "run.pvd"))), os.getcwd(), WRITTEN_IN]
    for place in places:
        if os.path.isfile(os.path.join(place, "run.pvd")):
            return place
    raise SystemExit("no run.pvd in " + " or ".join(places) + ": start ParaView in the folder of the run")


def part(run: Any, name: str, time: float) -> Any:
    """A named part of the run, or None where it has no such part or the part is empty at that time."""
    chosen = pv.ExtractBlock(registrationName=name, Input=run)
    chosen.Selectors = ["//" + name]
    chosen.UpdatePipeline(time)
    if chosen.GetDataInformation().GetNumberOfPoints():
        return chosen
    pv.Delete(chosen)
    return None


def type_names(cells: Any) -> list[str]:
    """Names of the cell types, from the field data of the part."""
    data = pv.servermanager.Fetch(cells)
    while hasattr(data, "GetNumberOfBlocks"):
        data = data.GetBlock(0)
    names = data.GetFieldData().GetAbstractArray("type_names")
    return [names.GetValue(k) for k in range(names.GetNumberOfValues())] if names else []


def show_cells(cells: Any, view: Any) -> Any:
    """Spheres, coloured by type; those that have left the box are taken away."""
    here = pv.Threshold(registrationName="cells in the box", Input=cells, Scalars=["POINTS", DEPARTED])
    here.LowerThreshold, here.UpperThreshold, here.Invert = 0.0, 1e30, 1  # "departed" is nan while a cell is there
    spheres = pv.Glyph(registrationName="spheres", Input=here, GlyphType="Sphere")
    spheres.GlyphType.Radius = 1.0
    spheres.GlyphType.ThetaResolution = spheres.GlyphType.PhiResolution = 24
    spheres.OrientationArray = ["POINTS", "No orientation array"]
    spheres.ScaleArray = ["POINTS", RADIUS]
    spheres.ScaleFactor = 1.0
    spheres.GlyphMode = "All Points"
    shown = pv.Show(spheres, view)
    colors = pv.GetColorTransferFunction(TYPE)
    colors.InterpretValuesAsCategories = 1
    names = type_names(cells)
    colors.AnnotationsInitialized = 1
    colors.Annotations = [text for k, name in enumerate(names) for text in (str(k), name)]
    colors.IndexedColors = [level for color in CELL_COLORS for level in color]
    pv.ColorBy(shown, ("POINTS", TYPE))
    if len(names) > 1:
        shown.SetScalarBarVisibility(view, True)
        bar = pv.GetScalarBar(colors, view)
        bar.Title, bar.ComponentTitle, bar.WindowLocation = "cells", "", "Upper Right Corner"
    return spheres


def show_fibers(fibers: Any, view: Any, middle: float) -> None:
    """A slab about the height `middle`, um; the whole network would hide the cells."""
    x0, x1, y0, y1, _, _ = fibers.GetDataInformation().GetBounds()
    slab = pv.Clip(registrationName="slab of fibers", Input=fibers, ClipType="Box")
    slab.ClipType.Position = [x0 - 1, y0 - 1, middle - 0.5 * SLAB]
    slab.ClipType.Length = [x1 - x0 + 2, y1 - y0 + 2, SLAB]
    shown = pv.Show(slab, view)
    shown.LineWidth = 1.0
    pv.Hide(fibers, view)
    if fibers.PointData.GetArray(DISPLACEMENT) is not None:
        pv.ColorBy(shown, ("POINTS", DISPLACEMENT, "Magnitude"))
        shown.RescaleTransferFunctionToDataRange(False, True)
        colors = pv.GetColorTransferFunction(DISPLACEMENT)
        title, table, top = "fiber " + DISPLACEMENT, FIBER_COLORS, colors.RGBPoints[-4]
    elif fibers.CellData.GetArray(AREA) is not None:
        pv.ColorBy(shown, ("CELLS", AREA))
        colors = pv.GetColorTransferFunction(AREA)
        title, table, top = "fiber cross-section left", AREA_COLORS, 1.0
    else:
        shown.ColorArrayName = ["POINTS", ""]
        shown.DiffuseColor = shown.AmbientColor = [0.55, 0.58, 0.64]
        return
    colors.RGBPoints = [level for share, rgb in table for level in (share * top, *rgb)]
    shown.SetScalarBarVisibility(view, True)
    bar = pv.GetScalarBar(colors, view)
    bar.Title, bar.ComponentTitle, bar.ScalarBarLength = title, "", 0.3
    bar.WindowLocation, bar.RangeLabelFormat = "Lower Left Corner", "%.2g"


def show_links(links: Any, view: Any) -> None:
    """Lines with the tension as their colour, and its bar."""
    shown = pv.Show(links, view)
    pv.ColorBy(shown, ("CELLS", TENSION))
    shown.LineWidth = 2.5
    shown.RescaleTransferFunctionToDataRange(False, True)
    colors = pv.GetColorTransferFunction(TENSION)
    colors.ApplyPreset("Plasma (matplotlib)", True)
    shown.SetScalarBarVisibility(view, True)
    bar = pv.GetScalarBar(colors, view)
    bar.Title, bar.ComponentTitle, bar.ScalarBarLength = "link " + TENSION, "", 0.3
    bar.RangeLabelFormat = "%.0f"


def main(picture: str | None = None) -> None:
    run = pv.PVDReader(registrationName="run", FileName=os.path.join(folder(), "run.pvd"))
    first, last = run.TimestepValues[0], run.TimestepValues[-1]
    run.UpdatePipeline(first)
    view = pv.GetActiveViewOrCreate("RenderView")
    if picture:
        view.ViewSize = [1600, 1200]
    view.UseColorPaletteForBackground = 0
    view.Background = [0.035, 0.04, 0.055]
    view.OrientationAxesVisibility = 1
    cells, fibers = part(run, "cells", first), part(run, "fibers", first)
    low, high = cells.GetDataInformation().GetBounds()[4:]
    pv.GetTimeKeeper().Time = last  # the animation scene would wait for the window for ever
    spheres = show_cells(cells, view)
    if fibers:
        show_fibers(fibers, view, 0.5 * (low + high))
    links = part(run, "links", last)
    if links:
        show_links(links, view)
    pv.Hide(run, view)
    clock = pv.AnnotateTimeFilter(registrationName="time", Input=run, Format="{time:.1f} h")
    pv.Show(clock, view).FontSize = 36
    pv.SetActiveSource(spheres)
    camera = pv.GetActiveCamera()
    camera.SetFocalPoint(0, 0, 0)
    camera.SetPosition(0.35, -0.55, 1)
    camera.SetViewUp(0, 1, 0)
    pv.ResetCamera(view)
    camera.Zoom(1.4)
    pv.Render(view)
    if picture:
        pv.SaveScreenshot(picture, view)


main(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1].endswith(".png") else None)
