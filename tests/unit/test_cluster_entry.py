"""CIR-3: how a cluster in a constriction is measured, and how clusters with known numbers are judged."""

import numpy as np
import pytest

from physim.analysis.constrictions import Sample, extent, in_file, last_bonds, pieces
from physim.experiments.cir_clusters import CIR_3, clusters
from physim.experiments.ensemble import Ensemble, rows


def sample(spans, bonds=()):
    """Cells along x between places (um), of radius 3."""
    ends = np.zeros((len(spans), 2, 3))
    ends[:, :, 0] = spans
    return Sample(0.0, ends, np.full((len(spans), 2), 3.0), np.array(bonds, np.int64).reshape(-1, 2))


@pytest.mark.parametrize("spans, said", [
    ([[5.0, 15], [21, 30]], True), ([[5, 15], [8, 18]], False), ([[5, 15], [13, 23]], True),
    ([[15, 5], [23, 13]], True), ([[5, 15], [-30, -20]], None), ([[5, 15], [-8, 2]], True),
    ([[2, 38], [10, 12]], False), ([[60, 70], [41, 45]], None),
])  # fmt: skip
def test_cells_are_in_file_unless_one_lies_beside_another(spans, said):
    assert in_file(sample(spans), 40.0) is said


def test_pieces_are_what_bonds_join_and_the_extent_is_a_radius_of_gyration():
    found = pieces(sample([[0, 0]] * 5, [[0, 3], [3, 4]]))
    assert found[0] == found[3] == found[4] and len(set(found)) == 3
    assert extent(sample([[0.0, 0], [10, 10]])) == pytest.approx(5.0)
    assert extent(sample([[0.0, 10], [10, 0]])) == pytest.approx(0.0)


def test_a_cell_that_leaves_the_vessel_keeps_the_bonds_that_it_had_and_no_others():
    gone, later = np.array([True, False, False, False]), np.array([True, True, False, False])
    before = sample([[0, 0]] * 4, [[0, 1], [1, 2]])
    assert last_bonds(before, gone, later).tolist() == [[0, 1], [1, 2]]
    assert last_bonds(before, gone, gone).tolist() == []
    assert last_bonds(sample([[0, 0]] * 4, [[2, 3]]), gone, later).tolist() == []


def unfolding(**changes):
    """A measure of clusters as published: all pass but through 4 um, in file, in 8 s per cell; weak ones break."""
    law = {"power": 1.0, "whole": 1.0, "file": 1.0, "alone": 0.0, "narrow": 0.0, "weak": 0.6} | changes

    def measure(parameters, network, seed, device):
        weak = parameters["terms"]["bond"]["release_force"] < 10
        whole = law["narrow"] if parameters["diameter"] == 4 else law["whole"]
        time = 8 * parameters["cells"] ** law["power"] * (1 + 0.02 * network) if whole else np.nan
        return {"passed": whole, "whole": whole, "time": time, "file": law["file"] if whole else np.nan,
                "alone": law["weak"] if weak else law["alone"], "chain": 3.0, "end": 1.5, "wide": 0.8}  # fmt: skip

    return measure


def judged(measure, size="quick"):
    declared = CIR_3.sizes[size]
    found = [(job, clusters(job.arm.parameters, job.network, job.seed, None, measure)) for job in declared.jobs()]
    return {row["name"]: row for row in rows(CIR_3.observables(declared), Ensemble(found), size)}


def missed(found):
    return [name for name, row in found.items() if row["verdict"] == "miss"]


@pytest.mark.parametrize("size", ["quick", "standard"])
def test_published_clusters_pass(size):
    found = judged(unfolding(), size)
    assert missed(found) == []
    assert found["exponent of the time from the entry by cells, 7 um"]["value"] == pytest.approx(1.0)


@pytest.mark.parametrize("change, row", [
    ({"power": 1.6}, "exponent of the time from the entry by cells, 7 um"),
    ({"file": 0.5}, "samples in single file, 5 to 10 um"),
    ({"alone": 0.2}, "cells that leave their cluster, 5 to 10 um"),
    ({"narrow": 1.0}, "clusters that 4 um stops"),
    ({"weak": 0.0}, "cells that leave, junctions x 0.1, above the reference, 7-4"),
])  # fmt: skip
def test_other_clusters_miss(change, row):
    assert row in missed(judged(unfolding(**change)))


def test_clusters_that_do_not_pass_are_missed():
    found = judged(unfolding(whole=0.0))
    assert "clusters that pass 5, 7 and 10 um" in missed(found)
