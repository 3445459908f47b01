"""Runs on a disk that is too small, at 20 sizes: one line, whole frames, and a run that goes on when there is room."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from physim.cell_table import read
from physim.vtk_files import read as read_vtp

pytestmark = pytest.mark.faults

RUN = ("run doublet --set run.duration=40min --set record.interval=1min --set terms.noise.diffusion=0.5 --out disk/r "
       "--no-preview --force")  # fmt: skip
SCRIPT = """
mkdir -p disk && mount -t tmpfs -o size={size}k none disk || exit 99
{python} -m physim {run} --device "{device}" > said 2> errors
echo $? > code
rm -rf seen && cp -r disk seen
mount -o remount,size=64m disk
if [ -f disk/r/run.json ]; then {python} -m physim resume disk/r --no-preview --device "{device}" > said2 2> errors2
else rm -rf disk/r && {python} -m physim {run} --device "{device}" > said2 2> errors2; fi
echo $? > code2
rm -rf done && cp -r disk/r done
"""


def on_a_small_disk(folder: Path, device: str, size: int) -> None:
    """The run on a tmpfs of so many kB, what it left in `seen`; with room, what it then left in `done`."""
    program = SCRIPT.format(size=size, python=sys.executable, run=RUN, device=device)
    environment = os.environ | {"PHYSIM_CHECKPOINT_SECONDS": "0"}
    done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", program], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr


def recorded(folder: Path) -> dict[str, bytes]:
    names = ["run.pvd", "scenario.toml", "cells.parquet", "null.parquet"]
    files = {name: (folder / name).read_bytes() for name in names}
    state = json.loads((folder / "run.json").read_text())["state_sha256"]
    return files | {p.name: p.read_bytes() for p in (folder / "frames").iterdir()} | {"state": state.encode()}


@pytest.fixture(scope="module")
def roomy(device_label, tmp_path_factory) -> tuple[dict[str, bytes], int]:
    """The files of the run where there is room, and their kB on a tmpfs (pages of 4 kB)."""
    folder = tmp_path_factory.mktemp("roomy")
    on_a_small_disk(folder, device_label, 65_536)
    assert (folder / "code").read_text() == "0\n", (folder / "errors").read_text()
    sizes = [-(-path.stat().st_size // 4096) * 4 for path in (folder / "seen").rglob("*") if path.is_file()]
    return recorded(folder / "seen" / "r"), sum(sizes)


@pytest.mark.parametrize("share", [round(0.05 * k, 2) for k in range(1, 21)])
def test_full_disk_at_any_size(roomy, device_label, share, tmp_path) -> None:
    whole, needed = roomy
    on_a_small_disk(tmp_path, device_label, max(8, round(share * needed)))
    code, errors = int((tmp_path / "code").read_text()), (tmp_path / "errors").read_text()
    assert code in (0, 2, 3) and (share > 0.9 or code), (tmp_path / "said").read_text()
    if code:
        (line,) = errors.splitlines()
        assert re.match(r"error: .*(cannot be (written|made)|No space left)", line), line
    seen = tmp_path / "seen" / "r"
    if (seen / "run.pvd").exists():
        listed = [seen / e.get("file", "") for e in ElementTree.parse(seen / "run.pvd").getroot().iter("DataSet")]
        assert all(len(read_vtp(path)[0]["Points"]) == 2 for path in listed if path.name.startswith("cells"))
        assert len(read(seen)) == 2 * sum(path.name.startswith("cells") for path in listed)
    assert not [path for path in seen.rglob("*") if path.name.endswith(".tmp")]
    assert (tmp_path / "code2").read_text() == "0\n", (tmp_path / "errors2").read_text()
    assert recorded(tmp_path / "done") == whole
    shutil.rmtree(tmp_path / "seen")
