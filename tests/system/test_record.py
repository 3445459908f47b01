"""The files of a run, read back by VTK and Arrow; disks that are full; folders that exist."""

import errno
import json
import os
import resource
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest
from reference.runs import moved, read_vtp, thinned
from vtkmodules.util.numpy_support import vtk_to_numpy

from physim import cell_table, vtk_files
from physim.errors import InputError
from physim.generate.fiber_network import Box, assemble
from physim.record import Recorder, RecordError, Snapshot, new_run_folder


def snapshot(number=0, cells=7, links=5, fibers=None):
    random = np.random.default_rng(number)
    vector = lambda: random.normal(size=(cells, 3)).astype(np.float32)  # noqa: E731
    number_of = lambda: random.uniform(1, 9, cells).astype(np.float32)  # noqa: E731
    departed = np.full(cells, np.nan)
    departed[1] = 33.0
    holder = random.integers(0, cells, links)
    position = random.uniform(0, 100, (cells, 3))
    return Snapshot(
        step=number * 100,
        time=number * 10.0,
        cells={
            "id": np.arange(cells, dtype=np.uint32) * 2,
            "type": (np.arange(cells) % 2).astype(np.uint32),
            "position": position,
            **{name: number_of() for name in ("radius", "nucleus_radius", "cadherin", "integrin", "mmp")},
            **{name: vector() for name in ("polarity", "velocity", "force")},
            "bound_links": np.bincount(holder, minlength=cells).astype(np.int32),
            "link_force": number_of(),
            "junctions": random.integers(0, 9, cells).astype(np.int32),
            "departed": departed,
        },
        links={
            "cell_id": (holder * 2).astype(np.uint32),
            "cell_position": position[holder],
            "point": random.uniform(0, 100, (links, 3)),
            "tension": random.uniform(0, 9, links).astype(np.float32),
        },
        counters={"rebuilds": number},
        fibers=fibers,
    )


def network():
    """One fiber of three segments, the last through the periodic face x = 100 um."""
    nodes = np.array([[80.0, 5, 5], [88, 5, 5], [96, 5, 5], [104, 5, 5]])
    box = Box(np.zeros(3), np.full(3, 100.0), (True, False, False))
    none = np.zeros((0, 2))
    return assemble(nodes[:-1], nodes[1:], np.zeros(3, int), none.astype(int), none, box, 0.2)


def recorder(folder, **changes):
    folder.mkdir(exist_ok=True)
    given = {"scenario_toml": 'title = "x"\n', "run_info": {"seed": 4}, "network": network(),
             "type_names": ["tumor", "fibroblast"]} | changes  # fmt: skip
    return Recorder(folder, **given)


def arrays(data):
    return {data.GetArrayName(k): vtk_to_numpy(data.GetArray(k)) for k in range(data.GetNumberOfArrays())}


def listed(folder):
    """(hours, part, name, file) of every entry of run.pvd; each file must be there and be whole."""
    entries = ElementTree.parse(folder / "run.pvd").getroot().findall("Collection/DataSet")
    assert all(read_vtp(folder / entry.get("file")).GetNumberOfPoints() for entry in entries)
    return [(float(e.get("timestep")), e.get("part"), e.get("name"), e.get("file")) for e in entries]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pvd_lists_named_parts_with_times_in_hours(tmp_path):
    record = recorder(tmp_path)
    for number in range(3):
        record.write(snapshot(number))
        assert len(listed(tmp_path)) == 3 * (number + 1)  # readable while the run goes on
    entries = listed(tmp_path)
    np.testing.assert_allclose([e[0] for e in entries[::3]], [0, 1 / 6, 1 / 3])
    assert [e[1:] for e in entries[3:6]] == [
        ("0", "cells", "frames/cells_000001.vtp"),
        ("1", "fibers", "fibers.vtp"),
        ("2", "links", "frames/links_000001.vtp"),
    ]


def test_cells_are_vertices_with_units_and_values(tmp_path):
    record, taken = recorder(tmp_path), snapshot(3)
    record.write(taken)
    data = read_vtp(tmp_path / "frames/cells_000000.vtp")
    assert data.GetNumberOfVerts() == data.GetNumberOfPoints() == 7
    np.testing.assert_array_equal(
        vtk_to_numpy(data.GetPoints().GetData()), taken.cells["position"].astype(np.float32)
    )
    found = arrays(data.GetPointData())
    units = {"radius": "um", "nucleus_radius": "um", "velocity": "um/min", "force": "nN", "link_force": "nN"}
    expected = {f"{name} ({units[name]})" if name in units else name: taken.cells[name]
                for name in taken.cells if name not in ("position", "departed")}  # fmt: skip
    expected["departed (h)"] = taken.cells["departed"] / 60
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert found["velocity (um/min)"].shape == (7, 3)
    assert all(found[name].dtype.kind in "iu" for name in ("id", "type", "bound_links", "junctions"))
    fields = data.GetFieldData()
    assert vtk_to_numpy(fields.GetArray("time (h)")) == pytest.approx(0.5)
    legend = fields.GetAbstractArray("type_names")
    assert [legend.GetValue(k) for k in range(legend.GetNumberOfValues())] == ["tumor", "fibroblast"]


def test_vtp_is_appended_raw_lz4_with_long_headers(tmp_path):
    recorder(tmp_path).write(snapshot())
    head = (tmp_path / "frames/cells_000000.vtp").read_bytes()
    assert b'header_type="UInt64"' in head and b'compressor="vtkLZ4DataCompressor"' in head
    assert b'<AppendedData encoding="raw">' in head and b'format="binary"' not in head


def test_links_are_lines_from_cell_to_fiber(tmp_path):
    record, taken = recorder(tmp_path), snapshot(2)
    record.write(taken)
    data = read_vtp(tmp_path / "frames/links_000000.vtp")
    points = vtk_to_numpy(data.GetPoints().GetData())
    ends = vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)
    np.testing.assert_allclose(points[ends[:, 0]], taken.links["cell_position"], rtol=1e-6)
    np.testing.assert_allclose(points[ends[:, 1]], taken.links["point"], rtol=1e-6)
    found = arrays(data.GetCellData())
    np.testing.assert_array_equal(found["cell_id"], taken.links["cell_id"])
    np.testing.assert_array_equal(found["tension (nN)"], taken.links["tension"])


def test_no_links_are_an_empty_part_and_links_not_kept_are_none(tmp_path):
    record = recorder(tmp_path, network=None)
    record.write(snapshot(0, links=0))
    assert read_vtp(tmp_path / "frames/links_000000.vtp").GetNumberOfLines() == 0
    kept = snapshot(1)
    record.write(Snapshot(kept.step, kept.time, kept.cells, None, {}))
    text = (tmp_path / "run.pvd").read_text()
    assert "fibers" not in text and "cells_000001" in text and "links_000001" not in text


def test_fibers_through_a_periodic_face_are_not_drawn_but_counted(tmp_path):
    recorder(tmp_path).write(snapshot())
    data = read_vtp(tmp_path / "fibers.vtp")
    lines = vtk_to_numpy(data.GetPoints().GetData())[
        vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)
    ]
    np.testing.assert_allclose(lines[:, :, 0], [[80, 88], [88, 96]])
    assert json.loads((tmp_path / "run.json").read_text())["fibers"] == {"segments": 3, "not_drawn": 1}


def test_held_fibers_are_written_once(tmp_path):
    record = recorder(tmp_path)
    record.write(snapshot(0))
    written = (tmp_path / "fibers.vtp").stat()
    record.write(snapshot(1))
    assert (tmp_path / "fibers.vtp").stat().st_mtime_ns == written.st_mtime_ns
    data = read_vtp(tmp_path / "fibers.vtp")
    assert data.GetPointData().GetNumberOfArrays() == 0 and set(arrays(data.GetCellData())) == {"fiber"}


def test_fibers_that_move_are_in_each_frame(tmp_path):
    """The third node moves through a periodic face: then the segment before it is left out, not that behind it."""
    record, net = recorder(tmp_path), network()
    shift = np.zeros((4, 3))
    shift[2] = [5, 1, 2]
    states = [moved(net, 0 * shift), moved(net, shift, [1.5, -2.0, 7.0])]
    for number, fibers in enumerate(states):
        record.write(snapshot(number, fibers=fibers))
    assert [entry[3] for entry in listed(tmp_path) if entry[2] == "fibers"] == [
        "frames/fibers_000000.vtp", "frames/fibers_000001.vtp"
    ]  # fmt: skip
    assert not (tmp_path / "fibers.vtp").exists()
    data = read_vtp(tmp_path / "frames/fibers_000001.vtp")
    points = vtk_to_numpy(data.GetPoints().GetData())
    np.testing.assert_allclose(points, [[80, 5, 5], [88, 5, 5], [1, 6, 7], [4, 5, 5]], rtol=1e-6)
    np.testing.assert_allclose(arrays(data.GetPointData())["displacement (um)"], shift)
    lines = vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)
    assert lines.tolist() == [[0, 1], [2, 3]]  # the segment in between passes the face
    found = arrays(data.GetCellData())
    assert found["fiber"].tolist() == [0, 0] and found["tension (nN)"].tolist() == [1.5, 7.0]
    fields = data.GetFieldData()
    assert vtk_to_numpy(fields.GetArray("time (h)")) == pytest.approx(1 / 6)
    assert vtk_to_numpy(fields.GetArray("segments_not_drawn")) == 1


@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
def test_cut_segments_are_left_out_with_nodes_that_have_no_other(tmp_path, moving):
    """The first of three segments is cut, the third passes the periodic face; then all are."""
    record, net = recorder(tmp_path), network()
    state = moved(net, 1.0, [0.0, -2.0, 7.0]) if moving else {}
    for number, area in enumerate(([1, 1, 1], [0, 0.25, 1], [0, 0, 0])):
        record.write(snapshot(number, fibers=thinned(net, area) | state))
    files = [tmp_path / f"frames/fibers_{number:06d}.vtp" for number in range(3)]
    assert [tmp_path / entry.get("file") for entry in ElementTree.parse(tmp_path / "run.pvd").getroot().iter("DataSet")
            if entry.get("name") == "fibers"] == files and not (tmp_path / "fibers.vtp").exists()  # fmt: skip
    whole, one, none = (read_vtp(path) for path in files)
    assert whole.GetNumberOfPoints() == 4 and none.GetNumberOfPoints() == none.GetNumberOfLines() == 0
    nodes, of_lines = arrays(one.GetPointData()), arrays(one.GetCellData())
    at = vtk_to_numpy(one.GetPoints().GetData())
    np.testing.assert_allclose(at, np.array([[88, 5, 5], [96, 5, 5], [4, 5, 5]]) + (1.0 if moving else 0.0))
    assert vtk_to_numpy(one.GetLines().GetConnectivityArray()).tolist() == [0, 1]
    assert nodes["node"].tolist() == [1, 2, 3] and nodes["cut_end"].tolist() == [1, 0, 0]
    assert of_lines["area"].tolist() == [0.25] and of_lines["fiber"].tolist() == [0]
    assert set(of_lines) == {"area", "fiber"} | ({"tension (nN)"} if moving else set())
    assert set(nodes) == {"node", "cut_end"} | ({"displacement (um)"} if moving else set())
    count = lambda data, name: int(vtk_to_numpy(data.GetFieldData().GetArray(name))[0])  # noqa: E731
    assert [count(data, "segments_cut") for data in (whole, one, none)] == [0, 1, 3]
    assert [count(data, "segments_not_drawn") for data in (whole, one, none)] == [1, 1, 0]


def test_reopened_run_drops_fibers_behind_its_last_frame(tmp_path):
    record, net = recorder(tmp_path), network()
    for number in range(3):
        record.write(snapshot(number, fibers=moved(net, number)))
    kept = (tmp_path / "frames/fibers_000000.vtp").read_bytes()
    again = lambda frames: Recorder.reopen(tmp_path, frames, network=net, type_names=["a", "b"])  # noqa: E731
    record = again(1)
    assert sorted(path.name for path in (tmp_path / "frames").glob("fibers*")) == ["fibers_000000.vtp"]
    record.write(snapshot(1, fibers=moved(net, 7.0)))
    data = read_vtp(tmp_path / "frames/fibers_000001.vtp")
    assert (arrays(data.GetPointData())["displacement (um)"] == 7).all() and len(listed(tmp_path)) == 6
    assert (tmp_path / "frames/fibers_000000.vtp").read_bytes() == kept
    (tmp_path / "frames/fibers_000000.vtp").unlink()
    with pytest.raises(InputError, match=r"fibers_000000\.vtp: 2 frames were recorded and are not all there"):
        again(2)


def test_parts_that_are_not_to_be_kept_are_left_out(tmp_path):
    taken = snapshot(1, fibers=moved(network(), 1.0))
    assert taken.kept(links=True, fibers=True) == taken
    record = recorder(tmp_path)
    record.write(taken.kept(links=False, fibers=False))
    assert [entry[2:] for entry in listed(tmp_path)] == [
        ("cells", "frames/cells_000000.vtp"), ("fibers", "fibers.vtp")
    ]  # fmt: skip


def test_table_has_units_and_is_joined_at_the_end(tmp_path):
    record = recorder(tmp_path)
    for number in range(2):
        record.write(snapshot(number))
    before = cell_table.read(tmp_path)  # from the parts, while the run goes on
    record.finish("complete")
    assert not (tmp_path / "table").exists()
    table = pq.read_table(tmp_path / "cells.parquet")
    assert table.schema.equals(before.schema, check_metadata=True) and table.num_rows == 14
    assert table.drop("departed_h").equals(before.drop("departed_h"))  # that one has NaN
    units = {field.name: field.metadata[b"unit"].decode() for field in table.schema}
    assert units["time_h"] == units["departed_h"] == "h" and units["x_um"] == "um" and units["id"] == ""
    assert units["velocity_y_um_per_min"] == "um/min" and units["link_force_nN"] == "nN"
    column = {name: table[name].to_numpy()[7:] for name in table.column_names}
    taken = snapshot(1).cells
    np.testing.assert_array_equal(column["id"], taken["id"])
    np.testing.assert_array_equal(column["z_um"], taken["position"][:, 2])
    np.testing.assert_array_equal(column["force_y_nN"], taken["force"][:, 1])
    np.testing.assert_allclose(column["time_h"], 1 / 6)
    np.testing.assert_allclose(column["departed_h"][:2], [np.nan, 0.55])


def test_run_json_says_how_it_ended_and_what_made_it(tmp_path):
    record = recorder(tmp_path)
    state = lambda: json.loads((tmp_path / "run.json").read_text())  # noqa: E731
    assert state()["status"] == "running" and state()["seed"] == 4
    assert state()["versions"]["numpy"] == np.__version__ and state()["versions"]["physim"]
    record.finish("interrupted")
    assert state()["status"] == "interrupted" and state()["frames"] == 0 and state()["last_frame_h"] is None
    record.finish("complete", nothing=float("nan"), many=np.float32(2))
    assert state()["status"] == "complete" and state()["nothing"] is None and state()["many"] == 2


class _Refused(vtk_files.vtkXMLPolyDataWriter):
    def Write(self):  # noqa: N802
        super().Write()
        return 0


class _Short(vtk_files.vtkXMLPolyDataWriter):
    def Write(self):  # noqa: N802
        done = super().Write()
        os.truncate(self.GetFileName(), os.path.getsize(self.GetFileName()) // 2)
        return done


def _full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_CALLS = [("fsync", n) for n in range(1, 8)] + [("replace", n) for n in range(1, 5)]
"""Of one record: four files, each synced, moved and its folder synced; the list is last."""


def _nth(function, n):
    """A function that fails at its n-th call, as on a full disk."""
    count = [0]

    def called(*arguments, **options):
        count[0] += 1
        return _full() if count[0] == n else function(*arguments, **options)

    return called


@pytest.mark.parametrize(
    "break_it",
    [
        *(pytest.param((f"physim.files.os.{name}", n), id=f"{name}-{n}") for name, n in _CALLS),
        pytest.param(("physim.cell_table.pq.write_table", _full), id="parquet"),
        pytest.param(("physim.vtk_files.vtkXMLPolyDataWriter", _Refused), id="vtk-refuses"),
        pytest.param(("physim.vtk_files.vtkXMLPolyDataWriter", _Short), id="vtk-truncates"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
def test_full_disk_leaves_earlier_frames_whole(tmp_path, monkeypatch, break_it, moving):
    record = recorder(tmp_path)
    fibers = moved(network(), 1.0) if moving else None
    record.write(snapshot(0, fibers=fibers))
    record.write(snapshot(1, fibers=fibers))
    before = files(tmp_path)
    with monkeypatch.context() as patch:
        name, by = break_it
        patch.setattr(name, _nth(getattr(os, name.rsplit(".")[-1]), by) if isinstance(by, int) else by)
        with pytest.raises(RecordError, match=r"cannot be written.*2 complete frames are kept") as error:
            record.write(snapshot(2, fibers=fibers))
    assert "\n" not in str(error.value) and error.value.exit_code == 3
    assert files(tmp_path) == before and len(listed(tmp_path)) == 6
    record.write(snapshot(2, fibers=fibers))  # space was made
    record.finish("complete")
    assert len(listed(tmp_path)) == 9 and pq.read_table(tmp_path / "cells.parquet").num_rows == 21


def test_failed_sync_after_the_list_was_replaced_keeps_what_it_lists(tmp_path, monkeypatch):
    record = recorder(tmp_path)
    record.write(snapshot(0))
    monkeypatch.setattr(
        "physim.files.os.fsync", _nth(os.fsync, 8)
    )  # the folder, after run.pvd took its place
    with pytest.raises(RecordError):
        record.write(snapshot(1))
    assert len(listed(tmp_path)) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="needs file size limits")
def test_disk_that_takes_no_more_bytes_is_noticed(tmp_path, capfd):
    """A limit on the size of files: the operating system itself refuses VTK's writes."""
    record = recorder(tmp_path)
    record.write(snapshot(0))
    before = files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(RecordError, match="cannot be written"):
            record.write(snapshot(1, cells=20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == before and len(listed(tmp_path)) == 3
    assert capfd.readouterr().err == ""  # VTK does not talk past the one line


def test_full_disk_at_the_end_keeps_the_parts(tmp_path, monkeypatch):
    record = recorder(tmp_path)
    record.write(snapshot(0))
    with monkeypatch.context() as patch:
        patch.setattr("physim.files.os.replace", _full)
        with pytest.raises(RecordError, match=r"cells\.parquet: cannot be written: No space left"):
            record.finish("complete")
    assert cell_table.read(tmp_path).num_rows == 7 and not list(tmp_path.rglob(".*"))


def test_interrupted_frame_leaves_nothing(tmp_path, monkeypatch):
    record = recorder(tmp_path)
    record.write(snapshot(0))
    before = files(tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("physim.record.cell_table.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            record.write(snapshot(1))
    assert files(tmp_path) == before


def test_run_folder_is_never_one_that_exists(tmp_path):
    first = new_run_folder(tmp_path / "runs", "invasion")
    (first / "mine").write_text("x")
    (tmp_path / "runs/invasion-2").write_text("a file")
    assert first.name == "invasion"
    assert new_run_folder(tmp_path / "runs", "invasion").name == "invasion-3"
    assert new_run_folder(tmp_path / "runs", "invasion").name == "invasion-4"
    assert (first / "mine").read_text() == "x"
    with pytest.raises(InputError, match="cannot be made"):
        new_run_folder(first / "mine", "invasion")
