"""Declarations of all; of ECM-1 to ECM-4 and REM-1 verifications, and how materials with known numbers are judged."""

import importlib
import inspect
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import physim
from physim.analysis import network as measure
from physim.experiments import EXPERIMENTS, SIZES, Size, ecm_shear
from physim.experiments.ecm import ECM_1, architecture, gel, network_of, pore_of_rods, straight_rods
from physim.experiments.ecm_plastic import ECM_4, half_time, plasticity
from physim.experiments.ecm_shear import _SMALL, CALIBRATED, ECM_2, ECM_3, MODULI, linear, ramp
from physim.experiments.ensemble import Ensemble, rows
from physim.experiments.rem import REM_1, contractility
from physim.experiments.run import run
from physim.generate.collagen import length_density

ALL = tuple(EXPERIMENTS.values())
LIMIT = 0.104
"""Strain scale of the fake gel: K = 1.5 G0 at 10 % strain."""


def judged(experiment, size: str | Size = "standard") -> dict[str, dict]:
    """Rows by name, of replicas that are computed here, without a file."""
    declared = experiment.sizes[size] if isinstance(size, str) else size
    replicas = [(job, experiment.replica(job.arm.parameters, job.network, job.seed, None)) for job in declared.jobs()]
    name = size if isinstance(size, str) else "standard"
    return {row["name"]: row for row in rows(experiment.observables(declared), Ensemble(replicas), name)}


def small(experiment, size: str = "standard", networks: int = 3) -> Size:
    """A size with few networks, in boxes of two fiber lengths."""
    arms = {name: replace(arm, parameters={**arm.parameters, "box": 0.67 * arm.parameters["box"]}, networks=None)
            for name, arm in experiment.sizes[size].arms.items() if not name.startswith("large")}  # fmt: skip
    return replace(experiment.sizes[size], arms=arms, networks=tuple(range(1, networks + 1)))


@pytest.mark.parametrize("experiment", ALL, ids=lambda e: e.id)
def test_declarations_hold_together(experiment):
    assert set(experiment.sizes) == set(SIZES)
    for name, size in experiment.sizes.items():
        json.dumps({arm: dict(of.parameters) for arm, of in size.arms.items()})
        names = [row.name for row in experiment.observables(size)]
        assert len(set(names)) == len(names), "a row's name says which it is"
        assert all(row.source for row in experiment.observables(size) if row.tolerance), "tolerances have a source"
        files = [job.file for job in size.jobs()]
        assert len(set(files)) == len(files) and all("/" not in file for file in files)
        assert len(size.networks) >= {"smoke": 1, "quick": 2, "standard": 8, "full": 8}[name]
        assert size.hours <= {"smoke": 5 / 3600, "quick": 4 / 60, "standard": 1, "full": 1000}[name]
        trends = [row for row in experiment.observables(size) if row.trend]
        assert name == "smoke" or trends, "quick is judged by a trend"


def test_smoke_verifies_the_density_and_the_pore_of_rods(tmp_path):
    result, _ = run(ECM_1, "smoke", out=tmp_path)
    verdicts = {row["name"]: row["verdict"] for row in result["observables"] if row["tier"] == "V"}
    assert len(verdicts) == 2 and set(verdicts.values()) == {"pass"}
    assert {row["verdict"] for row in result["observables"] if row["tier"] != "V"} == {"reported"}


def test_verification_finds_a_pore_that_is_measured_wrongly(monkeypatch):
    """A pore that is 5 % too wide, a gel that is 2 % too dense."""
    pore, density = measure.nearest_obstacle_pore, measure.length_density
    monkeypatch.setattr(measure, "nearest_obstacle_pore", lambda *a, **k: 1.05 * pore(*a, **k))
    monkeypatch.setattr(measure, "length_density", lambda network: 1.02 * density(network))
    assert [row["verdict"] for row in judged(ECM_1, "smoke").values() if row["tier"] == "V"] == ["miss", "miss"]


def test_pore_of_rods_is_that_of_lines_when_they_are_long():
    assert pore_of_rods(0.2, 1e9) == pytest.approx(0.2**-0.5, rel=1e-6)
    assert pore_of_rods(0.2, 20.0) < 0.2**-0.5


def test_hash_of_ecm_1_covers_all_code_that_computes_it():
    """Every function of physim that a replica runs is in a module, or is a function, that the experiment names."""
    package, ran = Path(physim.__file__).parent, set()

    def note(frame, event, argument):
        file = Path(frame.f_code.co_filename)
        if event == "call" and package in file.parents:
            ran.add((file, frame.f_code.co_name))

    for arm in ECM_1.sizes["smoke"].arms.values():
        sys.setprofile(note)
        try:
            architecture(arm.parameters, 1, 1)
        finally:
            sys.setprofile(None)
    modules = {Path(importlib.import_module(part).__file__) for part in ECM_1.code if isinstance(part, str)}
    functions = [part for part in (*ECM_1.code, ECM_1.replica) if not isinstance(part, str)]
    texts = "".join(inspect.getsource(part) for part in functions)
    missing = {(file.name, name) for file, name in ran if file not in modules and f"def {name}(" not in texts
               and not name.startswith("<")}  # fmt: skip
    assert not missing and len(ran) > 20


def test_network_is_that_of_its_parameters():
    made = network_of(gel(2.4, 0.2, 50.0), 3)
    assert made.bundle_diameter == 0.2 and made.box.size == pytest.approx(50.0)
    assert made.lengths.mean() < 1.2 * 0.5 * 2.117 * 2, "segments are at most half the crosslink spacing"
    assert (made.nodes == network_of(gel(2.4, 0.2, 50.0), 3).nodes).all()
    assert len(made.nodes) != len(network_of(gel(2.4, 0.2, 50.0), 4).nodes)


def strength(network) -> float:
    """Of a network beside others of its concentration, +-10 %."""
    return 1.0 + 0.1 * np.sin(1e3 * float(network.nodes[0, 0]))


def material(power: float = 1.74, stiffens: bool = True, collapses: bool = True, normal: float = -0.5):
    """A shear(...) of a gel with G0 ~ c^power and K = sqrt(G0^2 + (sigma / LIMIT)^2), linear if fibers cannot buckle.

    N1 = normal gamma sigma, and an odd part, of either sign, by the chance of a finite network.
    """

    def shear(network, strains, *, stretch_modulus, bend_modulus, crosslink_stiffness, crosslink_rigidity, device):
        from physim.analysis.network import length_density
        from physim.generate.collagen import concentration

        c, gamma = concentration(length_density(network), network.bundle_diameter), np.asarray(strains, float)
        modulus = 1e-3 * CALIBRATED[1] * (c / CALIBRATED[0]) ** power * strength(network)
        limit = LIMIT if collapses else LIMIT * (c / CALIBRATED[0]) ** -1.5
        soft = stiffens and bend_modulus == MODULI["bend_modulus"]
        stress = modulus * (limit * np.sinh(gamma / limit) if soft else gamma)
        odd = 0.05 * np.sign(strength(network) - 1) * modulus * gamma
        return {"strain": gamma, "stress": stress, "traction": stress, "normal_stress": normal * gamma * stress + odd,
                "iterations": np.full(len(gamma), 30)}  # fmt: skip

    return shear


@pytest.fixture
def rods(monkeypatch):
    """Networks of which `material` looks at the length density and one node: uncrosslinked rods will do."""

    def rods_of(parameters, seed):
        diameter = parameters["bundle_diameter"]
        density = length_density(parameters["concentration"], diameter)
        return replace(straight_rods(density, 30.0, 80.0, seed), bundle_diameter=diameter)

    monkeypatch.setattr(ecm_shear, "network_of", rods_of)


def with_material(experiment, measure, **law):
    shear = material(**law)
    return replace(experiment, replica=lambda *given: measure(*given, shear=shear))


def test_ecm_2_finds_slope_and_moduli_of_a_known_gel(rods):
    found = judged(with_material(ECM_2, linear), small(ECM_2))
    slope = found["slope of ln G0 against ln concentration"]
    assert slope["value"] == pytest.approx(1.74, abs=0.15) and slope["verdict"] == "pass"
    low, high = slope["interval"]
    assert low < 1.74 + 0.1 and high > 1.74 - 0.1 and high - low < 0.4
    assert found["G0 at 1.2 mg/ml"]["value"] == pytest.approx(80 * 0.8**1.74, rel=0.1)
    assert found["G0 at 1.2 mg/ml"]["verdict"] == "pass" and found["G0 at 1.5 mg/ml"]["target"] == 80.0
    axial, bending = (found[f"Young's modulus implied by {name}"] for name in ("EA", "EI"))
    assert axial["value"] == pytest.approx(1e-3 * 13_000 / (np.pi * 0.1**2))
    assert bending["value"] == pytest.approx(1e-3 * 59 / (np.pi * 0.1**4 / 4))


def test_ecm_2_misses_a_gel_that_is_linear_in_concentration(rods):
    found = judged(with_material(ECM_2, linear, power=1.0), small(ECM_2, "quick"))
    assert found["slope of ln G0 against ln concentration"]["verdict"] == "miss"


def test_ecm_3_passes_a_gel_whose_stress_sets_its_stiffness(rods):
    found = judged(with_material(ECM_3, ramp), small(ECM_3))
    assert [name for name, row in found.items() if row["verdict"] == "miss"] == []
    assert found["strain where K = 1.5 G0 at 1.2 mg/ml"]["value"] == pytest.approx(np.arccosh(1.5) * LIMIT, rel=0.02)
    assert found["d ln |N1|/d ln strain up to 5 % at 1.2 mg/ml"]["value"] == pytest.approx(2.0, abs=0.1)
    assert found["K at equal stress, highest over lowest of concentrations"]["value"] == pytest.approx(1.0, abs=0.2)
    control = found["K/G0 at 30 % strain, buckling off over on, 1.2 mg/ml"]
    assert control["value"] == pytest.approx(1 / np.cosh(0.3 / LIMIT), rel=0.05)


@pytest.mark.parametrize("law, missed", [
    ({"stiffens": False}, ["d ln K/d ln stress over a decade at 1.2 mg/ml", "strain where K = 1.5 G0 at 2.4 mg/ml",
                           "K/G0 at 30 % strain, buckling off over on, 1.2 mg/ml"]),
    ({"normal": 0.5}, ["N1/stress at 20 % strain at 1.2 mg/ml"]),
    ({"collapses": False}, ["K at equal stress, highest over lowest of concentrations"]),
])  # fmt: skip
def test_ecm_3_misses_other_materials(rods, law, missed):
    found = judged(with_material(ECM_3, ramp, **law), small(ECM_3, networks=2))
    assert [found[row]["verdict"] for row in missed] == ["miss"] * len(missed), [found[row] for row in missed]


def test_normal_stress_is_even_although_a_finite_network_is_not(rods):
    """The odd part, linear in strain, would give a slope of one; both signs of strain take it out."""
    values = ramp(ECM_3.sizes["smoke"].arms["gel-3.5"].parameters, 1, 1, None, shear=material())
    odd = np.interp(_SMALL, values["strain"], values["n1_kpa"]) - values["n1_even_kpa"]
    assert abs(odd).max() > abs(values["n1_even_kpa"]).min()
    assert (values["n1_even_kpa"] < 0).all()


def pulled(follows: float):
    """A cell whose force goes as concentration^follows; clamped, it follows the modulus."""

    def pull(parameters, network, seed, device):
        c, r = parameters["concentration"], np.geomspace(5, 70, 12)
        power = follows if parameters["clamp"] == "force" else 1.7
        force = 70 * c**power * (1 + 0.1 * np.sin(10.0 * network))
        decay = 1.2 if parameters["buckling"] else 2.0
        return {"contractility": force, "energy": force**2 / c**1.7, "polarity": 0.5, "laboratory_share": 1.0,
                "link_force": 1.5 * force, "net": 0.5 * force, "links": 14, "unbalanced": 1e-6,
                "distance": r, "displacement": 30 * r**-decay}  # fmt: skip

    return replace(REM_1, replica=lambda *given: contractility(*given, pull=pull))


def test_rem_1_passes_a_cell_that_controls_its_force_and_misses_one_that_does_not():
    found = judged(pulled(0.0))
    assert [name for name, row in found.items() if row["verdict"] == "miss"] == []
    assert found["the same slope of contractility under displacement clamp"]["value"] == pytest.approx(1.7)
    assert found["n in displacement ~ distance^-n at 1.2 mg/ml"]["value"] == pytest.approx(1.2)
    assert found["n without buckling over n with, 1.2 mg/ml"]["value"] == pytest.approx(2.0 / 1.2)
    found = judged(pulled(1.7))
    assert found["slope of ln contractility against ln concentration"]["verdict"] == "miss"


def kept(share, quickens: bool = True):
    """A gel that keeps share(hours) of its displacement; its stress decays at 1/1443 s, ten times faster when large."""

    def load(parameters, network, seed, device):
        if parameters.get("unloaded"):
            return {"free": 0.46, "expected": 0.45, "moved": 0.0}
        if parameters["load"] == "shear":
            minutes = np.arange(0.0, 61.0, 0.5)
            rate = 60 * np.log(2) / (100 if quickens and parameters["strain"] > 0.05 else 1000)
            return {"minutes": minutes, "stress_kpa": 0.01 * np.exp(-rate * minutes)}
        turns = parameters["turnover"] is not None
        left = share(parameters["hours"]) * (1 + 0.1 * np.sin(10.0 * network)) if turns else 1e-6
        profiles = {"distance": np.arange(3.0), "at_start": np.ones(3), "at_rest": np.full(3, left)}
        return {"residual": left, "held": 1.0, "order": 0.05, "order_left": 0.025 * left, "broken": 0.4, "free": 0.1,
                "unrest": 1e-4, **profiles}  # fmt: skip

    return replace(ECM_4, replica=lambda *given: plasticity(*given, load=load))


def test_ecm_4_passes_a_gel_that_keeps_more_of_a_longer_hold():
    found = judged(kept(lambda hours: 0.3 + 0.05 * hours))
    assert [name for name, row in found.items() if row["verdict"] == "miss"] == []
    assert found["residual over displacement, 6 h hold"]["value"] == pytest.approx(0.6, rel=0.1)
    assert found["smallest rise of the residual from one hold to the next"]["value"] == pytest.approx(0.025, rel=0.1)
    assert found["radial order left over that at the start, 6 h hold"]["value"] == pytest.approx(0.3, rel=0.1)
    assert found["time to half the stress at 1% shear"]["value"] == pytest.approx(1000, rel=0.01)
    assert found["time to half the stress, large over small strain"]["value"] == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("share, row", [
    (lambda hours: 0.5 - 0.02 * hours, "smallest rise of the residual from one hold to the next"),
    (lambda hours: 0.02 * hours, "residual over displacement, 3 h hold"),
    (lambda hours: 0.3 + 0.1 * hours, "residual over displacement, 6 h hold"),
])  # fmt: skip
def test_ecm_4_misses_other_gels(share, row):
    assert judged(kept(share))[row]["verdict"] == "miss"


def test_half_time_is_interpolated_and_absent_where_half_is_not_reached():
    assert half_time([0, 10, 20], [4.0, 3.0, 1.0]) == pytest.approx(15.0)
    assert np.isnan(half_time([0, 10], [4.0, 3.0]))


def test_what_can_be_run_is_complete():
    """An experiment is listed when all that it names is there; `cache.Fingerprints` reads every source."""
    from physim.experiments.cache import Fingerprints

    for experiment in EXPERIMENTS.values():
        assert len(Fingerprints(experiment).of(experiment.sizes["smoke"].jobs()[0])) == 64
