# ruff: noqa: E501
"""Scenarios: what is read, what is filled in, and that every mistake is one line with place, value and remedy."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from physim.errors import InputError
from physim.generate.cells import initial_cells
from physim.scenario import Scenario, builtin_names, load

BASE = """
title = "Test"
[run]
duration = "2 h"
[box]
size = "300 um"
boundary = ["periodic", "wall", "open"]
[[cells]]
name = "tumor"
count = 50
[collagen]
concentration = "2 mg/ml"
bundle_diameter = "0.2 um"
[terms.contact]
stiffness = "25 nN/um"
[terms.links]
focus = 1.5
[terms.drag]
[null]
terms.links.focus = 0
"""


def table(text=BASE):
    return tomllib.loads(text)


def problems(text, overrides=(), tmp_path=None):
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(path, overrides)
    assert caught.value.exit_code == 2
    for line in caught.value.problems:
        assert "\n" not in line and len(line) < 400, line
    return caught.value.problems


def test_defaults_are_filled_in():
    scenario = Scenario.from_table(table())
    group = scenario.cells[0]
    assert (scenario.run.duration, scenario.run.step, scenario.run.seed) == (120.0, 0.1, 1)
    assert scenario.box.size == (300.0, 300.0, 300.0)
    assert scenario.box.upper == (300.0, 300.0, 300.0) and scenario.box.lower == (0.0, 0.0, 0.0)
    assert scenario.box.periodic == (True, False, False)
    assert group.center == (150.0, 150.0, 150.0) and group.spacing == pytest.approx(1.9 * 8.4)
    assert scenario.collagen.seed is None and scenario.collagen.segment_length == 2.5
    assert set(scenario.terms) == {"contact", "links", "drag"}
    assert scenario.terms["contact"].stiffness == 25.0
    assert scenario.record.interval == 10.0 and scenario.record.links


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_scenarios_resolve_to_toml_that_loads_back_equal(name, tmp_path):
    scenario = load(name)
    path = tmp_path / "resolved.toml"
    path.write_text(scenario.to_toml(), encoding="utf-8")
    assert load(path) == scenario
    assert scenario.introduction.strip() and scenario.sources


def test_resolved_text_keeps_odd_words_and_all_digits(tmp_path):
    odd = table()
    odd["title"], odd["sources"] = 'say "µ" \\ \x7f\t😀', {"a b.c": "new\nline"}
    odd["cells"][0]["radius"] = 8.123456789012345
    scenario = Scenario.from_table(odd)
    back = Scenario.from_table(tomllib.loads(scenario.to_toml()))
    assert back == scenario and back.title == odd["title"] and back.cells[0].radius == 8.123456789012345


def test_overrides_are_toml_values_or_text(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(BASE)
    changed = load(
        path, ["cells.0.count=60", "run.duration=3 h", 'box.size=["400 um", 300, 300]', "terms.links.focus=2"]
    )
    assert (changed.cells[0].count, changed.run.duration, changed.box.size[0]) == (60, 180.0, 400.0)
    assert changed.terms["links"].focus == 2.0
    assert "links" not in load(path, ["terms.links=off", "null=off"]).terms
    assert load(path, ["terms.noise.diffusion=0.5"]).terms["noise"].diffusion == 0.5


def test_null_arm_differs_in_the_named_value_only():
    scenario = Scenario.from_table(table())
    arm = scenario.null_arm()
    assert arm.terms["links"].focus == 0.0 and scenario.terms["links"].focus == 1.5
    ours, theirs = scenario.to_table(), arm.to_table()
    ours["terms"]["links"]["focus"] = 0.0
    del ours["null"], theirs["null"]
    assert ours == theirs
    assert arm.null_arm() is None


def test_null_may_remove_a_term():
    changed = table()
    changed["null"] = {"terms.links": "off"}
    assert set(Scenario.from_table(changed).null_arm().terms) == {"contact", "drag"}


def test_scenarios_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Scenario.from_table(table()).run.step = 3.0


# override (or text), what one line must say: place, value, remedy
WRONG = [
    ("cells.0.raduis=3", "cells.0.raduis: unknown key; did you mean 'radius'?"),
    ("run.step=0.1 mg", 'run.step: "0.1 mg" has \'mg\' where min is expected; write e.g. "10 min"'),
    ("run.step=nan", "run.step: nan must be finite; write e.g."),
    ("run.step=inf", "run.step: inf must be finite; write e.g."),
    ("run.step=0", "run.step: 0.0 must be >= 1e-06 min; change it"),
    ("run.step=true", 'run.step: true must be a quantity such as "10 min"; write e.g.'),
    ("run.step=9 h", "run.step: 540 min is longer than the run of 120 min; shorten the step"),
    ("run.duration=-2 h", "run.duration: -120.0 must be > 0 min; change it"),
    ("run.duration=2020-01-01", "run.duration: 2020-01-01 is a date or time; write a number with a unit"),
    ("run.seed=-1", "run.seed: -1 must be >= 0; change it"),
    ("run.seed=1.5", "run.seed: 1.5 must be a whole number; write e.g. 100"),
    (
        "run.seed=99999999999999999999999",
        "run.seed: a number of more than 64 bits is too large; write a smaller number",
    ),
    ("run=3", "run: 3 must be a table of keys and values"),
    ("box.size=[1, 2]", "box.size.2: missing; write three values"),
    ("box.size=-5 um", 'box.size: "-5 um" must be > 0 um; change it'),
    (
        "box.size=45",
        'box.size: 45 um along periodic x is less than 3 x the range 16.04 um of term contact; write at least "48.12 um"',
    ),
    (
        "box.boundary=walls",
        "box.boundary: \"walls\" must be one of 'periodic', 'wall' or 'open'; write one of these",
    ),
    ("cells=[]", "cells: [] is empty; add e.g. [[cells]]"),
    ("cells=[" + "{}," * 1001 + "]", "has 1001 entries; write at most 1000"),
    ("cells=4", "cells: 4 must be a list; write it in square brackets"),
    ("cells.0.count=0", "cells.0.count: 0 must be >= 1; change it"),
    ("cells.0.count=fifty", 'cells.0.count: "fifty" must be a whole number; write e.g. 100'),
    ("cells.0.count=60000000", "cells.0.count: 60,000,000 cells in all are more than the 42,000,000"),
    (
        "cells.0.count=100000",
        "cells.0.count: a spheroid of 100,000 cells has a radius of about 421.8 um, but along x there is room",
    ),
    ("cells.0.center=[150, 150, 280]", "use fewer cells, move the center or enlarge box.size"),
    ("cells.0.center=[150, 999, 150]", "cells.0.center: y = 999 um is outside the box of 300 um; move it"),
    (
        "cells.0.nucleus_radius=9 um",
        'cells.0.nucleus_radius: 9 um is not smaller than the cell\'s radius 8.4 um; write e.g. "4.7 um"',
    ),
    ("cells.0.place=sphere", "cells.0.place: \"sphere\" must be one of 'spheroid', 'sheet', 'random' or 'file'"),
    (
        "cells.0.spacing=3",
        'cells.0.spacing: 3 um is less than the radius 8.4 um, the cells would lie inside each other; write e.g. "16 um"',
    ),
    ("cells.0.place=file", 'cells.0.file: missing; add e.g. file = "cells.csv"'),
    (
        "cells.0.file=a.csv",
        'cells.0.file: has no meaning with place = "spheroid"; leave it out or write place = "file"',
    ),
    ("collagen.concentration=2 mM", "collagen.concentration: \"2 mM\": unknown unit 'mM'; known:"),
    ("collagen.valence=5", "collagen.valence: 5.0 must be <= 3.8; change it"),
    (
        "collagen.alignment_direction=[0,0,0]",
        "collagen.alignment_direction: [0, 0, 0] has no direction; write e.g. [1, 0, 0]",
    ),
    (
        "collagen.segment_length=30 um",
        'collagen.segment_length: 30 um is more than half of the fibers\' length 26.51 um, the default at this density, so they could not bend; write at most "13.25 um"',
    ),
    (
        "collagen.fiber_length=400 um",
        "collagen.fiber_length: 400 um is longer than the box along periodic x (300 um); shorten it or enlarge box.size",
    ),
    (
        "collagen.bundle_diameter=1 nm",
        "more than 200,000,000; use a smaller box, a lower concentration or thicker bundles",
    ),
    (
        "collagen=off",
        "terms.links: needs collagen, which is not there; add a section [collagen] or remove the term",
    ),
    ("terms.lnks.focus=1", "terms.lnks: unknown term; did you mean 'links'?"),
    ("terms.contact.stifness=1", "terms.contact.stifness: unknown key; did you mean 'stiffness'?"),
    ("terms.contact.stiffness=1 kPa", "terms.contact.stiffness: \"1 kPa\" has 'kPa' where nN/um is expected"),
    ("terms.contact=7", 'terms.contact: 7 must be a table of parameters; write [terms.contact], or "off"'),
    (
        "terms.contact.stiffness=1e39 nN/um",
        'terms.contact.stiffness: "1e39 nN/um" is not between 1.2e-38 and 3.4e+38 nN/um; the device has no such numbers',
    ),
    ("terms.contact.stiffness=1e-50", "terms.contact.stiffness: 1e-50 is not between 1.2e-38 and 3.4e+38 nN/um;"),
    (
        "terms.contact.core_distance=0.9",
        "terms.contact.core_distance: 0.9 is more than rest_distance 0.895; lower it or raise rest_distance",
    ),
    (
        "terms.junction.near_distance=1.25",
        "terms.junction.near_distance: 1.25 is not less than far_distance 1.25; lower it or raise far_distance",
    ),
    ("terms.junction.on_distance=1.3", "terms.junction.on_distance: 1.3 is more than far_distance 1.25; lower it"),
    ("terms.friction.far_distance=0.8", "terms.friction.near_distance: 0.895 is not less than far_distance 0.8;"),
    ("terms.crawl.near_distance=2", "terms.crawl.near_distance: 2.0 is not less than far_distance 1.25; lower it"),
    ("run.duration=30.04 min", "run.duration: 30.04 min is no multiple of run.step 0.1 min; nearest: 30 min"),
    ("run.duration=100000.05 min", "run.duration: 100000.05 min is no multiple of run.step 0.1 min; nearest:"),
    (
        "terms.advance.largest_move=151",
        "terms.advance.largest_move: 151 um is more than half of the box's shortest edge 300 um; write at most \"150 um\"",
    ),
    (
        "terms.links.shortest=23.4",
        "terms.links.shortest: 23.4 um is not less than the longest probe, 23.4 um from the centre of cells.0; lower it",
    ),
    (
        "terms.links.shortest_rest=4 um",
        "terms.links.shortest_rest: 4 um is more than shortest 3 um; lower it or raise shortest",
    ),
    ('null={"terms.contact.core_distance" = 0.9}', "null arm: terms.contact.core_distance: 0.9 is more than"),
    (
        "record.interval=0.25 min",
        "record.interval: 0.25 min is no multiple of run.step 0.1 min; nearest: 0.2 min",
    ),
    ("record.interval=9 h", "record.interval: 540 min is longer than run.duration 120 min; shorten it"),
    ("record.links=1", "record.links: 1 must be true or false"),
    (
        "terms.links=off",
        "null.\"terms.links.focus\": the scenario has no term 'links'; there is drag, contact",
    ),
    ('null={"terms.links.focus" = -1}', "null arm: terms.links.focus: -1.0 must be >= 0; change it"),
    (
        'null={"terms.links.focus" = 1.5}',
        "null: changes nothing; give a value that differs, or leave [null] out",
    ),
    ("colagen.seed=3", "colagen: unknown key; did you mean 'collagen'?"),
    ("cells.4.count=3", 'cells.4.count=3: "cells.4" is not there; entries: 0 to 0'),
    ("title.a.b=3", '"title" is a value and has no part "a"; shorten the path'),
    ("cells", '--set "cells": is no assignment; write e.g. cells.0.count=50'),
]


@pytest.mark.parametrize(("override", "said"), WRONG, ids=[override[:60] for override, _ in WRONG])
def test_a_wrong_value_is_one_line_with_place_value_and_remedy(override, said, tmp_path):
    lines = problems(BASE, [override], tmp_path)
    assert any(said in line for line in lines), lines


def test_a_random_packing_that_cannot_be_made_says_what_can(tmp_path):
    lines = problems(BASE, ["cells.0.place=random", "cells.0.count=9000"], tmp_path)
    assert lines == (
        "cells.0.count: 9,000 cells at least 16.8 um apart fill 83% of the box; at random 30% can be filled: "
        "use at most 3,262, a smaller spacing or a larger box",
    )


def test_all_problems_are_reported_at_once(tmp_path):
    wrong = ["run.step=1 um", "cells.0.raduis=3", "terms.nix.a=1", "terms.contact.stiffness=-1", "box.foo=2"]
    places = {line.split(":")[0] for line in problems(BASE, wrong, tmp_path)}
    assert places == {"run.step", "cells.0.raduis", "terms.nix", "terms.contact.stiffness", "box.foo"}


def test_hundreds_of_problems_are_counted(tmp_path):
    lines = problems(BASE + "\n[more]\n", [f"box.wrong{number}=1" for number in range(300)], tmp_path)
    assert len(lines) == 51 and lines[-1] == "and 251 more problems"


def test_a_sheet_is_a_square_lattice_in_the_box(tmp_path):
    place = ["cells.0.place=sheet", "cells.0.axis=x", "cells.0.spacing=20 um", "cells.0.count=12"]
    (tmp_path / "scenario.toml").write_text(BASE, encoding="utf-8")
    at = initial_cells(load(tmp_path / "scenario.toml", place))["position"]
    assert (at[:, 0] == 150).all() and len({tuple(p) for p in at}) == 12
    assert set(np.unique(at[:9, 1:])) == {130.0, 150.0, 170.0}
    assert set(np.unique(at[:, 1:] % 20)) == {10.0}
    assert problems(BASE, [*place[:3], "cells.0.count=400"], tmp_path) == (
        "cells.0.count: a sheet of 400 cells, 20 um apart, lies between -50 um and 350 um along y, but the box "
        "between 0 and 300 um; use fewer cells, move the center or enlarge box.size",
    )
    assert problems(BASE, ["cells.0.axis=x"], tmp_path)[0].startswith('cells.0.axis: has no meaning with place = "sphe')


def test_overlapping_spheroids_are_refused_and_equal_centers_mix(tmp_path):
    two = BASE.replace(
        "[collagen]", '[[cells]]\nname = "other"\ncount = 50\ncenter = [160, 150, 150]\n[collagen]'
    )
    assert "overlap; move one, or give both the same center to mix them" in problems(two, (), tmp_path)[0]
    (tmp_path / "scenario.toml").write_text(two)
    assert load(tmp_path / "scenario.toml", ["cells.1.center=[150, 150, 150]"]).cells[1].count == 50


def test_two_groups_need_two_names(tmp_path):
    two = BASE.replace("[collagen]", '[[cells]]\nname = "tumor"\ncount = 5\nplace = "random"\n[collagen]')
    assert 'cells.1.name: "tumor" is taken by cells.0; give each group its own name' in problems(
        two, (), tmp_path
    )


FILES = [
    (b"", "is empty; start from a built-in scenario with 'physim init NAME FILE'"),
    (b"# only a remark\n", "is empty; start from"),
    (b"title = \n", "line 1, column 9: Invalid value; correct the TOML there"),
    (b'title = "a"\ntitle = "b"\n', "line 2, column 12: Cannot overwrite a value; correct the TOML there"),
    (b'a = "never closed', "line 1, at the end: "),
    (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "byte 0 is no UTF-8 text; save the file as UTF-8 text"),
    (b"\x00\x01\x02", "line 1, column 1: Invalid statement"),
    (b"a = " + b"[" * 100_000, "has a line of 100,004 characters; break it into lines of 5,000"),
    (b"a = " + b"[\n" * 100_000, "is nested too deeply; at most 12 levels are used"),
    (b"a" + b".a" * 400 + b" = 1", 'line 1: "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.": is nested deeper than 12 levels'),
    (b"b = 1\n[a" + b" . a" * 400 + b"]", 'line 2: "a . a . a . a . a . a . a . a . a . a . ": is nested deeper'),
    (b"b = {c = {" + b'"a".' * 20 + b"d = 1}}", "is nested deeper than 12 levels"),
    (b"a = {b = {c = {d = " + b"{e = " * 20 + b"1" + b"}" * 23, "is nested deeper than 12 levels"),
    (b"a = " + b"9" * 4500, "write a shorter number"),
    (b"#\n" * 500_001, "1,000,002 bytes are more than the 1,000,000 allowed; is it the right file?"),
    (b"title = 3", "run: missing; add e.g. a section [run]"),
]


@pytest.mark.parametrize(("content", "said"), FILES, ids=[said[:30] for _, said in FILES])
def test_a_file_that_is_no_scenario_is_refused(content, said, tmp_path):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(path)
    assert any(said in line for line in caught.value.problems), caught.value.problems


def test_what_is_no_file_is_refused(tmp_path):
    for path, said in [
        (tmp_path, "is a folder; give the path of a file"),
        ("/dev/null", "is no regular file; give the path of a file"),
        ("doublt", "no such file; check the path; built-in scenarios: did you mean 'doublet'?"),
        ("a\x00b", "cannot be read: embedded null byte; check the path"),
        ("a" * 300, "cannot be read: File name too long; check the path"),
    ]:
        with pytest.raises(InputError) as caught:
            load(path)
        assert said in str(caught.value)


@pytest.mark.parametrize("step", ["stat", "open"])
def test_permission_denied_is_one_line(step, tmp_path, monkeypatch):
    """As for a user without rights to the folder (stat) or the file (open), whoever runs this test."""
    path = tmp_path / "s.toml"
    path.write_text(BASE)
    true = getattr(Path, step)

    def refuse(self, *arguments, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return true(self, *arguments, **options)

    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.problems == (f"{path}: permission denied; make it readable, e.g. chmod u+r",)
    monkeypatch.undo()
    assert load(path).title == "Test"


def test_a_file_for_a_built_in_scenario_is_looked_for_in_the_present_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "line.csv").write_text("branch,x,y,z,radius\n0,0,0,0,5\n0,50,0,0,5\n")
    scenario = load("tumour_network", ["vessels.file=line.csv"])
    assert scenario.vessels is not None and scenario.vessels.file == str(tmp_path / "line.csv")
