"""What the documentation shows does what it says: the code on its pages is run."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import physim

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "own_term"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_python_page_runs(device_label, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    code, many = blocks("python.md", "python")
    names: dict = {}
    exec(code, names)
    few: dict = {}
    exec(many.replace("33)", "3)").replace("step(50)", "step(2)"), few)
    one, other = (sim.cells["position"] for sim in few["batch"])
    assert few["batch"].step_count == 2 and one.shape == (1, 3) and not np.array_equal(one, other), "two seeds"
    said = capsys.readouterr().out
    assert "10 min, " in said and "50 min, " in said and "junctions a cell" in said
    assert names["sim"].time == 50 and names["frozen"].time == 60
    assert (names["folder"] / "summary.txt").exists()
    moved = [branch.cells["velocity"] for branch in (names["sim"], names["frozen"])]
    assert abs(moved[1]).mean() < 0.5 * abs(moved[0]).mean(), "without crawling, cells come to rest"


def test_results_page_measures_a_network(device_label, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    (code,) = [block for block in blocks("results.md", "python") if "strain_energy" in block]
    exec(code, {})
    said = capsys.readouterr().out
    assert "Energy(stretch=" in said and "RadialField(edges=" in said and "Contraction(contractility=" in said


def test_results_page_measures_what_was_cut(device_label, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    (code,) = [block for block in blocks("results.md", "python") if "matrix_balance" in block]
    names: dict = {}
    exec(code, names)
    whole, left = re.search(r"([\d.]+) um of fiber along the path, ([\d.]+) are left", capsys.readouterr().out).groups()
    assert float(left) < float(whole) and names["balance"].taken > 0


def test_results_page_measures_tracks(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = [block for block in blocks("results.md", "python") if "read_tracks" in block]
    names: dict = {}
    exec(code, names)
    assert "tracks: 30 tracks in 2D, a position every 5 min, for 8 h" in capsys.readouterr().out
    assert names["found"].walk.speed.value == pytest.approx(12, rel=0.05)
    assert {p.name for p in tmp_path.glob("*.png")} == {"trajectories.png", "msd.png", "speeds.png"}


def test_results_page_counts_what_was_shed(device_label, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    (code,) = [block for block in blocks("results.md", "python") if "integrin_balance" in block]
    names: dict = {}
    exec(code, names)
    assert names["count"].shed > 0 and f"{names['count'].shed} still there" in capsys.readouterr().out


def test_cues_page_turns_cells(device_label, tmp_path) -> None:
    (text,) = blocks("cues.md", "toml")
    (tmp_path / "cues.toml").write_text(text)
    scenario = physim.load(tmp_path / "cues.toml")
    assert scenario.null_arm().terms["contact_guidance"].weight == 0
    sim = physim.Simulation(scenario, device=device_label)
    sim.step(20)
    gradient = sim.read("attractant")[:, :3]
    assert (gradient[:, 0] > 3 * abs(gradient[:, 1:]).max(axis=1)).all(), "towards the source"


def test_vessels_page_meshes_a_fork_and_follows_its_blood(device_label, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    meshes, blood = (block for block in blocks("vessels.md", "python") if "physim.walls" not in block)
    names: dict = {}
    exec(meshes, names)
    assert "kept: 3 branches, 1 components, 3 free ends" in capsys.readouterr().out
    assert names["found"].mesh.is_volume and names["network"].loops == 0
    exec(blood, names)
    leaving = np.maximum(names["inside"].port_flow, 0)
    shares = np.bincount(names["found"].port, minlength=3) / 1000
    np.testing.assert_allclose(shares, leaving / leaving.sum(), atol=0.03)


def test_vessels_page_asks_for_the_wall(device_label, monkeypatch) -> None:
    """In the middle of a vessel of 8 um, 2 um from its wall (but for facets), and far away."""
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    (code,) = [block for block in blocks("vessels.md", "python") if "physim.walls" in block]
    names: dict = {}
    exec(code, names)
    assert names["distance"][:2] == pytest.approx([-8, -2], abs=0.1) and 2 <= names["distance"][2] <= 132
    assert np.linalg.norm(names["nearest"][1] - [66, 0, 0]) == pytest.approx(-names["distance"][1], abs=1e-5)
    assert list(names["triangle"] < 0) == [False, False, True]


def test_readme_example_runs(device_label, tmp_path, monkeypatch, capsys) -> None:
    """In a smaller box than on the page: what takes time is to move its gel."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS.parent / "README.md").read_text(), re.DOTALL)
    assert '"box.size=80 um"' in code
    names: dict = {}
    exec(code.replace("box.size=80 um", "box.size=60 um"), names)
    said = capsys.readouterr().out
    assert "10.0 min, " in said and "30.0 min, " in said and " um\n" in said
    assert (names["folder"] / "summary.txt").exists()


def test_new_term_page_shows_the_example(device_label, tmp_path, monkeypatch) -> None:
    """Its blocks are the example's files, and its test passes in a copy of that folder."""
    declaration, test = blocks("new_term.md", "python")
    assert (EXAMPLE / "tether.py").read_text().split('"""\n\n', 1)[1] == declaration
    assert [(EXAMPLE / "tether.cl").read_text()] == blocks("new_term.md", "c")
    monkeypatch.chdir(shutil.copytree(EXAMPLE, tmp_path / "own"))
    monkeypatch.setenv("PHYSIM_DEVICE", device_label)
    names: dict = {}
    exec(test, names)
    names["test_tether_relaxes_as_implicit_euler_does"]()


def test_experiments_page_runs(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("experiments.md", "python")
    (tmp_path / "mine.py").write_text(code)  # a replica's source is part of its hash, so it must be in a file
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = importlib.import_module("mine")
    said = capsys.readouterr().out
    assert "order of the aligned gel: 0." in said
    assert mine.result["observables"][0]["value"] == pytest.approx(0.6, abs=0.03)
    assert [row["verdict"] for row in mine.result["observables"]] == ["pass", "reported"]
    assert mine.result["observables"][1]["value"] == pytest.approx(1.0, abs=0.1)
    assert len(list((tmp_path / "my-validation" / "MINE-1" / "standard").glob("*.json"))) == 8


def test_pages_name_files_and_pages_that_exist() -> None:
    for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        text = page.read_text()
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"`((?:physim|kernels|tests|viz)/[\w/]+\.\w+)`", text):
            assert (DOCS.parent / name).exists(), f"{page.name}: {name}"


def test_public_names_are_there() -> None:
    for name in physim.__all__:
        assert getattr(physim, name).__module__.startswith("physim.") or name == "load"
