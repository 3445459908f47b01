"""MIG-4, MIG-5 and cell lines: what is measured of known tracks, and how cells with known numbers are judged."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reference.verdicts import judged, missed, varied

from physim.analysis import persistence, roaming
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.experiments import ensemble
from physim.experiments.cell_lines import LINES, NUCLEAR_MODULUS
from physim.experiments.mig_guidance import MIG_5, WEAK
from physim.experiments.mig_speed import MIG_4, PUBLISHED, tracked
from physim.scenario import Scenario
from physim.step import Term

TIME = 5.0 * np.arange(145)


def tracks(position) -> Trajectories:
    cells = position.shape[1]
    return Trajectories(TIME, np.arange(cells, dtype=np.uint32), np.asarray(position, float), np.full(cells, np.nan))


# cell lines


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_sections_of_a_line_make_the_scenario_that_its_experiments_run(line):
    given = tomllib.loads(line.toml())
    given |= {"title": line.name, "run": {"duration": 60, "step": line.step}, "box": {"size": 60}}
    given["collagen"] = {"concentration": 2.0, "bundle_diameter": 0.2}
    made = Scenario.from_table(given)
    parameters = dict(MIG_4.sizes["smoke"].arms["still"].parameters)
    parameters |= {"cell": line.part("cells"), "terms": line.terms, "step": line.step, "spread": {}, "count": 1}
    run = roaming.scenario(parameters, 1, 1)
    assert made.terms == run.terms and all(isinstance(term, Term) for term in made.terms.values())
    for name in line.part("cells"):
        assert getattr(made.cells[0], name) == getattr(run.cells[0], name) == line[f"cells.{name}"]


def test_every_number_of_a_line_has_a_source_and_nuclei_are_alike():
    for line in LINES.values():
        assert all(source.strip() for _, source in line.numbers.values())
        assert line["terms.nucleus.modulus"] == NUCLEAR_MODULUS
        area = np.pi * line["cells.nucleus_radius"] ** 2
        arrest = {"T-cell": 4.0, "neutrophil": 2.0}.get(line.name, 7.0)
        assert area == pytest.approx(10 * arrest, rel=0.03), "a tenth of it arrests, Wolf 2013"


def test_a_line_has_only_numbers_of_the_one_that_it_changes():
    with pytest.raises(KeyError, match=r"terms\.links\.speed"):
        LINES["HT-1080"].with_numbers("mine", "", {"terms.links.speed": (1.0, "mine")})
    mine = LINES["HT-1080"].with_numbers("mine", "", {"terms.links.contraction_speed": (1.0, "mine")})
    assert LINES["HT-1080"].calibrated and not mine.calibrated and not LINES["T-cell"].calibrated
    assert mine.terms["links"]["contraction_speed"] == 1 and mine["cells.radius"] == LINES["HT-1080"]["cells.radius"]


# measures


def test_levels_are_log_normal_with_few_cells_too():
    few, many = roaming.levels(0.8, 4, 3), roaming.levels(0.8, 4000, 3)
    assert np.std(np.log(many)) == pytest.approx(0.8, rel=0.02) and np.median(many) == pytest.approx(1.0, rel=0.02)
    assert sum(level < 1 for level in few) == 2 and few != roaming.levels(0.8, 4, 4)
    assert roaming.levels(0.0, 3, 1) == [1.0, 1.0, 1.0]


def test_cells_of_a_gel_differ_as_their_line_spreads_and_only_moving_fibers_are_a_term():
    parameters = MIG_4.sizes["standard"].arms["HT-1080"].parameters
    first, same, other = (roaming.scenario(parameters, *seeds) for seeds in ((1, 1), (1, 1), (2, 1)))
    level = [[(cell.integrin, cell.mmp) for cell in made.cells] for made in (first, same, other)]
    assert level[0] == level[1] != level[2] and len(set(level[0])) == parameters["count"]
    assert "network" in first.terms and first.terms["network"].drag > 0.01
    assert "network" not in roaming.scenario({**parameters, "moving": False}, 1, 1).terms


def test_what_is_told_of_walks_is_what_they_were_made_of():
    made = persistence.walks(PersistentWalk(15.0, 25.0), 24, TIME, seed=4)
    found = roaming.told(made)
    assert found["root_speed"] == pytest.approx(15.0, rel=0.1)
    assert found["persistence"] == pytest.approx(25.0, rel=0.3)
    assert np.median(found["persistence_of_each"]) == pytest.approx(25.0, rel=0.3)
    assert found["persistence_along"] == pytest.approx(found["persistence_across"], rel=0.4)
    assert abs(found["guidance"]) < 0.05 and 0.6 < found["axes"] / found["axes_by_chance"] < 1.6
    assert found["msd"] == pytest.approx(found["msd_along"] + 2 * found["msd_across"])
    assert np.median(found["speed_5"]) > np.median(found["speed"]) > np.median(found["speed_20"])
    assert np.median(found["speed_seen"]) > np.median(found["speed"])
    assert abs(np.log(np.median(found["speed_alike"]) / np.median(found["speed"]))) < 0.1
    wide = roaming.told(tracks(made.position[:, :6] * [3.0, 1.0, 1.0]))
    assert wide["guidance"] > 0.3 and wide["axes"] > 2 * wide["axes_by_chance"]


def test_guidance_is_1_along_x_and_negative_across():
    line = np.linspace(0, 100, 145)[:, None, None]
    assert roaming.guidance(tracks(line * [1.0, 0.0, 0.0]), 10.0) == pytest.approx(1.0)
    assert roaming.guidance(tracks(line * [0.0, 1.0, 1.0]), 10.0) == pytest.approx(-1.0)
    assert roaming.guidance(tracks(line * [1.0, 1.0, 1.0]), 10.0) == pytest.approx(0.0)


def test_cells_at_rest_have_no_numbers_but_speeds():
    found = roaming.told(tracks(np.zeros((145, 3, 3))))
    assert (found["speed"] == 0).all() and found["farthest"] == 0
    assert np.isnan([found["persistence"], found["axes"], found["guidance"]]).all()


class Adrift:
    """A gel and its cells that drift together through a periodic box of 50 um, and one cell that also moves in it."""

    def __init__(self, scenario, network=None, device=None):
        self.scenario, self.minutes = scenario, 0.0
        self.nodes = np.random.default_rng(1).random((40, 3)) * 50
        self.network = SimpleNamespace(vectors=np.tile([2.0, 0, 0], (5, 1)), lengths=np.full(5, 2.0))

    def step(self, count):
        self.minutes += count * self.scenario.run.step

    def read(self, name):
        return {"id": np.arange(2), "link_force": np.full(4, 5.0), "link_segment": np.array([1, 0, 1, 1])}[name]

    def fiber_nodes(self):
        return (self.nodes + self.minutes * np.array([0.3, 0, 0])) % 50

    def positions(self):
        own = np.array([[0.0, 0, 0], [0.0, 0.2, 0]]) * self.minutes
        return ([[10.0, 10, 10], [40, 40, 40]] + own + self.minutes * np.array([0.3, 0, 0])) % 50


def test_places_are_relative_to_a_gel_that_drifts(monkeypatch):
    monkeypatch.setattr(roaming, "Simulation", Adrift)
    parameters = {**MIG_4.sizes["smoke"].arms["still"].parameters, "box": 50.0, "hours": 3.0}
    found = roaming.roam(parameters, 1, 1, None)
    assert found["net"] == pytest.approx([0.0, 36.0], abs=1e-6) and found["speed"] == pytest.approx([0, 12.0], abs=1e-6)
    assert found["drift"] == pytest.approx(54.0) and found["order"] == pytest.approx(1.0)
    assert found["force"] == 10 and found["links"] == 1.5


# verdicts


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(ensemble, "RESAMPLES", 200)


def roamers(**changes):
    """Cells of the published speeds, persistence and spread; fast ones keep their direction longer."""
    law = {"speed": 1.0, "persistence": 25.0, "early": 1.45, "late": 1.1, "axes": 3.0, "together": 1.0, "still": 0.0}
    law |= changes

    def measure(parameters, network, seed, device):
        links, cells = parameters["terms"]["links"], parameters["count"]
        fast = links["contraction_speed"] > 0.5
        median = law["speed"] * varied(network) * PUBLISHED["HT-1080" if fast else "MDA-MB-231"][0]
        level = 0.8 * np.cos(1.7 * np.arange(cells) + network)
        speed, chance = median * np.exp(0.5 * level), np.sin(3.1 * np.arange(cells) + network)
        lags = np.array(roaming.LAGS)
        msd = 10.0 * np.where(lags < 120, (lags / 15) ** law["early"], 8 ** law["early"] * (lags / 120) ** law["late"])
        return {"speed": speed, "speed_5": speed, "speed_20": speed, "speed_seen": speed, "speed_alike": speed,
                "persistence_alike": 25 + chance, "persistence_of_each": 25 + 9 * law["together"] * level + chance,
                "lags": lags, "msd": msd, "persistence": law["persistence"] * varied(network), "jitter": 0.3,
                "root_speed": 1.2 * median, "axes": law["axes"] * varied(network), "axes_by_chance": 2.5,
                "net": 3 * speed, "farthest": law["still"] if links["contraction_speed"] == 0 else 50.0,
                "force": 20.0, "links": 7.0, "drift": 0.1}  # fmt: skip

    return measure


def test_mig_4_passes_cells_as_published():
    found = judged(MIG_4, roamers(), tracked)
    assert missed(found) == []
    assert found["median speed at 10 min, HT-1080"]["value"] == pytest.approx(25.0, rel=0.1)
    assert found["MSD exponent, 15 to 60 min, HT-1080"]["value"] == pytest.approx(1.45)
    assert found["MSD exponent, 180 to 360 min, MDA-MB-231"]["value"] == pytest.approx(1.1)
    assert found["Spearman correlation of S and P over cells, HT-1080"]["value"] > 0.9
    assert found["the former over the latter, HT-1080"]["value"] == pytest.approx(1.2, rel=0.05)
    quick = "median speed at 10 min, MDA-MB-231"
    assert missed(judged(MIG_4, roamers(speed=2.0), tracked, "quick", quick)) == [quick]


@pytest.mark.parametrize("change, row", [
    ({"speed": 0.5}, "median speed at 10 min, MDA-MB-231"),
    ({"persistence": 90.0}, "persistence P of Furth's walk, HT-1080"),
    ({"early": 1.8}, "MSD exponent, 15 to 60 min, HT-1080"),
    ({"late": 1.5}, "MSD exponent, 180 to 360 min, MDA-MB-231"),
    ({"axes": 1.5}, "D along over D across each track's main axis, HT-1080"),
    ({"together": -1.0}, "Spearman correlation of S and P over cells, MDA-MB-231"),
    ({"still": 1.0}, "farthest that a cell goes whose links do not shorten, held fibers"),
])  # fmt: skip
def test_mig_4_misses_other_cells(change, row):
    assert missed(judged(MIG_4, roamers(**change), tracked, only=row)) == [row]


def followers(**changes):
    """Cells that fibers guide if their polarity follows them, and that are no faster there."""
    law = {"speed": 0.0, "guided": 0.6, "along": 1.0, "net": 1.0, "order": 0.0}
    law |= changes

    def measure(parameters, network, seed, device):
        order, seen = parameters["alignment"], varied(network)
        follows = parameters["terms"]["contact_guidance"]["weight"] > 0
        assert follows or parameters["cell"]["integrin"] in (1.0, WEAK)
        index = law["guided"] * order * seen * follows
        cells = np.ones(parameters["count"])
        return {"order": order + law["order"], "guidance": index, "guidance_hour": 1.5 * index,
                "speed": 12 * (1 + law["speed"] * order) * seen * cells,
                "persistence_along": 20 * (1 + 2 * law["along"] * order) * seen,
                "persistence_across": 20 * (1 - 0.5 * order),
                "net": 50 * (1 + law["net"] * order) * seen * cells}  # fmt: skip

    return measure


def test_mig_5_passes_cells_that_fibers_guide():
    found = judged(MIG_5, followers(), tracked)
    assert missed(found) == []
    assert found["guidance index at S = 0.6"]["value"] == pytest.approx(0.36, rel=0.03)
    assert found["net displacement, most aligned over isotropic"]["value"] == pytest.approx(1.8)
    assert found["guidance index over 10 min, S = 0.6, polarity does not turn along fibers"]["value"] == 0
    trend = "smallest rise of the guidance index from one order to the next"
    assert judged(MIG_5, followers(), tracked, "quick", trend)[trend]["verdict"] == "pass"


@pytest.mark.parametrize("change, row", [
    ({"speed": 0.3}, "speed at 10 min, most aligned over isotropic"),
    ({"along": -0.3}, "persistence along fibers over across, most aligned"),
    ({"net": 0.0}, "net displacement, most aligned over isotropic"),
    ({"guided": -0.1}, "smallest rise of the guidance index from one order to the next"),
    ({"guided": 0.4}, "guidance index at S = 0.6"),
    ({"order": 0.1}, "order of the fibers along x, 0.6 asked for, guided-0.6"),
])  # fmt: skip
def test_mig_5_misses_other_cells(change, row):
    assert missed(judged(MIG_5, followers(**change), tracked, only=row)) == [row]


# the page


PAGE = (Path(__file__).parents[2] / "docs" / "cell_lines.md").read_text()


def test_page_has_the_numbers_of_all_lines():
    rows = {cells[0].strip("`"): cells[1:] for line in PAGE.splitlines() if line.startswith("| `")
            for cells in [[cell.strip() for cell in line.strip("|").split("|")]]}  # fmt: skip
    numbers = {path: [f"{line[path]:g}" for line in LINES.values()] for path in LINES["MDA-MB-231"].numbers}
    assert {path: rows[path] for path in numbers} == numbers


def test_code_of_the_page_measures_a_line_of_ones_own(monkeypatch, capsys):
    """The simulation itself is that of the smoke size of MIG-4."""
    ran = []
    monkeypatch.setattr(roaming, "roam", lambda *given: ran.append(roaming.scenario(*given[:3])) or {"speed": [12.0]})
    first, second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(first, {})
    assert "[terms.links]" in capsys.readouterr().out
    exec(second, {})
    assert "um/h at 10 min: [12.0]" in capsys.readouterr().out
    assert ran[0].terms["proteolysis"].rate == 0 and ran[0].terms["links"].contraction_speed == 0.2
    assert len(ran[0].cells) == 2 and "network" not in ran[0].terms
