"""CIR-0 and CIR-1: what their measures say of networks with known answers, and how known numbers are judged."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from reference.tubes import network
from reference.verdicts import judged, missed

from physim import flow
from physim.analysis import blood_flow, retention
from physim.circulation import Circulation
from physim.experiments.cir_flow import CIR_0, blood
from physim.experiments.cir_retention import CIR_1, RIGID, SOFT, retained
from physim.meshes.centerlines import joined, straight


def ladder(wide=8.0, radii=(3.5, 3.5)):
    """A feeding and a draining tube, and tubes side by side between them, 100 um each."""
    at = np.array([[0, 0, 0], [100.0, 0, 0], [200.0, 0, 0], [300.0, 0, 0]])
    lines = [straight(at[0], at[1], (wide, wide)), straight(at[2], at[3], (wide, wide))]
    lines += [straight(at[1], at[2], (radius, radius)) for radius in radii]
    return joined(lines, [(0, 1), (2, 3)] + [(1, 2)] * len(radii))


def bed(made, pressure=1.0):
    """What `retention.bottleneck` reads of a simulation: kPa between the two ends."""
    solved = flow.solve(made, {0: 1e3 * pressure, 3: 0.0})
    driven = Circulation(solved, 1e-3 * solved.pressure, np.zeros(made.branches))
    return SimpleNamespace(vessels=SimpleNamespace(blood=solved, circulation=driven))


# measures


def test_a_flow_that_is_wrong_is_not_that_of_a_dense_solve():
    made = ladder()
    solved = flow.solve(made, {0: 100.0, 3: 0.0})
    given = np.array([0, 3])
    assert all(value < 1e-12 for value in blood_flow.against_dense(solved, given).values())
    wrong = replace(solved, flow=solved.flow * np.array([1, 1, 1.001, 1]))
    found = blood_flow.against_dense(wrong, given)
    assert found["dense"] == pytest.approx(5e-4, rel=1e-6) and found["balance"] == pytest.approx(5e-4, rel=1e-3)


def test_distance_from_the_wall_is_that_of_a_tube():
    made = network(([[0, 0, 0], [90, 0, 0]], 8.0))
    points = np.array([[40.0, 3, 0], [50, 0, 9.5], [1, 8, 0]])
    np.testing.assert_allclose(blood_flow._from_wall(made, points), [-5, 1.5, 0], atol=0.01)


def test_bottleneck_is_pressure_over_what_it_takes_to_enter():
    """A tube by itself bears all of the pressure when it is closed; one of two bears what the other loses of it."""
    needed = 0.5 * 0.35 * (2 * np.log(7 / 3.5)) ** 2 + 0.5 * 1.2 * (2 * np.log(4.7 / 3.5)) ** 2
    assert retention.bottleneck(bed(ladder(radii=(3.5,))), SOFT) == pytest.approx(1 / needed, rel=1e-3)
    both = bed(ladder())
    g = flow.conductances(both.vessels.blood.network, both.vessels.blood.viscosity)
    left = (1 / g[2]) / (1 / g[0] + 1 / g[1] + 1 / g[2])
    assert retention.bottleneck(both, SOFT) == pytest.approx(left / needed, rel=1e-3)
    assert retention.bottleneck(both, RIGID) < 0.3 * left / needed
    assert retention.bottleneck(bed(ladder(radii=(3.5, 5.0))), SOFT) > retention.bottleneck(both, SOFT)
    thin = {**SOFT, "radius": 2.0, "nucleus_radius": 1.3}
    assert retention.bottleneck(both, thin) > 1e6, "what has room enters"


def test_corners_are_where_a_vessel_turns():
    first = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0], [20, 10, 0], [20, 20, 0]]), np.full(5, 2.0)
    second = straight(first[0][-1], np.array([50.0, 20, 0]), (2.0, 2.0))
    turns = joined([first, second], [(0, 1), (1, 2)])
    assert retention._corners(turns).tolist() == [2], "not where one branch ends and the next begins"


def test_a_thin_cell_leaves_and_one_that_cannot_enter_is_kept(device_label, monkeypatch):
    """Through a tube that narrows to 3.5 um: as far as the outlet, or to rest before the narrow part.

    Of the two thin cells one begins at the wall of the wide part, where blood is slow; whether it stays there, and
    takes two seconds or four, hangs on the last bit.
    """
    monkeypatch.setattr(retention, "REST", 0.3)
    given = {**CIR_1.sizes["smoke"].arms["size-2"].parameters, "seconds": 8.0}
    alone = retention.first_pass(given, 1, 1, device_label)
    left = retention.first_pass({**given, "cells": 2}, 1, 1, device_label)
    assert alone["retained"] == left["retained"] == 0 and np.isnan(left["room"])
    assert 0.2 < alone["transit"] < 0.5 and left["transit"] > 2 * alone["transit"]
    kept = retention.first_pass({**given, **RIGID}, 1, 1, device_label)
    assert kept["retained"] == kept["at_rest"] == 1 and kept["bottleneck"] < 0.5 and np.isnan(kept["transit"])
    assert 60 < kept["way"] < left["way"] and kept["borne"] == pytest.approx(1.33, rel=0.05)


# verdicts


def exact(**changes):
    """Blood that is as the catalogue has it."""
    table = [1.2, 2.4, 4.8, 16.0, 1.44, 4.8]
    found = dict.fromkeys(("flow", "lumen_flow", "shear", "split", "held", "speed", "attached", "left"), 1.0)
    found |= dict.fromkeys(("profile", "wall", "beyond", "divergence", "balance", "dense", "share_large", "share",
                            "astray"), 0.0)  # fmt: skip
    found |= {"lumen": [1.0] * 3, "by_network": table, "by_lumen": table, "outlets": 9, "outlets_large": 5,
              "branches": 40}  # fmt: skip

    def measure(parameters, network, seed, device):
        own = {"wall": -0.1, "cones": 0.01, "voxel": 0.8} if parameters["what"] == "through_tumour" else {}
        return found | own | changes.get(parameters["what"], {})

    return measure


@pytest.mark.parametrize("changes, named", [
    ({}, []),
    ({"in_tube": {"profile": 0.02, "wall": 0.01}}, ["error of the velocity", "largest speed on the wall"]),
    ({"at_fork": {"shear": 1.1, "balance": 1e-5}}, ["Murray's bifurcation", "flow lost at the fork"]),
    ({"shear_table": {"by_lumen": [1.2, 2.4, 4.8, 14.0, 1.44, 4.8]}},
     ["wall shear, d 6 \u00b5m, 1000 \u00b5m/s, lumen"]),
    ({"drag": {"held": 1.06, "attached": 0.8}},
     ["drag of a sphere on the axis, 0.25", "drag of a sphere on the axis, 0.5", "drag of a sphere that touches"]),
    ({"lattice_solve": {"dense": 1e-6}}, ["flow of a lattice"]),
    ({"through_tumour": {"share_large": 0.2}}, ["difference from the share"]),
    ({"through_tumour": {"left": 0.98, "wall": 0.01, "divergence": 1e-4}},
     2 * ["share that leaves", "the farthest beyond", "divergence over"]),
])  # fmt: skip
def test_what_differs_from_an_exact_answer_is_a_miss(changes, named):
    found = missed(judged(CIR_0, exact(**changes), blood, "quick"))
    assert len(found) == len(named) and all(row.startswith(start) for row, start in zip(found, named, strict=True))


def keeping(**shares):
    def measure(parameters, network, seed, device):
        name = {9.0: "rigid", 7.0: "soft"}.get(parameters["radius"], "size")
        share = shares.get(name, 0.0) + (0.05 if network % 2 else -0.05) * (name != "size")
        return dict.fromkeys(("at_rest", "way", "room", "near", "borne", "bottleneck"), 0.5) | {
            "retained": share, "transit": float("nan") if share >= 1 else 1.0, "long": 3.0}  # fmt: skip

    return measure


@pytest.mark.parametrize("shares, named", [
    ({"rigid": 0.9, "soft": 0.5}, []),
    ({"rigid": 1.05, "soft": 1.05},
     ["retained within 60 s, rigid", "retained within 60 s, soft", "retained, rigid less"]),
    ({"rigid": 0.9, "soft": 0.5, "size": 0.1}, ["retained, spheres thinner"]),
])  # fmt: skip
def test_first_pass_is_judged_by_both_cells_and_their_difference(shares, named):
    found, wanted = sorted(missed(judged(CIR_1, keeping(**shares), retained))), sorted(named)
    assert len(found) == len(wanted) and all(row.startswith(start) for row, start in zip(found, wanted, strict=True))
