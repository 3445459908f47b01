"""The command line from outside: exit codes, one line per problem on stderr, never a traceback."""

import os
import subprocess
import sys
import tomllib

import pytest


def physim(*arguments, cwd, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "physim", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=60, env=environment, **options,
    )  # fmt: skip


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
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    for command in ("list", "devices", "init", "validate", "explain", "run", "render", "bench"):
        assert f" {command} " in result.stdout


def test_list_names_and_introduces_every_scenario(tmp_path):
    result = physim("list", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for name in ("aggregate", "doublet", "physicell_ball"):
        assert f"{name}: " in result.stdout
    assert "cadherin" in result.stdout.lower()


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nix.toml"), ("nix.toml: no such file", "built-in scenarios:")),
        (("run", "."), ("is a folder; give the path of a file",)),
        (("validate", "doublet", "--set", "cells.0.count=many"), ("cells.0.count", '"many"', "whole number")),
        (("run", "doublet", "--seed", "-3"), ("run.seed: -3 must be >= 0",)),
        (("run", "doublet", "--hours", "nan"), ("run.duration", "no number with a unit")),
        (("run", "doublet", "--hours", "0"), ("run.duration", "must be > 0 min")),
        (("explain", "doublet", "--set", "nonsense"), ("nonsense", "is no assignment")),
        (("run", "doublet", "--set", "title=\udcff"), ("title", "no valid Unicode text")),
        (("render", "nowhere"), ("nowhere: is no folder; give the folder that 'physim run' printed",)),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode(),
)
def test_wrong_input_ends_with_code_2_and_a_line(arguments, said, tmp_path):
    refused(physim(*arguments, cwd=tmp_path), *said)


def test_a_wrong_option_is_a_usage_error(tmp_path):
    for arguments in (
        ("run",),
        ("run", "doublet", "--sed", "1"),
        ("rnu",),
        ("run", "doublet", "--seed", "one"),
    ):
        result = physim(*arguments, cwd=tmp_path)
        assert result.returncode == 2 and "Traceback" not in result.stderr and "Usage" in result.stderr


def test_junk_files_are_refused(tmp_path):
    for number, junk in enumerate([b"", b"\x00\xff\x1b[31m", b"\x89PNG\r\n", b"[[[[", b"a=" + b"[" * 20_000]):
        path = tmp_path / f"{number}.toml"
        path.write_bytes(junk)
        refused(physim("validate", path.name, cwd=tmp_path), f"{number}.toml")


def test_interrupting_is_one_line_and_code_130(tmp_path):
    script = (
        "from physim import cli, tables\n"
        "def interrupted(*arguments):\n    raise KeyboardInterrupt\n"
        "tables.read_text = interrupted\n"
        "import sys\nsys.argv = ['physim', 'run', 'any.toml']\n"
        "cli.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_a_closed_pipe_is_quiet(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "physim", "list"],
            cwd=tmp_path, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, env=environment,
        )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
