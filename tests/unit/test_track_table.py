"""Tables of tracks: every dialect gives the same tracks; gaps, units, dimensions; what is wrong is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
from reference.track_files import DIALECTS, write
from typer.testing import CliRunner

from physim.analysis import persistence, track_table
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_sets import read_tracks
from physim.analysis.track_table import Scale
from physim.cli import app
from physim.cli_tracks import _options

HEAD = "track,time_min,x_um,y_um\n"
GOOD = HEAD + "a,0,0,0\na,5,1,2\na,10,2,2\n"


def only(path, scale=Scale()):  # noqa: B008
    (found,) = read_tracks(path, scale)
    return found


def text(tmp_path, content, scale=Scale(), name="t.csv"):  # noqa: B008
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return only(path, scale)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_gives_the_tracks_back(tmp_path, name, dimensions):
    wanted = persistence.walks(PersistentWalk(15.0, 30.0, 0.5, dimensions), 7, np.arange(0, 101, 5.0), seed=2)
    dialect = DIALECTS[name]
    scale = Scale(0.5, 0.5, 5.0) if dialect.options else Scale()
    found = only(write(tmp_path / "cells.csv", wanted, dialect, dimensions), scale)
    assert (found.name, found.dimensions, found.interval) == ("cells", dimensions, pytest.approx(5.0))
    np.testing.assert_allclose(found.paths.time, wanted.time, atol=1e-9)
    assert len(found.paths.id) == 7 and found.notes == ()
    order = [found.labels.index(dialect.track.format(k)) for k in range(7)]
    np.testing.assert_allclose(found.paths.position[:, order], wanted.position, atol=1e-6)


def test_gaps_are_gaps_and_only_real_pairs_count(tmp_path):
    """A track with holes, and one that begins later: where there is no row, there is no position and no pair."""
    found = text(tmp_path, HEAD + "b,15,7,0\nb,20,7,3\na,30,9,0\na,0,0,0\na,5,1,0\na,20,5,0\n")
    assert found.labels == ("b", "a") and found.interval == 5.0
    np.testing.assert_allclose(found.paths.time, [0, 5, 15, 20, 30])
    np.testing.assert_array_equal(np.isfinite(found.paths.position[:, :, 0]).sum(axis=0), [2, 4])
    np.testing.assert_allclose(found.paths.msd([5, 10, 15, 20, 25]), [(1 + 9) / 2, 16, 16, 25, 64])
    assert found.durations.tolist() == [5, 30]


def test_track_without_movement_along_z_is_measured_in_two_dimensions(tmp_path):
    rows = "1,0,0,0,{0}\n1,5,1,1,{0}\n2,0,5,5,{1}\n2,5,6,6,{1}\n"
    assert text(tmp_path, HEAD[:-1] + ",z_um\n" + rows.format(3, 9)).dimensions == 2
    assert text(tmp_path, HEAD[:-1] + ",z\n" + rows.format(0, 0)).dimensions == 2  # needs no unit
    assert text(tmp_path, HEAD[:-1] + ",z_um\n" + rows.format(3, 9) + "2,10,6,6,1\n").dimensions == 3
    rounded = "2,10,6,6,9.000000001\n"
    assert text(tmp_path, HEAD[:-1] + ",z_um\n" + rows.format(3, 9) + rounded).dimensions == 2
    assert text(tmp_path, HEAD[:-1] + ",z_um\n1,0,0,0,0\n1,5,0,0,0.001\n").dimensions == 3


@pytest.mark.parametrize("head", ["track,frame,x_px,y_px,time_min,x_um,y_um", "track,t,x,y,time_min,x_um,Y [\u00b5m]",
                                  "track,frame,x_px,y_px,t [s],x_nm,y_nm"])  # fmt: skip
def test_columns_with_a_unit_are_taken_before_those_without(tmp_path, head):
    unit = 1 if "um" in head else 1000
    rows = "".join(f"\na,{k},{70 * k},{7 * k},{5 * k * (60 if '[s]' in head else 1)},{2 * k * unit},{k * unit}"
                   for k in range(3))  # fmt: skip
    for scale in (Scale(), Scale(0.1, 0.1, 5.0)):
        found = text(tmp_path, head + rows, scale)
        np.testing.assert_allclose(found.paths.position[:, 0, :2], [[0, 0], [2, 1], [4, 2]])
        assert found.interval == pytest.approx(5.0)


@pytest.mark.parametrize("words", ["5 mins", "5mins", "5 Minutes", "300 secs", "5 min"])
def test_options_know_the_words_of_headers(words):
    found = _options(interval=words, pixel="2 microns")
    assert found == {"interval": pytest.approx(5.0), "pixel": 2.0}


def test_times_are_taken_to_one_interval_and_it_is_said(tmp_path):
    found = text(tmp_path, HEAD + "1,0,0,0\n1,5.2,1,0\n1,9.9,2,0\n1,20.1,4,0\n2,2,0,0\n2,7,1,0\n")
    np.testing.assert_allclose(np.diff(found.paths.time), np.array([1, 1, 2]) * found.interval)
    assert found.interval == pytest.approx(5.02, abs=0.01) and "uneven by up to 0.3" in found.notes[0]


def test_column_of_conditions_makes_sets(tmp_path):
    path = tmp_path / "t.csv"
    rows = ("soft,1,0,0,0", "stiff,1,0,5,5", "soft,1,1,2,0", "stiff,1,1,5,7", "stiff,2,1,0,0")
    path.write_text("\n".join(("condition,track,frame,x,y", *rows)))
    soft, stiff = read_tracks(path, Scale(pixel=2.0, frame=10.0))
    assert (soft.name, stiff.name, soft.labels, stiff.labels) == ("soft", "stiff", ("1",), ("1", "2"))
    np.testing.assert_allclose(soft.paths.position[:, 0, 0], [0, 4])
    np.testing.assert_allclose(stiff.paths.position[:, 0, 1], [10, 14])
    assert soft.interval == 10


def test_trackmate_table_without_units_takes_those_that_are_given(tmp_path):
    head = "TRACK_ID,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME\n" * 2 + ",(pixel),(pixel),(pixel),(frame),\n"
    found = text(tmp_path, head + "0,0,0,0,0,0\n0,4,0,0,1,1\n0,4,6,0,2,2\n", Scale(pixel=0.5, frame=2.0))
    assert (found.dimensions, found.interval) == (2, 2.0)
    np.testing.assert_allclose(found.paths.position[:, 0], [[0, 0, 0], [2, 0, 0], [2, 3, 0]])
    assert isinstance(found.paths, Trajectories)


WRONG = {
    "empty": (b"", ("is empty", "write a header track,time_min,x_um,y_um and one row")),
    "binary": (b"\x00\x01track", ("binary", "export it as CSV with columns track, time_min, x_um, y_um")),
    "utf-16": (GOOD.encode("utf-16"), ("UTF-16", "save it as CSV in UTF-8")),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(300), ("binary", "export it as CSV")),
    "xml": ('<?xml version="1.0"?>\n<TrackMate/>\n', ("has no column track or time or x or y", "name the columns")),
    "no track": ("time_min,x_um,y_um\n0,1,2\n", ("has no column track", "name the columns track, time_min")),
    "no time": ("track,x_um,y_um\n1,1,2\n", ("has no column time", "name the columns")),
    "no y": ("track,time_min,x_um\n1,0,1\n", ("has no column y", "name the columns")),
    "pixels": (GOOD.replace("x_um", "x_px"), ('column "x_px" is in "px", which is no unit of length', "--pixel")),
    "no unit of length": (GOOD.replace("y_um", "y"), ('column "y" has no unit of length', "name it y_um")),
    "an axis at the end": (GOOD.replace("x_um", "Position X").replace("y_um", "pos_y"),
                           ('column "Position X" has no unit of length', "name it x_um")),
    "another axis": (GOOD.replace("y_um", "pos_y"), ('column "pos_y" has no unit of length', "name it y_um")),
    "one row of a set": ("condition,track,time_min,x_um,y_um\na,1,0,0,0\na,1,5,1,0\nb,1,0,0,0\n",
                         ('set "b": no track has two rows', "remove these rows")),
    "no unit of time": (GOOD.replace("time_min", "t"), ('column "t" has no unit of time', "--interval")),
    "frames": (GOOD.replace("time_min", "frame"), ('column "frame" has no unit of time', "--interval")),
    "no unit of depth": (HEAD[:-1] + ",z\n1,0,1,1,1\n1,5,1,1,2\n", ('column "z" has no unit of length', "--slice")),
    "header only": (HEAD, ("has a header but no rows", "write one row per cell and time")),
    "text": (GOOD + "a,15,far,0\n", ('line 5: x_um = "far" is no number', "gaps are fine")),
    "a comma": (GOOD + 'a,15,"1,5",0\n', ('line 5: x_um = "1,5" is no number', "write a number")),
    "nan": (GOOD + "a,15,nan,0\n", ('line 5: x_um = "nan" says nothing', "remove the row, gaps are fine")),
    "infinite": (GOOD + "a,15,-inf,0\n", ('line 5: x_um = "-inf" says nothing', "remove the row")),
    "nothing": (GOOD + "a,15,,0\n", ('line 5: x_um = "" says nothing', "remove the row")),
    "no name": (GOOD + ",15,1,0\n", ('line 5: track = "" names no track', "name it or remove the row")),
    "short row": (GOOD + "a,15,1\n", ("line 5: has 3 values, too few", "add the missing value")),
    "far away": (GOOD + "a,15,1e300,0\n", ('line 5: x_um = "1e300" is beyond 1e+07 um', "correct it or its unit")),
    "a late time": (GOOD + "a,1e30,1,0\n", ('line 5: time_min = "1e30" is beyond 1e+09 min', "correct it")),
    "two rows at a time": (GOOD + "b,0,1,1\na,5,3,3\n",
                           ('line 6: track "a" has another row at this time in line 3', "remove one")),
    "uneven": (GOOD + "a,17.3,1,1\na,22.3,1,1\n", ('line 5: track "a" comes 7.3 min after its row', "interpolate")),
    "a row each": (HEAD + "a,0,0,0\nb,5,1,2\nc,10,2,2\n", ("no track has two rows", "is the column of tracks")),
    "few, far apart": (HEAD + "".join(f"{k},{9e8 * (k % 2)},0,0\n{k},{9e8 * (k % 2) + 0.001},0,0\n" for k in range(9)),
                       ("9 tracks over", "intervals of 0.001 min are too many", "check the times")),
    "a long line": (HEAD[:-1] + ",c" * 60_000 + "\n", ("more than 100,000 characters", "one point a row")),
    "many bad rows": (HEAD + "a,b,c,d\n" * 5000, ("and 980 more bad rows", "the rest was not read")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_tables_end_with_code_2_and_one_clear_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content, said = WRONG[name]
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = CliRunner().invoke(app, ["tracks", "t.csv"])
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert any(all(word in line for word in ("error: t.csv: ", *said)) for line in lines), lines
    assert all(len(line) < 400 for line in lines) and len(lines) <= (21 if name == "many bad rows" else 3)
    assert os.listdir(tmp_path) == ["t.csv"]


@pytest.mark.parametrize(("arguments", "said"), [
    (["none.csv"], ("none.csv: no such file", "check the path")),
    (["/dev/null"], ("error: /dev/null: is no regular file; give the path of a file",)),
    (["."], ("has no cells.parquet", "give the folder of a run")),
    (["bad.parquet"], ("bad.parquet: is no table of cells", "give the folder of a run")),
    (["t.csv", "--pixel", "2"], ("--pixel", "no unit", "write e.g.")),
    (["t.csv", "--interval", "5 um"], ("--interval", "has 'um' where min is expected", "write e.g.")),
    (["t.csv", "--noise", "-1 um"], ("--noise -1 um: must be above 0", "correct it")),
    (["t.csv", "--shortest", "3 h"], ("t: no track lasts 180 min", "lower --shortest")),
    (["t.csv", "--out", "t.csv"], ("t.csv: exists and is not overwritten", "give another --out")),
    (["t.csv"] * 7, ("7 sets of tracks are more than the 6", "give fewer")),
])  # fmt: skip
def test_wrong_arguments_end_with_code_2_and_one_clear_line(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(GOOD)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + bytes(40))
    result = CliRunner().invoke(app, ["tracks", *arguments])
    (line,) = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "") and all(word in line for word in said), result.output


def test_times_without_a_unit_are_not_taken_for_frames(tmp_path, monkeypatch):
    """Seconds in a column `t`, beside an --interval, would be taken for as many frames."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("track,t,x_um,y_um\n1,0,0,0\n1,300,1,0\n1,600,1,0\n")
    result = CliRunner().invoke(app, ["tracks", "t.csv", "--interval", "5 min"])
    assert result.exit_code == 2 and 'column "t" has no unit of time but steps by 300' in result.stderr


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(track_table, "MOST_ROWS", 2)
    with pytest.raises(ValueError, match="has more than 2 rows; give fewer tracks at once"):
        text(tmp_path, GOOD)
