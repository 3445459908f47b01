"""A user's own term, outside the package: the example of docs/new_term.md, and what is said when one is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from physim import own_terms
from physim.errors import DeviceError, InputError
from physim.explain import explain
from physim.replica import _NUMPY
from physim.scenario import load
from physim.simulation import Simulation, step_kernels

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_term"


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "mine"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_example_relaxes_as_implicit_euler_does(folder, device_label) -> None:
    """One cell, no neighbours: the exact answer of the discrete step, (Z + dt k) v = -k (z - z0)."""
    scenario = load(folder / "tethered.toml", ["cells.0.count=1"])
    sim = Simulation(scenario, device=device_label)
    begin = sim.positions()[0]
    assert begin[2] != 20
    sim.advance(200)
    factor = 2 / (2 + 0.1 * 1)
    assert sim.positions()[0, :2] == pytest.approx(begin[:2])
    limited = sim.status["limited"]  # steps that were cut to 1 um, the first ones
    rest = begin[2] - 20 - 1.0 * limited
    assert sim.positions()[0, 2] - 20 == pytest.approx(rest * factor ** (200 - limited), rel=1e-3)


def test_example_is_explained_profiled_and_in_order(folder, device_label) -> None:
    scenario = load(folder / "tethered.toml")
    text = explain(scenario)
    assert "F = -k (z - z0) along z" in text and "stiffness k" in text
    names = [kernel.name for _, kernel in step_kernels(scenario)]
    assert names.index("open_balance") < names.index("tether") < names.index("assemble")
    sim = Simulation(scenario, device=device_label, profile=True)
    sim.advance(3)
    assert "tether       tether" in sim.profile_table()


def test_null_arm_and_resolved_scenario_keep_the_own_term(folder) -> None:
    scenario = load(folder / "tethered.toml", ["null.terms.tether.stiffness=0"])
    arm = scenario.null_arm()
    assert arm is not None and type(arm.terms["tether"]) is type(scenario.terms["tether"])
    assert arm.terms["tether"].stiffness == 0
    (folder / "resolved.toml").write_text(scenario.to_toml())
    assert load(folder / "resolved.toml") == scenario


def test_kernel_that_disagrees_with_its_declaration_says_where(folder, device_label) -> None:
    edit(folder / "tether.cl", "__global float4 *force, ", "")
    with pytest.raises(DeviceError, match=r"mine/tether\.cl:3\b"):
        Simulation(load(folder / "tethered.toml"), device=device_label)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("tether.py", "class Tether(Term):", "class Tether(Term)", r"tether\.py:9: SyntaxError"),
        ("tether.py", "5.0, ", "5.0 / 0, ", r"tether\.py:16: ZeroDivisionError"),
        ("tether.py", "(Term)", "", r"tether\.py: defines no term; add a class"),
        ("tether.py", '= "tether"', '= "Tether 2"', r"Tether\.name: 'Tether 2' is no lower-case word"),
        ("tether.py", '= "tether"', '= "contact"', r"Tether\.name: 'contact' is a built-in term"),
        ("tether.py", '= "tether"', '= "other"', r"no kernel file .*/other\.cl; write it"),
        ("tether.py", '"cell", ', '"cells", ', r"kernel tether: per 'cells'; one of cell, "),
        ("tether.py", '("position",)', '("positions",)',
         "unknown array 'positions'; name it in `arrays` or physim/state"),
        ("tether.py", '("position",)', '("position")', r'reads "position" is no tuple of names'),
        ("tether.py", '("force", "resistance")),', '("force", "resistance"), when="rebuilt"),',
         r"when 'rebuilt' is no status word; one of step, halt, rebuild, "),
        ("tether.py", '("position",), (), ', '("position",), ("radius",), ',
         r"changes 'radius', .*cells cannot grow yet"),
        ("tether.py", '("force", "resistance")', '("radius",)', r"changes 'radius', .*cells cannot grow yet"),
        ("tether.py", "    kernels:", '    before = "births"\n    kernels:',
         "before: kernels in front of 'births' may run"),
        ("tether.py", "    kernels:", '    before = "neighbors"\n    kernels:',
         "in front of 'neighbors' may run twice"),
        ("tether.py", "    kernels:", '    before = "balance"\n    kernels:', "adds to 'force' before anything"),
        ("tether.py", "    kernels:", '    before = "solver"\n    kernels:', "before: there is no term 'solver'"),
        ("tethered.toml", '"tether.py"', '"teather.py"', r"own_terms\.0: .*teather\.py: cannot be read: No such file"),
        ("tethered.toml", '"tether.py"', "7", r"own_terms\.0"),
        ("tethered.toml", '"1 nN/um"', '"1 nN"', r"terms\.tether\.stiffness: .*has 'nN' where nN/um is expected"),
    ],
)
def test_wrong_own_term_is_refused_in_one_line(folder, file, old, new, said) -> None:
    edit(folder / file, old, new)
    with pytest.raises((InputError, Exception), match=said) as caught:
        step_kernels(load(folder / "tethered.toml"))
    assert type(caught.value).__module__ == "physim.errors"
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1


def test_edited_file_is_read_anew(folder) -> None:
    first = own_terms.load(folder / "tether.py")
    assert own_terms.load(folder / "tether.py") is first
    edit(folder / "tether.py", "5.0, ", "6.0, ")
    assert own_terms.load(folder / "tether.py")[0]().stiffness == 6.0


def test_array_declared_twice_is_refused(folder) -> None:
    clash = '    arrays = (__import__("physim").Array("force", "uint", "cell", "", "not that"),)\n    kernels:'
    edit(folder / "tether.py", "    kernels:", clash)
    with pytest.raises(InputError, match=r"arrays: 'force' is declared otherwise in physim/state\.py"):
        load(folder / "tethered.toml")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ('"charge", "uchar", "cell", "", "", persists=True', r'"charge": type "uchar"; one of float, float4, .*half2$'),
        ('"charge", "float2", "cell", "", ""', r'"charge": type "float2"; one of float, .*uchar$'),
        ('"charge", "float8", "cell", "", "", persists=True', r'"charge": type "float8"; one of'),
        ('"charge", "bool", "cell", "", ""', r'"charge": type "bool"; one of'),
        ('"charge", "float", "cells", "", ""', r'"charge": per "cells"; one of cell, node, segment, one'),
        ('"charge", "float", "unknown", "", ""', r'"charge": per "unknown"; one of cell, node, segment, one'),
        ('"charge", "float", "cell", "", "", rows="links"', r'"charge": rows "links" is no number from 1 to 9999'),
        ('"charge", "float", "cell", "", "", rows=3', r'"charge": rows 3 is no number from 1 to 9999 in quotes'),
        ('"status", "float", "cell", "", ""', r'"status": is no lower-case word, or taken'),
        ('"the charge", "float", "cell", "", ""', r'"the charge": is no lower-case word, or taken'),
    ],
)
def test_wrong_array_is_refused_in_one_line(folder, array, said) -> None:
    edit(folder / "tether.py", "    kernels:", f'    arrays = (__import__("physim").Array({array}),)\n    kernels:')
    with pytest.raises(InputError, match=r"Tether\.arrays: " + said) as caught:
        load(folder / "tethered.toml")
    assert len(caught.value.problems) == 1


def test_array_types_are_those_that_a_run_can_read() -> None:
    assert set(own_terms.ARRAY_TYPES) <= set(_NUMPY)


def test_cells_settle_on_the_plane(folder, device_label) -> None:
    sim = Simulation(load(folder / "tethered.toml"), device=device_label)
    begin = sim.positions()[:, 2]
    sim.advance(300)
    assert np.abs(sim.positions()[:, 2] - 20).mean() < 0.5 * np.abs(begin - 20).mean()
