"""Where cells start: compact balls, random positions, and CSV tables with everything that can be wrong in them."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from physim.errors import InputError
from physim.generate.cells import initial_cells, random_positions, read_positions, spheroid
from physim.scenario import Scenario


def scenario(cells, **sections):
    return Scenario.from_table(
        {"title": "t", "run": {"duration": "1 h"}, "box": {"size": "300 um"}, "cells": cells, **sections}
    )


def nearest(points):
    return cKDTree(points).query(points, k=2)[0][:, 1]


@pytest.mark.parametrize("count", [1, 2, 3, 13, 500])
def test_a_spheroid_is_compact_centred_and_sorted(count):
    points = spheroid(count, 16.0, (1.0, 2.0, 3.0), seed=4)
    assert points.shape == (count, 3)
    np.testing.assert_allclose(points.mean(axis=0), (1, 2, 3), atol=1e-12)
    distance = np.linalg.norm(points - (1, 2, 3), axis=1)
    assert (np.diff(distance) >= -1e-9).all()
    if count > 1:
        assert 0.65 * 16 <= nearest(points).min() and nearest(points).max() <= 1.35 * 16
    if count == 500:  # close packing: spacing^3 / sqrt(2) per cell
        inner = (distance < 50).sum()
        assert inner * 16**3 / np.sqrt(2) == pytest.approx(4 / 3 * np.pi * 50**3, rel=0.06)


def test_spheroids_differ_by_seed_and_not_otherwise():
    first, again, other = (spheroid(60, 16.0, (0, 0, 0), seed) for seed in (1, 1, 2))
    assert (first == again).all() and not np.allclose(first, other)


def test_random_positions_keep_their_distance_across_periodic_faces():
    edge = np.array([120.0, 100.0, 90.0])
    points = random_positions(120, (0, 0, 0), edge, 15.0, (True, True, True), seed=3)
    difference = points[:, None] - points[None]
    difference -= edge * np.round(difference / edge)
    distance = np.linalg.norm(difference, axis=2) + 1e9 * np.eye(120)
    assert points.shape == (120, 3) and (points >= 0).all() and (points < edge).all()
    assert distance.min() >= 15.0
    direct = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(120)
    assert direct.min() >= 15.0


def test_random_positions_are_even():
    points = random_positions(4000, (0, 0, 0), (100, 100, 100), 1.0, (False, False, False), seed=1)
    counts = np.histogramdd(points, bins=4, range=[(0, 100)] * 3)[0]
    assert ((counts - 62.5) ** 2 / 62.5).sum() < 110  # chi square, 63 degrees of freedom: p < 0.0003


def test_random_positions_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="at random 30% can be filled: use fewer cells"):
        random_positions(1000, (0, 0, 0), (100, 100, 100), 16.0, (False,) * 3, seed=1)
    everywhere = np.stack(np.meshgrid(*[np.arange(0, 100, 10.0)] * 3), axis=-1).reshape(-1, 3)
    with pytest.raises(InputError, match="only 0 of 10 cells found a place"):
        random_positions(10, (0, 0, 0), (90, 90, 90), 12.0, (False,) * 3, 1, avoid=everywhere)


def test_groups_keep_type_traits_and_room():
    cells = initial_cells(
        scenario([
            {"name": "a", "count": 30, "radius": "9 um", "cadherin": 0.5},
            {"name": "b", "count": 20, "nucleus_radius": "4 um", "integrin": 2.0},
            {"name": "c", "count": 40, "place": "random"},
        ])
    )  # fmt: skip
    assert cells["id"].dtype == np.uint32 and (cells["id"] == np.arange(90)).all()
    assert (np.bincount(cells["type"]) == [30, 20, 40]).all()
    assert set(cells["cadherin"][cells["type"] == 0]) == {0.5} and set(cells["integrin"][cells["type"] == 1]) == {2.0}
    assert (cells["radius"][cells["type"] == 0] == 9).all() and cells["radius"].dtype == np.float32
    assert nearest(cells["position"]).min() > 0.65 * 15.9
    near = [np.linalg.norm(cells["position"][cells["type"] == kind] - 150, axis=1).mean() for kind in (0, 1)]
    assert near[0] == pytest.approx(near[1], rel=0.35)  # equal centres: one mixed ball


def test_a_random_cell_stays_inside_its_walls():
    cells = initial_cells(scenario([{"count": 300, "place": "random"}], box={"size": "200 um", "boundary": "wall"}))
    assert cells["position"].min() >= 8.4 and cells["position"].max() <= 200 - 8.4


# ---- CSV


def from_csv(tmp_path, text, **keys):
    path = tmp_path / "cells.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return scenario([{"place": "file", "file": str(path), **keys}])


HEADERS = [
    ("x,y,z", "1,2,3"),
    ("Z;y;X", "3;2;1"),
    ("X (um)\tY (µm)\tZ [micron]", "1\t2\t3"),
    ("name,x_um,y_um,z_um", "hello,1,2,3"),
    ("x_nm,y_um,z_mm", "1000,2,0.003"),
    ("LABEL,ID,POSITION_X,POSITION_Y,POSITION_Z,FRAME", "ID7,7,1,2,3,0"),
    ("label,centroid-0,centroid-1,centroid-2", "7,3,2,1"),  # scikit-image: planes, rows, columns
    ('"x","y","z"', '"1","2","3"'),
    ("# from the microscope\n\nx, y, z", " 1, 2 , 3"),
    ("\ufeffx,y,z", "1.0,2e0,+3"),
    ("X;Y;Z", "1,0;2,0;3,0"),  # decimal commas
]


@pytest.mark.parametrize(("header", "row"), HEADERS, ids=[header for header, _ in HEADERS])
def test_headers_of_common_programs(header, row, tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    rows = read_positions(path)
    np.testing.assert_allclose(rows.position, [[1, 2, 3]], rtol=1e-12)


def test_trackmate_repeats_its_header(tmp_path):
    path = tmp_path / "spots.csv"
    path.write_text(
        "LABEL,ID,POSITION_X,POSITION_Y,POSITION_Z,RADIUS\nLabel,Spot ID,X,Y,Z,Radius\n"
        "Label,Spot ID,X,Y,Z,R\n,,(micron),(micron),(micron),(micron)\nID5,5,1,2,3,6.5\n"
    )
    rows = read_positions(path)
    assert rows.position.tolist() == [[1, 2, 3]] and rows.id.tolist() == [5] and rows.radius.tolist() == [6.5]


def test_a_latin1_spreadsheet_is_read(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_bytes("x (µm),y (µm),z (µm)\n1,2,3\n".encode("latin-1"))
    assert read_positions(path).position.tolist() == [[1, 2, 3]]


def test_rows_in_another_order_give_the_same_cells(tmp_path):
    random = np.random.default_rng(1)
    rows = [f"{i * 3},{10 + i * 20},{150 + random.random()},{140},{7 + i % 3}" for i in range(10)]
    header = "id,x,y,z,radius\n"
    first = initial_cells(from_csv(tmp_path, header + "\n".join(rows)))
    second = initial_cells(from_csv(tmp_path, header + "\n".join(random.permutation(rows)) + "\n"))
    assert first.keys() == second.keys() and (first["id"] == np.arange(10) * 3).all()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_types_by_name_or_number_take_that_groups_traits(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("x,y,z,type\n10,10,10,follower\n40,10,10,0\n70,10,10,1\n")
    groups = [
        {"name": "leader", "place": "file", "file": str(path), "cadherin": 2.0},
        {"name": "follower", "count": 5, "cadherin": 0.25},
    ]
    cells = initial_cells(scenario(groups))
    assert cells["type"][:3].tolist() == [1, 0, 1] and cells["cadherin"][:3].tolist() == [0.25, 2.0, 0.25]


def test_ids_of_files_come_before_counted_ones(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("x,y,z,id\n10,10,10,40\n40,10,10,2\n")
    cells = initial_cells(scenario([{"name": "a", "count": 3}, {"name": "b", "place": "file", "file": str(path)}]))
    assert cells["id"].tolist() == [2, 40, 41, 42, 43] and cells["type"].tolist() == [1, 1, 0, 0, 0]


WRONG = [
    (b"", "cells.csv: is empty; write a header x,y,z and one row per point"),
    (b"x,y,z\n", "has a header but no rows; write one row per cell"),
    (b"x,y\n1,2\n", 'has no column z; the header has "x", "y": name the columns x, y, z'),
    (b"1,2,3\n4,5,6\n", "has no column x or y or z; the header has"),
    (b"\x89PNG\r\n\x00\x00", "is no text table but binary; export it as CSV"),
    ("x,y,z\n1,2,3\n1".encode("utf-16"), "is UTF-16 text; save it as CSV in UTF-8"),
    (b"x,X (um),y,z\n1,1,2,3\n", 'columns "x" and "X (um)" could both be x; remove or rename one'),
    (b"x_px,y,z\n1,2,3\n", 'column "x_px" is not in a unit of length; convert it to um'),
    (b"x,y,z\n1,2,3\n1,two,3\n", 'line 3: y = "two" is no number; write a number'),
    (b"x,y,z\n1,2\n", 'line 2: has 2 values, too few for column "z"; add the missing value'),
    (b"x,y,z\n1,nan,3\n", 'line 2: y = "nan" is not finite; write a number in um'),
    (b"x,y,z\n\n1,2,inf\n", 'line 3: z = "inf" is not finite'),
    (b"x,y,z\n1_0,2,3\n", 'x = "1_0" is no number'),
    (b"x,y,z,radius\n1,2,3,1e39\n", "line 2: radius = 1e39 must be from 0.1 to 1000 um; write the radius in um"),
    (b"x,y,z,radius\n1,2,3,0.01\n", "line 2: radius = 0.01 must be from 0.1 to 1000 um; write the radius in um"),
    (b"x,y,z,radius\n1,2,3,-4\n", "line 2: radius = -4 must be > 0; write the radius in um"),
    (
        b"x,y,z,radius\n1,2,3,4\n",
        "line 2: radius 4 um is not larger than the nucleus of 4.7 um (1 such rows)",
    ),
    (b"x,y,z,id\n1,2,3,1.5\n", "line 2: id = 1.5 must be a whole number from 0 to 4294967294"),
    (b"x,y,z,id\n1,2,3,-1\n", "line 2: id = -1 must be a whole number"),
    (
        b"x,y,z,id\n1,2,3,7\n50,2,3,7\n",
        "line 3: id 7 is taken by line 2 (1 such rows); give each cell its own id",
    ),
    (b"x,y,z,type\n1,2,3,9\n", "line 2: type 9 is not there; the scenario has the types 0 to 0"),
    (b"x,y,z,type\n1,2,3,worm\n", 'line 2: type = "worm" is no number; write a number or one of cells'),
    (
        b"x,y,z\n1,2,400\n",
        "line 2: z = 400 um is outside the box (0 to 300 um); move the cell or enlarge box.size",
    ),
    (
        b"x,y,z\n1,2,3\n9,9,9\n1,2,3\n",
        "cells.0 line 2 and cells.0 line 4: are at the same point (1, 2, 3) um; move or remove one",
    ),
    (b"x,y,z\n1,2,3\n9,9,9\n1,2,3.0005\n", "cells.0 line 2 and cells.0 line 4: are at the same point"),
    (b"x,y,z,frame\n1,2,3,0\n1,2,4,1\n", "holds 2 points in time (0 to 1); keep the rows of one"),
    (b"x,y,z\n" + b"1" * 200_000, "has a line of more than 100,000 characters"),
    (b'x,y,z\n1,2,"3\n4,5,6\n', "is no number"),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_a_wrong_csv_is_one_line_with_place_value_and_remedy(content, said, tmp_path):
    with pytest.raises(InputError) as caught:
        initial_cells(from_csv(tmp_path, content))
    lines = caught.value.problems
    assert len(lines) == 1 and said in lines[0] and lines[0].startswith("cells.0"), lines
    assert "\n" not in lines[0]


def test_twenty_bad_rows_are_shown_and_the_others_counted(tmp_path):
    with pytest.raises(InputError) as caught:
        from_csv(tmp_path, "x,y,z\n" + "1,2,bad\n" * 57)
    lines = caught.value.problems
    assert len(lines) == 21 and 'line 21: z = "bad"' in lines[19] and "and 37 more bad rows" in lines[20]
    with pytest.raises(InputError, match="and 37 more cells outside the box"):
        from_csv(tmp_path, "x,y,z\n" + "1,2,301\n" * 57)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "cells.csv"
    with path.open("wb") as stream:
        stream.truncate(2_000_000_001)  # sparse: takes no space
    with pytest.raises(InputError, match="2,000,000,001 bytes are more than the 2,000,000,000 allowed"):
        scenario([{"place": "file", "file": str(path)}])


def test_missing_folder_and_wrong_count_of_a_file(tmp_path):
    with pytest.raises(InputError, match=r"nix\.csv: no such file; check the path"):
        scenario([{"place": "file", "file": str(tmp_path / "nix.csv")}])
    with pytest.raises(InputError, match="is a folder; give the path of a file"):
        scenario([{"place": "file", "file": str(tmp_path)}])
    with pytest.raises(InputError, match=r"cells\.0\.count: 5 is not the 1 rows of cells\.csv; leave count out"):
        from_csv(tmp_path, "x,y,z\n1,2,3\n", count=5)


def test_a_changed_file_is_read_again(tmp_path):
    assert from_csv(tmp_path, "x,y,z\n1,2,3\n").cells[0].count == 1
    assert from_csv(tmp_path, "x,y,z\n1,2,3\n30,20,10\n").cells[0].count == 2
