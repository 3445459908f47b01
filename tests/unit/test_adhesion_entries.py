"""MIG-1 and MIG-2: how cells with a known optimum of adhesion, and gels that help or hinder, are judged."""

from __future__ import annotations

import numpy as np
import pytest
from reference.verdicts import judged, missed, varied

from physim.experiments import ensemble
from physim.experiments.mig_adhesion import LIGAND, MIG_1, peak
from physim.experiments.mig_speed import tracked
from physim.experiments.mig_stiffness import MIG_2, stiffened


def sticking(best: float = 0.54, width: float = 1.2, receptors: float = 1.0, top: float = 0.0, rises: bool = False):
    """Cells fastest at `best` bonds: integrins to the power `receptors`, times ligand; and by `top` per ln integrin."""

    def measure(parameters, network, seed, device):
        level = parameters["cell"]["integrin"]
        bonds = np.log(level**receptors * parameters["terms"]["links"]["ligand"] / best)
        speed = 20 * varied(network) * (1 + top * np.log(level)) * np.exp(-0.5 * (bonds / width) ** 2)
        if rises:
            speed = 20 * varied(network) * (1 + 0.3 * bonds / 8)
        return {"speed": np.full(4, speed), "force": 40.0 * (1 - np.exp(-np.exp(bonds)))}

    return measure


def test_the_peak_of_a_parabola() -> None:
    ligand = np.array(LIGAND)
    best, speed = peak(ligand, 10 - 2 * np.log(ligand / 0.8) ** 2)
    assert best == pytest.approx(0.8, rel=1e-6) and speed == pytest.approx(10)
    assert peak(ligand, ligand) == (ligand[-1], ligand[-1]), "no interior optimum"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(ensemble, "RESAMPLES", 100)


def test_mig_1_passes_cells_whose_bonds_count() -> None:
    found = judged(MIG_1, sticking(), tracked)
    assert missed(found) == []
    assert found["optimum L*, normal"]["value"] == pytest.approx(0.54, rel=0.01)
    assert found["optimum L*, many"]["value"] == pytest.approx(0.18, rel=0.01)
    assert found["R^2 of all speeds against N L"]["value"] > 0.99
    assert missed(judged(MIG_1, sticking(), tracked, "quick")) == []


@pytest.mark.parametrize("change, row", [
    ({"rises": True}, "speed at the optimum over that at the most ligand"),
    ({"width": 4.0}, "speed at the optimum over that at the least ligand"),
    ({"receptors": 0.3}, "slope of ln L* against ln N"),
    ({"receptors": 0.0}, "R^2 of all speeds against N L"),
    ({"top": 0.3}, "greatest speed with many receptors over that with normal ones"),
])  # fmt: skip
def test_mig_1_misses_other_cells(change, row) -> None:
    assert missed(judged(MIG_1, sticking(**change), tracked, only=row)) == [row]


def gels(wide: float, narrow: float):
    """Gels in which stiffness multiplies how far cells get."""

    def measure(parameters, network, seed, device):
        stiff = parameters["network"]["crosslink_stiffness"] > 60
        factor = (wide if parameters["concentration"] < 4 else narrow) if stiff else 1.0
        return {"net": np.full(3, 30 * varied(network) * factor), "speed": np.full(3, 12.0), "force": 30.0, "pore": 9.0}

    return measure


def test_mig_2_judges_the_signs() -> None:
    assert missed(judged(MIG_2, gels(1.3, 0.7), stiffened)) == []
    assert missed(judged(MIG_2, gels(0.9, 0.7), stiffened)) == ["ln of net displacement, stiff over soft, wide pores"]
    assert missed(judged(MIG_2, gels(1.3, 1.1), stiffened)) == ["ln of net displacement, stiff over soft, narrow pores"]
