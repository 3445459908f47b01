"""Numbers of stress-strain curves, against curves whose numbers are known."""

import math

import numpy as np
import pytest

from physim.analysis import stiffening
from physim.experiments.rem import decay_exponent

STRAIN = np.array([0.0025, 0.005, *np.arange(0.01, 0.601, 0.005)])
G0, LIMIT = 0.08, 0.0083
"""kPa: modulus, and the stress above which it is stress that sets it."""
GEL = LIMIT * np.sinh(STRAIN * G0 / LIMIT)
"""K = sqrt(G0^2 + (sigma G0 / LIMIT)^2)"""


def test_moduli_of_a_cubic_curve():
    gamma, sigma, modulus = stiffening.differential_modulus(STRAIN, 3 * STRAIN + STRAIN**3)
    assert gamma[0] == STRAIN[0] / 2 and len(gamma) == len(STRAIN)
    assert modulus == pytest.approx(3 + 3 * gamma**2, abs=2e-5)
    assert sigma == pytest.approx(3 * gamma, rel=0.13)
    assert stiffening.linear_modulus(STRAIN, 3 * STRAIN + STRAIN**3) == pytest.approx(3, rel=1e-5)
    assert stiffening.modulus_at_strain(STRAIN, 3 * STRAIN + STRAIN**3, 0.3) == pytest.approx(3.27, rel=1e-4)
    assert math.isnan(stiffening.modulus_at_strain(STRAIN, STRAIN, 0.7))


def test_zero_strain_may_be_given_or_not():
    with_zero = np.concatenate([[0.0], STRAIN]), np.concatenate([[0.0], GEL])
    assert stiffening.onset(*with_zero) == stiffening.onset(STRAIN, GEL)


def test_onset_is_where_the_modulus_passes_one_and_a_half():
    """cosh(gamma G0/LIMIT) = 1.5"""
    assert stiffening.onset(STRAIN, GEL) == pytest.approx(math.acosh(1.5) * LIMIT / G0, rel=2e-3)
    assert math.isnan(stiffening.onset(STRAIN, STRAIN)), "a linear material has none"
    assert math.isnan(stiffening.onset(STRAIN, np.tanh(STRAIN))), "nor one that softens"


def test_exponent_over_a_decade():
    assert stiffening.stiffening_exponent(STRAIN, GEL) == pytest.approx(1.0, abs=0.01)
    assert stiffening.stiffening_exponent(STRAIN, STRAIN) == pytest.approx(0.0, abs=1e-9)
    power = stiffening.stiffening_exponent(STRAIN, STRAIN**3)  # K ~ sigma^(2/3)
    assert power == pytest.approx(2 / 3, abs=0.03)
    short = STRAIN > 0.1
    assert math.isnan(stiffening.stiffening_exponent([0, *STRAIN[short][:3]], [0, 1.0, 1.1, 1.2])), "no decade"


def test_critical_strain_is_where_the_modulus_climbs_most():
    """K = 1 + 50 / (1 + exp(-(ln gamma - ln 0.2)/0.05)): a step in ln gamma at 0.2, a little later in ln K."""
    fine = np.linspace(0.001, 0.6, 1200)
    modulus = 1 + 50 / (1 + np.exp(-(np.log(fine) - math.log(0.2)) / 0.05))
    steps = modulus * np.gradient(fine)
    assert 0.13 < stiffening.critical_strain(fine, np.cumsum(steps)) < 0.2
    assert math.isnan(stiffening.critical_strain(STRAIN, STRAIN))


def test_modulus_at_stress():
    for at in (0.001, 0.01, 0.1):
        expected = math.sqrt(G0**2 + (at * G0 / LIMIT) ** 2)
        assert stiffening.modulus_at_stress(STRAIN, GEL, at) == pytest.approx(expected, rel=0.01)
    assert math.isnan(stiffening.modulus_at_stress(STRAIN, GEL, 100.0))


def test_decay_exponent_sees_its_shells_only():
    r = np.array([2.0, 5.0, 15.0, 30.0, 45.0, 70.0])
    u = np.where((r < 15) | (r > 45), 9.0, 40.0 * r**-1.3)
    assert decay_exponent(r, u) == pytest.approx(1.3, rel=1e-9)
    assert math.isnan(decay_exponent(r[:3], u[:3])), "one shell is no slope"
