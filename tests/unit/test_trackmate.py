"""Spot tables of TrackMate: written from a run, read back, and read as the tracker itself writes them."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from reference import runs
from typer.testing import CliRunner

from physim.analysis.migration import Trajectories
from physim.analysis.track_sets import read_tracks
from physim.analysis.track_table import Scale
from physim.cli import app
from physim.errors import InputError

HEAD = (
    "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS,VISIBILITY,"
    "MEAN_INTENSITY_CH1\n"
)
NAMES = "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius,Visibility,Mean intensity ch1\n"
UNITS = ",,,(quality),(micron),(micron),(micron),(sec),,(micron),,(counts)\n"
# two tracks of one frame a minute, not in order; a spot outside tracks; track 7 misses a frame
ROWS = [(4, 7, 3, 4, 0, 120, 2), (1, 3, 10, 20, 0, 0, 0), (2, 3, 13, 24, 0, 60, 1), (3, 7, 0, 0, 0, 0, 0),
        (5, "", 50, 50, 0, 0, 0), (6, 3, 16, 28, 0, 120, 2)]  # fmt: skip


def table(path, rows=ROWS, units=UNITS, head=HEAD + NAMES + NAMES):
    lines = [f"ID{k},{k},{track},9.1,{x},{y},{z},{t},{frame},5.0,1,77\n" for k, track, x, y, z, t, frame in rows]
    path.write_text(head + units + "".join(lines), encoding="utf-8")
    return path


def walk(folder, boundary="open", **changes):
    """Four cells over 30 min; the second leaves at 20 min."""
    random = np.random.default_rng(4)
    start, speed = random.uniform(30, 60, (4, 3)), random.normal(size=(4, 3))
    departed = [np.nan, 20.0, np.nan, np.nan]
    records = [runs.snapshot(10.0 * k, start + 10 * k * speed, departed=departed if k > 1 else np.nan,
                             radius=[8, 7, 6, 5]) for k in range(4)]  # fmt: skip
    return runs.record(folder, records, boundary=boundary, **changes)


def test_exported_run_is_measured_as_the_run_itself(tmp_path):
    folder = walk(tmp_path / "a")
    result = CliRunner().invoke(app, ["export", str(folder)])
    assert result.exit_code == 0 and result.stdout.strip() == str(folder / "trackmate_spots.csv")
    run, spots = Trajectories.read(folder), Trajectories.read(folder / "trackmate_spots.csv")
    np.testing.assert_allclose(spots.time, [0, 10, 20, 30])
    np.testing.assert_array_equal(spots.id, run.id)
    there = np.isfinite(spots.position)
    np.testing.assert_allclose(spots.position[there], run.position[there], rtol=1e-8)
    assert there.all(axis=2).sum(0).tolist() == [4, 2, 4, 4]  # none after it left
    np.testing.assert_allclose(spots.cell_speeds(10), run.cell_speeds(10), rtol=1e-6)
    stayed = [0, 2, 3]
    np.testing.assert_allclose(spots.cell_displacements()[stayed], run.cell_displacements()[stayed], rtol=1e-6)
    np.testing.assert_allclose(spots.cell_displacements()[1], np.linalg.norm(run.position[1, 1] - run.position[0, 1]))


def test_exported_table_has_the_columns_and_units_of_trackmate(tmp_path):
    folder, path = walk(tmp_path / "a", finish=False), tmp_path / "mine.csv"  # a run in progress
    assert CliRunner().invoke(app, ["export", str(folder), "--out", str(path)]).exit_code == 0
    lines = list(csv.reader(path.open(encoding="utf-8")))
    assert ",".join(lines[0]) + ",MEAN_INTENSITY_CH1\n" == HEAD
    assert lines[1] == NAMES.strip().split(",")[:-1] and lines[3] == UNITS.strip().split(",")[:-1]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[4:]]
    assert len({row["ID"] for row in rows}) == len(rows) == 14
    last = rows[-1]
    assert (last["TRACK_ID"], last["FRAME"], float(last["POSITION_T"]), float(last["RADIUS"])) == ("3", "3", 1800, 5)


def test_exported_paths_run_through_periodic_faces(tmp_path):
    records = [runs.snapshot(10.0 * k, [[(90 + 8 * k) % 100, 50, 50]]) for k in range(4)]
    folder = runs.record(tmp_path / "a", records, boundary="periodic")
    assert CliRunner().invoke(app, ["export", str(folder)]).exit_code == 0
    spots = Trajectories.read(folder / "trackmate_spots.csv")
    np.testing.assert_allclose(np.diff(spots.position[:, 0], axis=0), [[8, 0, 0]] * 3, atol=1e-5)


def test_table_of_trackmate_is_read_with_its_units(tmp_path):
    tracks = Trajectories.read(table(tmp_path / "spots.csv"))
    np.testing.assert_allclose(tracks.time, [0, 1, 2])
    assert tracks.id.tolist() == [3, 7]
    np.testing.assert_allclose(tracks.position[:, 0], [[10, 20, 0], [13, 24, 0], [16, 28, 0]])
    assert np.isnan(tracks.position[1, 1]).all()
    np.testing.assert_allclose(tracks.cell_displacements(), [10, 5])
    assert tracks.cell_speeds(1)[0] == pytest.approx(5 * 60)
    hours = table(tmp_path / "h.csv", units=",,,(quality),(mm),(mm),(mm),(h),,(mm),,\n", head=HEAD)
    slow = Trajectories.read(hours)  # with the two lines of units and keys only, as newer TrackMates may write
    np.testing.assert_allclose(slow.time, np.array([0, 1, 2]) * 3600)
    np.testing.assert_allclose(slow.position[0, 0], [10_000, 20_000, 0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"units": UNITS.replace("micron", "pixel")}, 'POSITION_X is in "pixel", which is not known in um; set'),
        ({"units": UNITS.replace("sec", "frame")}, 'POSITION_T is in "frame", which is not known in min; set'),
        ({"units": "", "head": HEAD}, 'POSITION_X is in "no unit"'),
        ({"rows": [*ROWS, (9, 3, 1, 1, 0, 60, 1)]}, "line 11: track 3 has another spot at this time in line 7"),
        ({"rows": [(1, 3, "x1", 1, 0, 0, 0), *ROWS]}, 'line 5: POSITION_X = "x1" is no number'),
        ({"rows": [(1, 3, "nan", 1, 0, 0, 0), *ROWS]}, 'line 5: POSITION_X = "nan" is no number'),
        ({"rows": [(1, "", 1, 1, 0, 0, 0)]}, "has no spot in a track; run the tracking step"),
        ({"head": HEAD.replace("TRACK_ID", "LINK_COST")}, "has no column TRACK_ID; export the spots"),
        ({"rows": [], "head": "", "units": ""}, "spots.csv"),
    ],
)
def test_tables_that_cannot_be_measured_are_refused(tmp_path, changes, said):
    with pytest.raises(InputError) as refused:
        Trajectories.read(table(tmp_path / "spots.csv", **changes))
    assert said in str(refused.value) and len(str(refused.value).splitlines()) == 1, str(refused.value)


def movie(path, time, frames=range(9), head=HEAD + NAMES + NAMES + UNITS, encoding="utf-8"):
    """Two tracks, which go 3 um along x from frame to frame, at `time(frame)`, a text."""
    lines = [f"ID,{k},{track},9,{3 * k + 0.5 * track},{track},0,{time(k)},{k},5,1,7\n" for track in (0, 1)
             for k in frames]  # fmt: skip
    path.write_text(head + "".join(lines), encoding=encoding)
    return path


@pytest.mark.parametrize("unit", [1, 1000, 1 / 60])
def test_times_that_lost_their_unit_are_not_taken_for_frames(tmp_path, unit):
    """The line of units was cut off: seconds, beside --interval, are no numbers of frames."""
    path = movie(tmp_path / "t.csv", lambda k: 300 * unit * k, head=HEAD)
    (tracks,) = read_tracks(path, Scale(pixel=1.0, frame=5.0))
    np.testing.assert_allclose(tracks.paths.time, 5.0 * np.arange(9))
    assert tracks.interval == pytest.approx(5.0)
    with pytest.raises(InputError, match=r"POSITION_T has no unit of time but steps by .*, not by 1 as frames do"):
        read_tracks(path, Scale(pixel=1.0, frame=7.0))
    path = movie(tmp_path / "u.csv", lambda k: 300 * k, head=HEAD.replace("FRAME", "OTHER"))
    with pytest.raises(InputError, match="POSITION_T has no unit of time but steps by 300, not by 1"):
        read_tracks(path, Scale(pixel=1.0, frame=7.0))


@pytest.mark.parametrize(
    ("time", "unit", "numbered", "interval", "noted"),
    [
        (lambda k: f"{k * 8.3333 / 3600:.3f}", "h", True, 8.3333 / 60, True),
        (lambda k: f"{round(k * 2.5)}", "sec", True, 2.5 / 60, True),
        (lambda k: f"{300 * k + 3 * (-1) ** k}", "sec", True, 5.0, True),
        (lambda k: f"{300 * k + 3 * (-1) ** k}", "sec", False, 5.0, True),
        (lambda k: f"{300 * k + 6e-8 * (k == 3):.9f}", "sec", True, 5.0, False),
        (lambda k: f"{300 * k + 6e-8 * (k == 3):.9f}", "sec", False, 5.0, False),
    ],
)
def test_times_that_are_no_exact_multiples_are_those_of_frames(tmp_path, time, unit, numbered, interval, noted):
    head = (HEAD if numbered else HEAD.replace("FRAME", "OTHER")) + NAMES + NAMES
    (tracks,) = read_tracks(movie(tmp_path / "t.csv", time, head=head + UNITS.replace("sec", unit)))
    assert tracks.interval == pytest.approx(interval, rel=0.03)
    np.testing.assert_allclose(np.diff(tracks.paths.time), tracks.interval)
    assert np.isfinite(tracks.paths.position).all() and bool(tracks.notes) == noted
    assert len(tracks.paths.time) == 9
    assert not noted or "times are uneven by up to" in tracks.notes[0]


def test_frames_that_are_left_out_are_gaps(tmp_path):
    (tracks,) = read_tracks(movie(tmp_path / "t.csv", lambda k: 60 * k, frames=(1, 3, 6, 8)))
    assert tracks.interval == pytest.approx(1.0)
    np.testing.assert_allclose(tracks.paths.time, [1, 3, 6, 8])
    (tracks,) = read_tracks(movie(tmp_path / "t.csv", lambda k: 60 * k, frames=(0, 2, 6, 8)))
    assert tracks.interval == pytest.approx(2.0)


def test_frames_that_do_not_agree_with_the_times_are_not_believed(tmp_path):
    (tracks,) = read_tracks(movie(tmp_path / "t.csv", lambda k: 60 * (k if k < 5 else 3 * k - 8)))
    np.testing.assert_allclose(tracks.paths.time, [0, 1, 2, 3, 4, 7, 10, 13, 16])


def test_jitter_between_the_tracks_makes_no_further_frame(tmp_path):
    path = movie(tmp_path / "t.csv", lambda k: f"{60 * k}.0")
    path.write_text(path.read_text(encoding="utf-8").replace(",480.0,8,5,1,7\n", ",480.00000001,8,5,1,7\n", 1))
    (tracks,) = read_tracks(path)
    np.testing.assert_allclose(tracks.paths.time, np.arange(9), atol=1e-6)


def test_run_that_ended_between_two_records_keeps_its_last_time(tmp_path):
    (tracks,) = read_tracks(movie(tmp_path / "t.csv", lambda k: 600 * k - 180 * (k == 8)))
    np.testing.assert_allclose(tracks.paths.time, [0, 10, 20, 30, 40, 50, 60, 70, 77])
    assert tracks.interval == pytest.approx(10) and tracks.notes == ()


def test_tables_that_spreadsheets_saved_again_are_read(tmp_path):
    units = UNITS.replace("micron", "\u00b5m")
    latin = movie(tmp_path / "t.csv", lambda k: 60 * k, head=HEAD + NAMES + NAMES + units, encoding="cp1252")
    wanted = Trajectories.read(latin)
    np.testing.assert_allclose(wanted.position[:, 1, 0], 3 * np.arange(9) + 0.5)
    text = latin.read_text(encoding="cp1252")
    for changed in (text.replace(",", ";").replace(".", ","), text.replace(",", "\t")):
        latin.write_text(changed, encoding="cp1252")
        (found,) = read_tracks(latin)
        np.testing.assert_array_equal(found.paths.position, wanted.position)


def test_missing_table_and_missing_run_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        Trajectories.read(tmp_path / "none.csv")
    result = CliRunner().invoke(app, ["export", str(tmp_path)])
    assert result.exit_code == 2 and "run.json does not say" in result.stderr
