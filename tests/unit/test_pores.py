"""MIG-3: the pore of a section, what is measured of cells before plates, and how cells with known limits are judged."""

from __future__ import annotations

import numpy as np
import pytest
from reference import scenes
from reference.verdicts import judged, missed, varied

from physim.analysis import pores
from physim.analysis.section_pore import disc_areas
from physim.experiments import ensemble
from physim.experiments.mig_nets import MIG_3B, nets
from physim.experiments.mig_pores import KINDS, MIG_3A, plates
from physim.generate.cells import initial_cells
from physim.generate.collagen import length_density

LIMITS = {kind: limit for kind, limit in zip(KINDS, (7.0, 10.0, 12.0, 4.0, 2.0), strict=True)}


def test_discs_of_a_square_grid() -> None:
    """Lines 5 um apart along x and y: one disc of 2.5 um in each square, whose middle is the only maximum."""
    steps, at = np.arange(0.0, 40.0, 2.5), np.arange(2.5, 40.0, 5.0)
    line, start = (a.ravel() for a in np.meshgrid(at, steps))
    zero = np.full(len(line), 20.0)
    begin = np.concatenate([np.stack([start, line, zero], 1), np.stack([line, start, zero], 1)])
    step = np.repeat(np.array([[2.5, 0, 0], [0, 2.5, 0]]), len(line), axis=0)
    network = scenes.network(begin, begin + step, 40.0, (True,) * 3)
    heights = np.array([0, 0, 1.0]) * np.arange(-20.0, 20.0, 0.5)[:, None, None]
    all_begin, all_end = ((at + heights).reshape(-1, 3) for at in (begin, begin + step))
    stack = scenes.network(all_begin, all_end, 40.0, (True,) * 3)
    found = disc_areas(stack, sections=2, seed=1)
    assert len(found) == 2 * 64
    assert found == pytest.approx(np.pi * 2.5**2, rel=0.1)  # to a pixel
    empty = disc_areas(network, sections=1, seed=4)  # a section far from the plane shows nothing of it
    assert len(empty) == 0 or empty.min() > 100


def test_cells_start_on_the_axes_of_the_holes() -> None:
    """Their fronts before the plate, one at each hole."""
    given = {**MIG_3A.sizes["smoke"].arms["tumor-7"].parameters, "box": [90.0, 60.0, 60.0]}
    place = initial_cells(pores.plate_scenario(given, 1, 1))["position"]
    assert sorted(map(tuple, place[:, 1:])) == [(y, z) for y in (10.0, 30.0, 50.0) for z in (10.0, 30.0, 50.0)]
    assert place[:, 0] + given["radius"] == pytest.approx(45 - 0.5 - 0.6)


def stopping(**changes):
    """Kinds of cells that a hole of their limit stops, and that get on linearly with its area up to 4.3 times that."""
    limits = LIMITS | changes

    def measure(parameters, network, seed, device):
        mine = {key: parameters[key] for key in ("radius", "nucleus_radius", "terms", "step")}
        limit = limits[next(kind for kind in KINDS if KINDS[kind] == mine)]
        area = parameters["area"]
        free = 1.0 if area is None else np.clip((area - limit) / (3.3 * limit), 0.0, 1.0)
        late = 0.3 + 20 * varied(network) * free
        return {"late": late, "passed": float(free > 0), "force": 40.0}

    return measure


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(ensemble, "RESAMPLES", 100)


def test_mig_3a_finds_the_limits_of_cells() -> None:
    """REACHED of the open speed is reached that share of the way to where all are as fast as without a plate."""
    found = judged(MIG_3A, stopping(), plates)
    assert missed(found) == []
    assert found["arrest area, tumor cells (calibrated)"]["value"] == pytest.approx(7 * 1.165, abs=0.01)
    assert found["arrest area, tcell (predicted)"]["value"] == pytest.approx(4 * 1.165, abs=0.1)
    assert found["intercept of the line through late speeds, tumor cells"]["value"] == pytest.approx(7.0, abs=0.01)


@pytest.mark.parametrize("limits, row", [
    ({"tumor": 12.0}, "arrest area, tumor cells (calibrated)"),
    ({"tumor": 2.0}, "arrest area, tumor cells (calibrated)"),
    ({"tcell": 7.0}, "arrest area, tcell over tumor cells"),
    ({"neutrophil": 5.0}, "arrest area, neutrophil over tumor cells"),
    ({"block": 5.0}, "arrest area, half contractility over tumor cells"),
])  # fmt: skip
def test_mig_3a_misses_other_limits(limits, row) -> None:
    assert missed(judged(MIG_3A, stopping(**limits), plates, only=row)) == [row]


def test_an_arrest_area_is_the_largest_where_nobody_passes_and_least_where_all_do() -> None:
    row = "arrest area, tumor cells (calibrated)"
    assert judged(MIG_3A, stopping(tumor=25.0), plates, only=row)[row]["value"] == 25.0
    assert judged(MIG_3A, stopping(tumor=0.1), plates, only=row)[row]["value"] < 1.0


def among(limit: float, cut: float):
    """Gels of pores 2.7/rho um^2: cells get on linearly with what is above the limit, those that cut with `cut`."""

    def measure(parameters, network, seed, device):
        pore = 2.7 * varied(network) / length_density(parameters["concentration"], parameters["bundle_diameter"])
        stuck = parameters["terms"]["nucleus"]["modulus"] > 10 * KINDS["tumor"]["terms"]["nucleus"]["modulus"]
        free = cut if parameters["cut"] else 0.0 if stuck else np.clip((pore - limit) / 50, 0.0, 1.0)
        return {"late": 0.4 + 15 * free, "speed": 10.0, "pore": pore, "force": 40.0}

    return measure


def test_mig_3b_judges_the_arrest_pore_and_what_cutting_gives() -> None:
    found = judged(MIG_3B, among(6.0, 1.0), nets)
    assert missed(found) == []
    assert found["arrest pore by sections, nobody cuts"]["value"] == pytest.approx(6.0 + 0.05 * 48, abs=0.6)
    assert missed(judged(MIG_3B, among(25.0, 1.0), nets)) == ["arrest pore by sections, nobody cuts"]
    assert missed(judged(MIG_3B, among(6.0, 0.1), nets)) == [
        "late speed of cells that cut at 5 um^2 over that in open pores"
    ]
    assert missed(judged(MIG_3B, among(-400.0, 1.0), nets, "quick")) == [
        "late speed at 0.05 over at 0.3 um/um^3, nobody cuts"
    ]
