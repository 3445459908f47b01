"""MIG-7, TRK-3 and TRK-4: what they measure of known gels, and how cells and gels with known numbers are judged."""

from __future__ import annotations

import numpy as np
import pytest
from reference.networks import chains
from reference.verdicts import judged, missed, varied

from physim.analysis import passage
from physim.analysis.passage import EDGES, MARGIN, RADIUS
from physim.experiments.mig import MIG_7, shed
from physim.experiments.trk import FROM_WALL, TRK_3, WALL, border, decay_length
from physim.experiments.trk_fading import TRK_4, fading, time_constant

PATH = np.linspace([20.0, 50, 50], [80.0, 50, 50], 13)


def lines(*offsets):
    """Straight lines of 24 segments from 20 to 80 um, beside the path by offsets (um)."""
    line = np.linspace(-30, 30, 25)[:, None] * np.array([1.0, 0, 0]) + 50.0
    return chains([line + np.array(offset) for offset in offsets], size=100.0)


# measures


def test_what_is_around_a_path_is_that_of_lines_beside_it():
    """A line 1 um beyond the wall that moves away by 0.5 um; one within the void, which is cut."""
    made = lines([0, RADIUS + 1, 0], [0, 0, 2.0])
    moved = made.nodes + np.where(made.nodes[:, 1:2] > 55, [0, 0.5, 0], 0.0)
    area = np.where(made.midpoints[:, 1] > 55, 1 << 24, 0)
    whole = passage._around(made, made.nodes, np.ones(48), PATH)
    after = passage._around(made, moved, area, PATH)
    assert whole["shift"] == 0 and after["shift"] == pytest.approx(0.5)
    assert whole["width"] == pytest.approx(4.0) and after["width"] == pytest.approx(2 * (RADIUS + 1.5))
    assert after["void"] == 1.0 and whole["void"] < 0.9
    assert after["room"] == 1.0 and whole["room"] < 0.7 * whole["void"]
    assert whole["order"][WALL] == pytest.approx(1.0) and np.isnan(after["order"][0])
    capsule = lambda r: np.pi * r**2 * 60 + 4 / 3 * np.pi * r**3  # noqa: E731
    volume = capsule(EDGES[WALL + 1]) - capsule(EDGES[WALL])
    assert after["density"][WALL] == pytest.approx(60 / volume, rel=0.05) and after["density"][0] == 0


def test_what_is_missing_counts_by_area_and_where_it_was_made():
    made = lines([0, 0, 2.0], [0, 6.0, 0], [0, MARGIN + 1, 0])
    area = np.repeat([0, 1 << 23, 0], 24)
    found = passage._missing(made, made.nodes + np.array([0, 20.0, 0]), area, PATH)
    assert found["missing_near"] == pytest.approx(60.0) and found["missing"] == pytest.approx(60.0 + 30.0)


def test_a_path_too_short_to_count_gives_no_number():
    made = lines([0, 0, 2.0])
    assert np.isnan(passage._around(made, made.nodes, np.ones(24), PATH[:0])["void"])
    assert np.isnan(passage._missing(made, made.nodes, np.ones(24), PATH[:0])["missing"])


def test_decay_length_is_that_of_an_exponential_and_absent_without_one():
    x = np.array(FROM_WALL)
    assert decay_length(x, 0.4 * np.exp(-x / 6)) == pytest.approx(6.0)
    assert decay_length(x, [0.4, 0.2, 0.1, -0.05, 0.3]) == pytest.approx(3 / np.log(2))
    assert np.isnan(decay_length(x, np.full(5, 0.01))) and np.isnan(decay_length(x, [0.1, 0.2, 0.4, 0.5, 0.6]))


def test_time_constant_is_that_of_an_exponential():
    t = np.array([0.0, 2, 6, 12])
    assert time_constant(t, np.exp(-t / 6)) == pytest.approx(6.0)
    assert time_constant([0, 6, 60], [1, np.exp(-1), 0]) == pytest.approx(6.0)
    assert time_constant(t, np.exp(-t / 6) + np.array([0, 0.02, -0.02, 0.02])) == pytest.approx(6.0, rel=0.1)
    assert np.isnan(time_constant(t, np.full(4, np.nan)))


# verdicts


def crossing(**changes):
    """A measure of gels as the catalogue has them: tunnels by cutting, aligned and denser walls by traction."""
    law = {"opened": 3.0, "uncut": 1.05, "beside": 1.0, "dense": 1.5, "order": 0.3, "length": 6.0, "without": 0.0}
    law |= changes

    def measure(parameters, network, seed, device):
        cuts, pulls = parameters["cut"] > 0, parameters["pull"] > 0
        opened = law["beside"] if parameters["sideways"] else law["opened"] if cuts else law["uncut"]
        order = law["order"] if pulls else law["without"]
        values = {"minutes": 120.0, "force": 40.0, "speed": 28.0, "usable": 40.0, "moved": 1.0, "unaccounted": 0,
                  "taken": 0.05 * cuts}  # fmt: skip
        for time, late in (("before", 0), ("during", 1), ("after", 1)):
            excess = np.zeros(len(EDGES) - 1)
            excess[WALL:] = late * order * varied(network) * np.exp(-(np.array(FROM_WALL) - 1.5) / law["length"])
            values |= {f"void_{time}": 0.25 * varied(network) * (opened if late and pulls else 1.0),
                       f"width_{time}": 10.0, f"room_{time}": 0.1, f"shift_{time}": 0.5 * late * pulls,
                       f"order_{time}": 0.1 + excess,
                       f"density_{time}": np.full(8, 0.05) * (law["dense"] if late and pulls else 1.0)}
        return values

    return measure


def test_trk_3_passes_a_gel_that_is_cut_and_pulled_as_published():
    found = judged(TRK_3, crossing(), border)
    assert missed(found) == []
    assert found["void 30 min after passage over void before"]["value"] == pytest.approx(3.0)
    assert found["alignment 0-3 um from the wall above background, after"]["value"] == pytest.approx(0.3, rel=0.02)
    assert found["decay length of the alignment"]["value"] == pytest.approx(6.0)
    assert found["density 0-3 um from the wall, after over before"]["value"] == pytest.approx(1.5)
    assert missed(judged(TRK_3, crossing(), border, "quick")) == []


@pytest.mark.parametrize("change, row", [
    ({"opened": 1.5}, "void 30 min after passage over void before"),
    ({"uncut": 1.4}, "void after over before, without cutting"),
    ({"beside": 1.2}, "void after over before, cutting 15 um beside the cell"),
    ({"dense": 0.7}, "density 0-3 um from the wall, after over before"),
    ({"order": 0.05}, "alignment 0-3 um from the wall above background, after"),
    ({"length": 40.0}, "decay length of the alignment"),
    ({"without": 0.2}, "alignment above background, without traction"),
])  # fmt: skip
def test_trk_3_misses_other_gels(change, row):
    assert missed(judged(TRK_3, crossing(**change), border, only=row)) == [row]


def test_a_gel_whose_path_is_too_short_does_not_count():
    whole = crossing()

    def measure(parameters, network, seed, device):
        values = whole(parameters, network, seed, device)
        if network == 3:
            values = {name: value if name in ("minutes", "unaccounted", "taken", "speed", "force", "moved") else
                      np.full(np.shape(value), np.nan) for name, value in values.items()} | {"usable": 0.0}  # fmt: skip
        return values

    found = judged(TRK_3, measure, border)
    assert missed(found) == []
    assert found["share of networks with such a path, full"]["value"] == 7 / 8
    assert found["alignment 0-3 um from the wall above background, after"]["value"] == pytest.approx(0.3, rel=0.03)


def mended(factor: float, idle: float = 0.0):
    """A gel whose gain decays with `factor` times the imposed constant, and by `idle` where nothing is repaired."""

    def measure(parameters, network, seed, device):
        hours, tau = np.array(parameters["delays"], float), parameters["time"]
        gain = np.exp(-60 * hours / (factor * tau)) if tau else 1 - idle * (hours > 0)
        missing = 800 * varied(network) * gain
        return {"missing": missing, "missing_near": 0.2 * missing, "void": 0.3 + 0.6 * gain, "pristine": 0.3,
                "usable": 40.0, "unaccounted": 0}  # fmt: skip

    return measure


def test_trk_4_passes_the_imposed_law_and_misses_others():
    found = judged(TRK_4, mended(1.0), fading)
    assert missed(found) == []
    assert found["time constant of the gain over the imposed one, 24 h"]["value"] == pytest.approx(1.0)
    assert found["void over that before the cell came, at once, 6 h"]["value"] == pytest.approx(3.0)
    row = "time constant of the gain over the imposed one, {} h"
    assert missed(judged(TRK_4, mended(1.5), fading)) == [row.format(6), row.format(24)]
    assert missed(judged(TRK_4, mended(1.0, 0.1), fading)) == [
        "gain at the last delay over that at first, no repair"
    ]


def left_behind(**changes):
    """Cells that leave the more, the stronger they adhere, and are as fast whatever they leave."""
    law = {"power": 1.0, "ligand": 1.0, "ripping": 1.0, "unaccounted": 0}
    law |= changes

    def measure(parameters, network, seed, device):
        odds = 8.0 * parameters["ripping"] * parameters["integrin"] ** law["power"]
        speed = 15.0 * varied(network) * (law["ligand"] if parameters["gain"] else 1.0)
        speed *= law["ripping"] if parameters["ripping"] else 1.0
        return {"left_share": odds / (1 + odds), "per_micron": 40.0, "per_day": 0.1, "speed": speed, "net": 2 * speed,
                "force": 50.0, "links": 13.0, "unaccounted": law["unaccounted"]}  # fmt: skip

    return measure


def test_mig_7_passes_cells_that_leave_more_the_stronger_they_adhere():
    found = judged(MIG_7, left_behind(), shed)
    assert missed(found) == []
    assert found["share left on fibers, integrin level 1"]["value"] == pytest.approx(0.8 / 1.8)
    assert missed(judged(MIG_7, left_behind(), shed, "quick")) == []


@pytest.mark.parametrize("change, row", [
    ({"power": -0.5}, "smallest rise of the share left from one integrin level to the next"),
    ({"power": 0.2}, "share left, weak adhesion and q_0 = 0.02"),
    ({"power": -0.5}, "share left, strong adhesion and q_0 = 2"),
    ({"ligand": 1.4}, "speed with debris as a ligand over without"),
    ({"ripping": 0.9}, "speed with ripping over speed where it is forbidden"),
    ({"unaccounted": 1}, "integrins unaccounted for, level-1"),
])  # fmt: skip
def test_mig_7_misses_other_cells(change, row):
    assert missed(judged(MIG_7, left_behind(**change), shed, only=row)) == [row]


def test_arms_that_share_a_passage_name_the_same_one(monkeypatch):
    """`still` is measured along the path of `full`; what repairs goes on from the same gel. Both from memory."""
    names = ("full", "still")
    full, still = (TRK_3.sizes["standard"].arms[name].parameters for name in names)
    crossed = []
    monkeypatch.setattr(passage, "_cross", lambda text, *given: crossed.append(text))
    passage.cross(full, 1, 1, None)
    passage.cross({**still, **still["along"]}, 1, 1, None)
    assert crossed[0] == crossed[1]
    crossed.clear()
    arms = TRK_4.sizes["standard"].arms
    for name in arms:
        passage.cross(arms[name].parameters, 1, 1, None)
    assert len(set(crossed[:-1])) == 1 and list(arms)[-1] == "6 h, crosslinks turn over"
