"""A run of cells in blood: what is recorded, what is refused, and the same bits for any work-group."""

from pathlib import Path

import numpy as np
import pytest
import vtk
from reference.blood import haberman, places, table
from reference.walls import vtk_distance
from vtkmodules.util.numpy_support import vtk_to_numpy

from physim import runner
from physim.analysis.migration import Trajectories
from physim.batch import Batch
from physim.errors import InputError
from physim.scenario import Scenario, load
from physim.simulation import Simulation
from physim.viz.frames import Run
from physim.viz.view import View

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
    view, bounds = View.of(Run(folder)), wall.GetBounds()
    assert view.low[0] <= bounds[0] and view.high[0] >= bounds[1], "pictures show all of the vessel"


@pytest.mark.parametrize("changes, said", [
    ({"vessels": {"network": "tumour", "radius": 3.0}}, 'vessels.radius: has no meaning with network = "tumour"'),
    ({"vessels": {"file": "none.swc"}}, "vessels.file: "),
    ({"terms": {"elongation": {}, "bond": {}}}, "terms.elongation: needs plasma, which is not there"),
    ({"terms": TERMS | {"contact": {}}}, "terms.contact: does not go with terms.elongation"),
    ({"terms": TERMS | {"budding": {}}, "own_terms": [OWN]}, "terms.budding: divides cells, and does not go with"),
    ({"terms": TERMS | {"noise": {"diffusion": 2e4}}}, "terms.noise.diffusion: takes cells 0.816 um along each axis"),
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
    with pytest.raises(InputError, match=r"box.size: the vessels need .* um; enlarge the box"):
        Simulation(Scenario.from_table(tube(box={"size": [70.0, 44.0, 44.0]})), device=device_label)


def test_the_same_bits_for_any_work_group(device_label, monkeypatch):
    found = set()
    for group in ("1", "64"):
        monkeypatch.setenv("PHYSIM_WORKGROUP", group)
        sim = Simulation(Scenario.from_table(tube()), device=device_label)
        sim.step(40)
        found.add(sim.state_hash())
    assert len(found) == 1


def test_tube_flow_carries_cells_as_haberman_and_sayre_have_it(device_label):
    """The built-in scenario: K_2/K_1 times the speed on the axis of the empty tube, for each of three cells there."""
    scenario = load("tube_flow")
    sim = Simulation(scenario, device=device_label)
    sim.step(40)
    before = places(sim)
    sim.step(80)
    gone = (places(sim) - before)[:3, 0] / 0.08
    for radius, speed in zip((2.0, 6.0, 10.0), gone, strict=True):
        resisted, carried = haberman(radius / 12.5)
        assert speed == pytest.approx(carried / resisted * 600.0, rel=0.05)
    resting = Simulation(scenario.null_arm(), device=device_label)
    start = places(resting)
    resting.step(10)
    assert 0.001 < np.abs(places(resting) - start)[:, 0].max() < 0.02 + 1e-3, "2 um/s for 10 ms"


def test_spheres_in_a_network_are_recorded_each_and_resume_to_the_same_places(tmp_path, device_label):
    """`tumour_network` in a fork that a file has: places of the start do not come from the box; a copy goes on."""
    (tmp_path / "fork.csv").write_text(FORK)
    changes = [f"vessels.file={tmp_path / 'fork.csv'}", "box.size=[150, 110, 40]", "cells.0.count=15"]
    scenario = load("tumour_network", [*changes, "run.duration=20 ms", "record.interval=10 ms", "null=off"])
    sim = Simulation(scenario, device=device_label)
    cells = sim.cells
    assert len(cells["id"]) == 15, "each sphere is a cell, not half of one"
    inside = vtk_distance(sim.vessels.surface.vertices, sim.vessels.surface.faces, cells["position"])
    assert (inside < -3.0 + 1e-3).all()
    sim.step(10)
    copy = sim.copy()
    folder = sim.run(tmp_path / "run")
    assert len(Trajectories.read(folder).time) == 2, "from now on, to the end"
    copy.step(30)
    assert copy.state_hash() == sim.state_hash()


FORK = "x1,y1,z1,x2,y2,z2,radius\n0,0,0,50,0,0,8\n50,0,0,110,40,0,7\n50,0,0,110,-40,0,7\n"
