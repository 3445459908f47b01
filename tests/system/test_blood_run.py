"""A run of cells in blood: what is recorded, what is refused, and the same bits for any work-group."""

from pathlib import Path

import numpy as np
import pytest
import vtk
from reference.blood import table
from vtkmodules.util.numpy_support import vtk_to_numpy

from physim import runner
from physim.analysis.migration import Trajectories
from physim.batch import Batch
from physim.errors import InputError
from physim.scenario import Scenario

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
TERMS = {"elongation": {}, "bond": {}, "plasma": {}}


def tube(**changes):
    given = table(TERMS, [110.0, 44.0, 44.0], network="tube", radius=6.5, length=80.0, speed="200 um/s",
                  pressure="1 kPa", voxel="2.5 um")  # fmt: skip
    given["cells"] = [{"name": name, "count": 1, "radius": "7 um", "nucleus_radius": "4 um", "center": [x, 22, 22]}
                      for name, x in (("first", 32), ("second", 46))]  # fmt: skip
    given["run"]["duration"] = "0.1 s"
    return given | changes


def read(path):
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def test_run_records_cells_with_their_shape_and_the_wall(tmp_path, monkeypatch, device_label):
    monkeypatch.chdir(tmp_path)
    folder = runner.run(Scenario.from_table(tube()), preview=False, device=device_label)
    assert len(Trajectories.read(folder).time) == 2
    listed = (folder / "run.pvd").read_text()
    assert listed.count('name="vessels" file="vessels.vtp"') == 2 and listed.count("name=\"shells\"") == 2
    cells, bodies, wall = (read(folder / name) for name in ("frames/cells_000001.vtp", "frames/shells_000001.vtp",
                                                            "vessels.vtp"))  # fmt: skip
    assert cells.GetNumberOfPoints() == 2
    assert set(vtk_to_numpy(bodies.GetCellData().GetArray("cell_id"))) == {0, 1}
    shear = vtk_to_numpy(wall.GetCellData().GetArray("wall_shear (Pa)"))
    port = vtk_to_numpy(wall.GetCellData().GetArray("port"))
    assert set(np.unique(port)) == {-1, 0, 1} and (shear[port < 0] > 0).all()
    places = vtk_to_numpy(bodies.GetPoints().GetData())
    assert np.linalg.norm(places[:, 1:] - 22, axis=1).max() < 6.5 + 0.5, "cells are as narrow as the tube"


@pytest.mark.parametrize("changes, said", [
    ({"vessels": {"network": "tumour", "radius": 3.0}}, 'vessels.radius: has no meaning with network = "tumour"'),
    ({"vessels": {"file": "none.swc"}}, "vessels.file: "),
    ({"terms": {"elongation": {}, "bond": {}}}, "terms.elongation: needs plasma, which is not there"),
    ({"terms": TERMS | {"contact": {}}}, "terms.contact: does not go with terms.elongation"),
    ({"terms": TERMS | {"budding": {}}, "own_terms": [OWN]}, "terms.budding: divides cells, and does not go with"),
    ({"terms": {"contact": {}}}, "vessels: nothing is carried in them; add a section [terms.plasma]"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line_each(changes, said):
    with pytest.raises(InputError) as caught:
        Scenario.from_table(tube(**changes))
    assert any(line.startswith(said) for line in caught.value.problems), caught.value.problems


def test_a_batch_refuses_vessels():
    with pytest.raises(InputError, match="batch: scenarios have vessels"):
        Batch([Scenario.from_table(tube())] * 2)


def test_a_box_that_is_too_small_for_the_vessels_is_refused(device_label):
    from physim.simulation import Simulation

    with pytest.raises(InputError, match=r"box.size: the vessels need .* um; enlarge the box"):
        Simulation(Scenario.from_table(tube(box={"size": [70.0, 44.0, 44.0]})), device=device_label)


def test_the_same_bits_for_any_work_group(device_label, monkeypatch):
    from physim.simulation import Simulation

    found = set()
    for group in ("1", "64"):
        monkeypatch.setenv("PHYSIM_WORKGROUP", group)
        sim = Simulation(Scenario.from_table(tube()), device=device_label)
        sim.step(40)
        found.add(sim.state_hash())
    assert len(found) == 1
