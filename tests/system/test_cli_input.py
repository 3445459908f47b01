"""The command line from outside: exit codes, one line per problem on stderr. Wrong input: `test_hostile_input`."""

import json
import os
import tomllib

from reference.commands import physim, python


def refused(result, *said):
    """Exit code 2, every line an error, no traceback, and one line that says all of `said`."""
    assert result.returncode == 2, (result.stdout, result.stderr)
    lines = result.stderr.splitlines()
    assert lines and all(line.startswith("error: ") for line in lines), result.stderr
    assert result.stdout == ""
    assert any(all(part in line for part in said) for line in lines), result.stderr


def test_help_imports_nothing_heavy(tmp_path):
    script = (
        "import sys\n"
        "from physim import cli\n"
        "sys.argv = ['physim', '--help']\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'numpy', 'scipy', 'pyopencl', 'vtk', 'pydantic', 'matplotlib', 'pyarrow', 'trimesh'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)\n"
    )
    result = python("-c", script, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for command in ("list", "devices", "init", "schema", "validate", "explain", "run", "render", "experiment",
                    "tracks", "mesh", "bench"):  # fmt: skip
        assert f" {command} " in result.stdout


def test_list_names_and_introduces_every_scenario(tmp_path):
    result = physim("list", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for name in ("aggregate", "doublet", "physicell_ball"):
        assert f"{name}: " in result.stdout
    assert "cadherin" in result.stdout.lower()


def test_schema_is_printed_or_written_and_takes_the_built_in_scenarios(tmp_path):
    printed = physim("schema", cwd=tmp_path)
    assert printed.returncode == 0 and printed.stderr == ""
    written = physim("schema", "--out", "s.json", cwd=tmp_path)
    assert "#:schema ./s.json" in written.stdout and (tmp_path / "s.json").read_text() == printed.stdout
    assert json.loads(printed.stdout)["properties"]["terms"]["properties"]["contact"]


def test_init_writes_a_commented_copy_and_never_overwrites(tmp_path):
    first = physim("init", "doublet", "mine.toml", cwd=tmp_path)
    assert first.returncode == 0 and "physim run mine.toml" in first.stdout
    text = (tmp_path / "mine.toml").read_text()
    assert "#" in text and tomllib.loads(text)["cells"]
    (tmp_path / "mine.toml").write_text("mine")
    refused(physim("init", "doublet", "mine.toml", cwd=tmp_path), "mine.toml: exists and is not overwritten")
    assert (tmp_path / "mine.toml").read_text() == "mine"
    refused(
        physim("init", "doublt", cwd=tmp_path), "'doublt' is no built-in scenario; did you mean 'doublet'?"
    )
    refused(physim("init", "doublet", "no/folder.toml", cwd=tmp_path), "no/folder.toml: cannot be written")


def test_validate_reports_every_problem_of_a_file(tmp_path):
    (tmp_path / "bad.toml").write_text(
        'title = "t"\n[run]\nduration = "2 h"\nstep = "0.1 mg"\n[box]\nsize = "300 um"\n'
        '[[cells]]\ncount = 5\nraduis = 4\n[terms.contcat]\n'
    )  # fmt: skip
    result = physim("validate", "bad.toml", cwd=tmp_path)
    refused(result, "cells.0.raduis: unknown key; did you mean 'radius'?")
    refused(result, "run.step: \"0.1 mg\" has 'mg' where min is expected")
    refused(result, "terms.contcat: unknown term; did you mean 'contact'?")
    assert len(result.stderr.splitlines()) == 3


def test_validate_counts_one_cell_as_one(tmp_path):
    (tmp_path / "one.toml").write_text('title = "t"\n[run]\nduration = "2 h"\n[box]\nsize = 90\n[[cells]]\ncount = 1\n')
    result = physim("validate", "one.toml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "  1 cell, 1,200 steps of 0.1 min, " in result.stdout


def test_interrupting_is_one_line_and_code_130(tmp_path):
    script = (
        "from physim import cli, tables\n"
        "def interrupted(*arguments):\n    raise KeyboardInterrupt\n"
        "tables.read_text = interrupted\n"
        "import sys\nsys.argv = ['physim', 'run', 'any.toml']\n"
        "cli.main()\n"
    )
    result = python("-c", script, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_a_closed_pipe_is_quiet(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        result = python("-m", "physim", "list", cwd=tmp_path, stdout=closed)
    assert (result.returncode, result.stderr) == (0, "")
