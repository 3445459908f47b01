"""Checkpoint files: whole or refused, in one line, whatever was done to them."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import h5py
import numpy as np
import pytest
from reference import scenes

from physim import checkpoint
from physim.errors import InputError
from physim.simulation import Simulation
from physim.state import ARRAYS


@pytest.fixture(scope="module")
def whole(device_label, tmp_path_factory) -> bytes:
    """A checkpoint of three cells with links in a small gel."""
    from physim.scenario import Scenario

    table = scenes.table({"contact": {}, "links": {}, "junction": {}}, 60.0, collagen=True)
    cells = scenes.cells([[25, 30, 30], [35, 30, 30], [30, 38, 30]])
    fibers = scenes.network([[20, 20, 20], [30, 5, 30]], [[22, 20, 20], [30, 7, 30]], 60.0)
    sim = Simulation(Scenario.from_table(table), device=device_label, cells=cells, network=fibers)
    sim.step(3)
    path = tmp_path_factory.mktemp("whole") / "step.h5"
    checkpoint.write(path, sim.save(), {"frames": 2})
    saved, notes = checkpoint.read(path)
    assert notes == {"frames": 2} and saved.step == 3
    assert set(saved.arrays) == {name for name in sim.arrays if ARRAYS[name].persists}
    return path.read_bytes()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        checkpoint.read(path)
    (line,) = caught.value.problems
    assert str(path) in line and ";" in line and caught.value.exit_code == 2
    return line


def sealed(body: bytes) -> bytes:
    """Any HDF5 content under a header that fits."""
    header = f"physim checkpoint 1\nbytes {len(body)}\nsha256 {hashlib.sha256(body).hexdigest()}\n"
    return header.encode().ljust(512, b"\n") + body


def edited(whole: bytes, edit) -> bytes:
    body = io.BytesIO(whole[512:])
    with h5py.File(body, "r+") as file:
        edit(file)
    return sealed(body.getvalue())


def test_cut_files_are_refused(whole, tmp_path) -> None:
    for size in (0, 1, 100, 511, 512, 513, len(whole) // 2, len(whole) - 1):
        said = refused(tmp_path / "c.h5", whole[:size])
        assert ("it was cut" in said) == (size >= 110), (size, said)
    assert "bytes, it was cut" in refused(tmp_path / "c.h5", whole + b"x")


def test_every_flipped_bit_is_refused_or_harmless(whole, tmp_path) -> None:
    """300 bits anywhere in the content, and all of the header that says something."""
    flip = random.Random(1)
    said = whole.index(b"\n\n")
    places = [flip.randrange(8 * 512, 8 * len(whole)) for _ in range(300)] + list(range(8 * said))
    for bit in places:
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        refused(tmp_path / "c.h5", bytes(content))


def test_content_that_is_no_state_is_refused(whole, tmp_path) -> None:
    assert "is no checkpoint of physim" in refused(tmp_path / "c.h5", b"\x89HDF\r\n\x1a\n" + bytes(2000))
    newer = whole.replace(b"point 1", b"point 2", 1)
    assert "format 2 is not known; update physim" in refused(tmp_path / "c.h5", newer)
    assert "is no checkpoint that this version can read" in refused(tmp_path / "c.h5", sealed(b"junk" * 1000))
    for name in ("world", "status", "state", "fibers/nodes"):
        refused(tmp_path / "c.h5", edited(whole, lambda file, name=name: file.pop(name)))


def test_links_and_storage_elsewhere_are_refused(whole, tmp_path) -> None:
    """What HDF5 would follow into other files, or blow up out of nothing."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["id"] = np.arange(3)

    def external_link(file) -> None:
        del file["state/id"]
        file["state/id"] = h5py.ExternalLink(str(secret), "id")

    def soft_link(file) -> None:
        del file["state/id"]
        file["state/id"] = h5py.SoftLink("/state/type")

    def external_storage(file) -> None:
        del file["state/id"]
        file.create_dataset("state/id", (3,), "u4", external=[(str(tmp_path / "raw"), 0, 12)])

    def virtual(file) -> None:
        del file["state/id"]
        layout = h5py.VirtualLayout((3,), "u4")
        layout[:] = h5py.VirtualSource(str(secret), "id", (3,))
        file.create_virtual_dataset("state/id", layout)

    def bomb(file) -> None:
        del file["state/id"]
        file.create_dataset("state/id", (10**12,), "u4", chunks=(1024,), compression="gzip")

    def never_written(file) -> None:
        del file["state/id"]
        file.create_dataset("state/id", (10**12,), "u4")

    def text(file) -> None:
        del file["state/id"]
        file["state/id"] = ["a", "b"]

    def unknown(file) -> None:
        file["state/pores"] = np.zeros(3)

    for edit in (external_link, soft_link, external_storage, virtual, bomb, never_written, text, unknown):
        said = refused(tmp_path / "c.h5", edited(whole, edit))
        assert "'id'" in said or "'pores'" in said, said


def test_wrong_sizes_are_refused(whole, tmp_path, device_label) -> None:
    """A state that is whole but does not fit its scenario never reaches the device."""
    from physim.scenario import Scenario

    def longer(file) -> None:
        del file["state/link_at"]
        file["state/link_at"] = np.zeros((16, 4), np.float32)

    path = tmp_path / "c.h5"
    path.write_bytes(edited(whole, longer))
    saved, _ = checkpoint.read(path)
    table = scenes.table({"contact": {}, "links": {}, "junction": {}}, 60.0, collagen=True)
    with pytest.raises(InputError, match=r"'link_at' is \(16, 3\), not \(16, 4\)"):
        Simulation(Scenario.from_table(table), device=device_label, saved=saved)


def test_the_older_one_serves_if_the_newer_is_damaged(whole, tmp_path, capsys) -> None:
    older, newer = tmp_path / "step_000000000003.h5", tmp_path / "step_000000000004.h5"
    older.write_bytes(whole)
    newer.write_bytes(whole[:-5])
    found = checkpoint.newest(tmp_path)
    assert found is not None and found[0].step == 3
    said = capsys.readouterr().out
    assert f"{newer}: has" in said and "going on from the one before, step_000000000003.h5" in said
    older.write_bytes(whole[:-7])
    with pytest.raises(InputError, match="it was cut"):
        checkpoint.newest(tmp_path)
    assert checkpoint.newest(tmp_path / "none") is None
