"""The example of docs/scenario.md: fibers from a CSV, from the files as printed there to the summary of a run."""

import json
import re
from pathlib import Path

import pytest
from reference.commands import inside, physim

PAGE = Path(__file__).parents[2] / "docs" / "scenario.md"


@pytest.fixture
def folder(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (scenario,) = [block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "fibers.csv" in block]
    (tmp_path / "fibers.csv").write_text(table)
    (tmp_path / "traced.toml").write_text(scenario)
    return tmp_path


def test_the_printed_example_validates_and_runs(folder, device_label, monkeypatch):
    monkeypatch.chdir(folder)
    said = inside("validate", "traced.toml")
    assert said.returncode == 0, said.stderr
    counts = "3 fibers read, 3 in the box with 96.4% of the length (1 cut at a face, 0 outside and left out)"
    assert f"collagen: {counts}" in said.stdout
    assert "2 crosslinks; 2 fibers held at fewer than two places" in said.stdout
    done = physim("run", "traced.toml", "--out", "run", "--no-preview", "--device", device_label, cwd=folder,
                  timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = (folder / "run" / "summary.txt").read_text()
    assert "collagen        fibers.csv: 3 fibers" in summary and counts in summary
    assert "collagen.concentration" not in summary
    assert json.loads((folder / "run" / "run.json").read_text())["status"] == "complete"
    again = inside("validate", "run/scenario.toml")
    assert again.returncode == 0 and counts in again.stdout, again.stderr
