"""The ParaView script of a run folder, run with a stand-in for ParaView: it names parts and arrays that are there."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest
from reference import runs

from physim import runner
from physim.viz.frames import Run
from physim.viz.paraview import write_script


@pytest.fixture
def paraview(monkeypatch):
    """What the script asked of ParaView: `paraview.simple` as a mock, its blocks in `blocks`."""
    simple, package, blocks = MagicMock(arrays={}), ModuleType("paraview"), []

    def block(**_):
        blocks.append(MagicMock())
        blocks[-1].GetDataInformation.return_value.GetBounds.return_value = (0, 100, 0, 100, 40, 60)
        blocks[-1].PointData.GetArray.side_effect = blocks[-1].CellData.GetArray.side_effect = simple.arrays.get
        return blocks[-1]

    simple.ExtractBlock.side_effect = block
    simple.PVDReader.return_value.TimestepValues = [0.0, 1.0]
    names = MagicMock(**{"GetNumberOfValues.return_value": 2, "GetValue.side_effect": runs.NAMES.__getitem__})
    simple.servermanager.Fetch.return_value = SimpleNamespace(
        GetFieldData=lambda: SimpleNamespace(GetAbstractArray=lambda name: names if name == "type_names" else None)
    )
    package.simple = simple
    monkeypatch.setitem(sys.modules, "paraview", package)
    monkeypatch.setitem(sys.modules, "paraview.simple", simple)
    monkeypatch.setattr(sys, "argv", ["pvbatch"])
    simple.blocks = blocks
    return simple


def folder_of(path, moving=False, cut=False):
    fibers = runs.network([[10, 10, 50]], [[90, 10, 50]])
    state = runs.moved(fibers, 1.0) if moving else runs.thinned(fibers, 0.5) if cut else None
    taken = runs.snapshot(0.0, [[50, 50, 50]], links=[(0, [60, 50, 50], 2.0)], fibers=state)
    return runs.record(path, [taken], fibers=fibers)


def test_script_opens_parts_and_arrays_that_the_run_has(tmp_path, paraview):
    folder = folder_of(tmp_path / "run")
    names = runpy.run_path(str(write_script(folder)))
    assert paraview.PVDReader.call_args.kwargs["FileName"] == str(folder / "run.pvd")
    listed = {entry.get("name") for entry in ElementTree.parse(folder / "run.pvd").getroot().iter("DataSet")}
    assert {block.Selectors[0] for block in paraview.blocks} == {f"//{name}" for name in listed}
    run = Run(folder)
    of_points = run.part("cells", 0.0).GetPointData()
    assert all(of_points.HasArray(names[name]) for name in ("RADIUS", "TYPE", "DEPARTED"))
    assert run.part("links", 0.0).GetCellData().HasArray(names["TENSION"])
    spheres = paraview.Glyph.return_value
    assert spheres.ScaleArray == ["POINTS", names["RADIUS"]] and spheres.ScaleFactor == spheres.GlyphType.Radius == 1.0
    slab = paraview.Clip.return_value.ClipType
    assert slab.Position[2] == 40 and slab.Length[2] == 20  # about the middle of the cells
    colors = paraview.GetColorTransferFunction.return_value
    assert colors.Annotations == ["0", "tumor", "1", "fibroblast"]
    assert paraview.GetTimeKeeper.return_value.Time == 1.0  # h, the last frame


def test_fibers_that_move_are_coloured_by_their_displacement(tmp_path, paraview):
    shown = paraview.Show.return_value
    names = runpy.run_path(str(write_script(folder_of(tmp_path / "held"))))
    coloured = lambda: [call.args[1] for call in paraview.ColorBy.call_args_list]  # noqa: E731
    assert ("POINTS", names["DISPLACEMENT"], "Magnitude") not in coloured()
    assert shown.DiffuseColor == [0.55, 0.58, 0.64]
    folder = folder_of(tmp_path / "moving", moving=True)
    part = Run(folder).part("fibers", 0.0)
    assert part.GetPointData().HasArray(names["DISPLACEMENT"])
    paraview.arrays[names["DISPLACEMENT"]] = "there"
    colors = paraview.GetColorTransferFunction.return_value
    colors.RGBPoints = [0.0, 0, 0, 0, 5.0, 1, 1, 1]  # the range of the data, 0 to 5 um
    runpy.run_path(str(write_script(folder)))
    assert ("POINTS", names["DISPLACEMENT"], "Magnitude") in coloured()
    assert colors.RGBPoints[0] == 0 and colors.RGBPoints[-4] == 5 and len(colors.RGBPoints) == 16


def test_held_fibers_that_are_cut_are_coloured_by_what_is_left(tmp_path, paraview):
    folder = folder_of(tmp_path / "cut", cut=True)
    part = Run(folder).part("fibers", 0.0)
    paraview.arrays["area"] = "there"
    names = runpy.run_path(str(write_script(folder)))
    assert part.GetCellData().HasArray(names["AREA"]) and part.GetPointData().HasArray("cut_end")
    assert ("CELLS", names["AREA"]) in [call.args[1] for call in paraview.ColorBy.call_args_list]
    assert "area" in [call.args[0] for call in paraview.GetColorTransferFunction.call_args_list]


def test_script_finds_a_run_that_was_moved_or_opened_without_its_name(tmp_path, paraview, monkeypatch):
    folder = folder_of(tmp_path / "first")
    text = write_script(folder).read_text()
    exec(text, {"__name__": "__main__"})  # as ParaView's window does: no __file__
    assert paraview.PVDReader.call_args.kwargs["FileName"] == str(folder / "run.pvd")
    moved = tmp_path / "second"
    shutil.move(folder, moved)
    runpy.run_path(str(moved / "open_in_paraview.py"))
    assert paraview.PVDReader.call_args.kwargs["FileName"] == str(moved / "run.pvd")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="start ParaView in the folder of the run"):
        exec(text, {"__name__": "__main__"})


def test_every_run_gets_the_script(tmp_path, make_simulation, device_label):
    from physim.scenario import Scenario

    table = {"title": "x", "run": {"duration": 0.2, "step": 0.1}, "box": {"size": 100}, "record": {"interval": 0.1},
             "cells": [{"count": 2}], "terms": {"contact": {}, "drag": {}}}  # fmt: skip
    folder = runner.run(Scenario.from_table(table), out=tmp_path / "run", device=device_label, preview=False)
    text = (folder / "open_in_paraview.py").read_text()
    assert compile(text, "open_in_paraview.py", "exec") and f"WRITTEN_IN = {str(folder)!r}" in text
    assert json.loads((folder / "run.json").read_text())["status"] == "complete"
    assert "open_in_paraview.py" in (folder / "summary.txt").read_text()
