"""A tumor network with planted defects is cleaned back to the one that it was made from."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from reference.planted_network import as_vtp, planted

from physim.meshes.clean import Lines, clean
from physim.meshes.read import read_centerlines
from physim.meshes.surface import surface


def lines_of(network):
    return Lines(network.points, network.radius, network.first)


@cache
def given():
    return planted(seed=0)


def test_each_planted_defect_is_counted():
    made = given()
    _, report = clean(made.lines, components="all")
    counts = report.counts
    assert min(made.zero_radii, made.border_cuts, made.spurs, made.repeated, made.kinks) > 0
    assert counts["repeated points dropped"] == made.repeated
    assert counts["ends at the border of the image that took their neighbour's radius"] == made.border_cuts
    assert counts["spurs deleted"] == made.spurs
    assert counts["radii filled in"] == made.zero_radii
    kinks = int(re.search(r"(\d+) kinks over 78 degrees", report.text())[1])
    assert 0 < kinks <= made.kinks, "smoothing may round some"
    assert " 0 kinks" in clean(lines_of(made.sound), components="all")[1].text()


def test_cleaned_network_is_the_sound_one_again():
    """The same graph, with radii as before within what smoothing over 0.6 R changes."""
    made = given()
    network, _ = clean(made.lines, components="all")
    for what in ("branches", "components", "loops"):
        assert getattr(network, what) == getattr(made.sound, what), what
    assert sorted(network.degree) == sorted(made.sound.degree)
    assert network.lengths.sum() == pytest.approx(made.sound.lengths.sum(), rel=0.03)
    assert np.median(network.radius) == pytest.approx(np.median(made.sound.radius), rel=0.02)
    assert network.radius.min() > 0.95 * made.sound.radius.min()


def test_false_hub_of_a_file_joins_nothing(tmp_path):
    path = tmp_path / "planted.vtp"
    path.write_bytes(as_vtp(given().lines))
    network, _ = clean(read_centerlines(path), components="all")
    assert (network.branches, network.loops) == (given().sound.branches, given().sound.loops)
    assert network.degree.max() == 3


def test_cleaned_network_is_meshed_with_its_loops():
    network, _ = clean(given().lines)
    mesh = surface(network, 2.2).mesh
    assert mesh.is_volume and (mesh.body_count, mesh.euler_number) == (1, 2 - 2 * network.loops)
