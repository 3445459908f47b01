"""Device primitives against NumPy, whatever the work-group: exact for integers, sums in the same order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from physim.codegen import CHUNK
from physim.device import Device, choose
from physim.primitives import Primitives


@pytest.fixture(scope="module", params=[16, 64, 256])
def device(device_label, request) -> Device:
    """The device, opened with work-groups of this size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSIM_WORKGROUP", str(request.param))
        opened = Device(choose(device_label))
    assert opened.work_group == request.param
    return opened


SIZES = (1, 63, 64, 65, 255, 256, 257, 1000, 65_537, 70_001)


def put(device: Device, values: np.ndarray, name: str) -> Any:
    buffer = device.empty(f"test {name}", values.nbytes)
    device.upload(buffer, values)
    return buffer


def go(device: Device, launches: list, first: int = 0, replicas: int = 0) -> None:
    for launch in launches:
        shape = launch.shape(first, replicas) if replicas else (launch.global_size, launch.local_size)
        device.cl.enqueue_nd_range_kernel(device.queue, launch.kernel, *shape)
    device.drain()


@pytest.mark.parametrize("size", SIZES)
def test_scan_is_exclusive_prefix_sum(device, size) -> None:
    values = np.random.default_rng(size).integers(0, 50, size, dtype=np.uint32)
    buffer = put(device, values, "scan")
    go(device, Primitives(device).scan(buffer, size))
    expected = np.concatenate([[0], np.cumsum(values)[:-1]])
    assert np.array_equal(device.download(buffer, np.uint32, size), expected)


@pytest.mark.parametrize(("size", "bins"), [(1, 1), (65, 7), (1000, 300), (70_001, 12_000)])
def test_counting_sort_orders_by_bin_then_id(device, size, bins) -> None:
    rng = np.random.default_rng(size)
    key = rng.integers(0, bins, size, dtype=np.uint32)
    ids = rng.permutation(size).astype(np.uint32)
    starts, filled = np.zeros(bins + 1, np.uint32), np.zeros(bins, np.uint32)
    buffers = [
        put(device, a, n) for n, a in (("b", key), ("i", ids), ("s", starts), ("f", filled), ("o", key))
    ]
    go(device, Primitives(device).counting_sort(*buffers, size, bins))
    assert np.array_equal(device.download(buffers[4], np.uint32, size), np.lexsort((ids, key)))
    counts = np.bincount(key, minlength=bins)
    assert np.array_equal(
        device.download(buffers[2], np.uint32, bins + 1), np.concatenate([[0], np.cumsum(counts)])
    )


def test_replicas_are_worked_on_apart(device) -> None:
    """Three slices with rows, keys and switches of their own; a launch for the last two leaves the first as it is."""
    size, bins, rows, on = 1000, 300, np.array([1000, 400, 0]), np.array([1, 1, 0])
    rng = np.random.default_rng(4)
    key, ids = rng.integers(0, bins, (3, size), dtype=np.uint32), rng.permutation(3 * size).astype(np.uint32)
    data, order = rng.integers(0, 50, (3, size, 2), dtype=np.uint32), np.full((3, size), 7, np.uint32)
    starts, filled = np.zeros((3, bins + 1), np.uint32), np.zeros((3, bins), np.uint32)
    when = np.stack([on, rows], axis=1).astype(np.uint32)
    names = {"k": key, "i": ids, "s": starts, "f": filled, "o": order, "d": data, "x": data, "w": when}
    b = {name: put(device, values, name) for name, values in names.items()}
    primitives = Primitives(device, replicas=3)
    launches = primitives.counting_sort(*(b[name] for name in "kisfo"), size, bins, b["w"])
    launches += primitives.permute(b["o"], b["d"], b["x"], 2, 1, size, size, b["w"])
    go(device, launches, 1, 2)
    found = device.download(b["o"], np.uint32, order.size).reshape(order.shape)
    assert np.array_equal(found[[0, 2]], order[[0, 2]])
    go(device, launches, 0, 1)
    found = device.download(b["o"], np.uint32, order.size).reshape(order.shape)
    moved = device.download(b["d"], np.uint32, data.size).reshape(data.shape)
    for k in range(3):
        n, wanted = rows[k] * on[k], order[k].copy()
        wanted[:n] = np.lexsort((ids.reshape(3, size)[k, :n], key[k, :n]))
        assert np.array_equal(found[k], wanted)
        assert np.array_equal(moved[k, :n], data[k, wanted[:n]]) and np.array_equal(moved[k, n:], data[k, n:])


def test_scans_and_sums_of_replicas(device) -> None:
    values = np.random.default_rng(5).integers(0, 50, (3, 70_001), dtype=np.uint32)
    buffer = put(device, values, "scans")
    go(device, Primitives(device, replicas=3).scan(buffer, 70_001), 0, 3)
    found = device.download(buffer, np.uint32, values.size).reshape(values.shape)
    assert np.array_equal(found, np.cumsum(values, axis=1) - values)
    reals = np.random.default_rng(6).normal(size=(3, 1000))
    launches, result = Primitives(device, replicas=3).total(put(device, reals, "sums"), 1000)
    go(device, launches, 0, 3)
    assert device.download(result, np.float64, 3) == pytest.approx(reals.sum(axis=1), rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_compaction_keeps_order(device, size) -> None:
    rng = np.random.default_rng(size)
    keep, data = rng.integers(0, 2, size, dtype=np.uint32), rng.integers(0, 2**32, size, dtype=np.uint32)
    places, out = np.zeros(size + 1, np.uint32), np.zeros(size, np.uint32)
    b = [put(device, a, n) for n, a in (("k", keep), ("p", places), ("d", data), ("o", out))]
    go(device, Primitives(device).compaction(*b, size))
    kept = data[keep == 1]
    assert device.download(b[1], np.uint32, size + 1)[-1] == len(kept)
    assert np.array_equal(device.download(b[3], np.uint32, size)[: len(kept)], kept)


def test_permute_moves_every_plane(device) -> None:
    count, stride, words, planes = 999, 1000, 4, 3
    rng = np.random.default_rng(1)
    data = rng.integers(0, 2**32, (planes, stride, words), dtype=np.uint32)
    order = rng.permutation(count).astype(np.uint32)
    b = [put(device, a, n) for n, a in (("o", order), ("d", data), ("s", np.zeros_like(data)))]
    go(device, Primitives(device).permute(*b, words, planes, stride, count))
    expected = data.copy()
    expected[:, :count] = data[:, order]
    assert np.array_equal(device.download(b[1], np.uint32, data.size).reshape(data.shape), expected)


def test_segment_sums(device) -> None:
    rng = np.random.default_rng(2)
    lengths = rng.integers(0, 40, 500)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)
    data = rng.normal(size=starts[-1]).astype(np.float32)
    b = [put(device, a, n) for n, a in (("s", starts), ("d", data), ("o", np.zeros(500)))]
    go(device, Primitives(device).segment_sums(*b, 500))
    expected = [np.cumsum(np.append(0.0, data[i:j].astype(float)))[-1] for i, j in pairwise(starts)]
    assert np.array_equal(device.download(b[2], np.float64, 500), expected)


@pytest.mark.parametrize("size", SIZES)
def test_total_adds_in_chunks(device, size) -> None:
    data = np.random.default_rng(size).normal(size=size) * 10.0 ** np.random.default_rng(3).integers(
        -8, 8, size
    )
    launches, result = Primitives(device).total(put(device, data, "t"), size)
    go(device, launches)
    level = data
    while True:
        level = np.array([np.cumsum(level[k : k + CHUNK])[-1] for k in range(0, len(level), CHUNK)])
        if len(level) == 1:
            break
    assert device.download(result, np.float64, 1)[0] == level[0]


def test_philox_known_answers(device) -> None:
    """Philox4x32-10 against the known-answer vectors of Random123 (Salmon et al., SC11)."""
    counters = np.array(
        [[0] * 4, [0xFFFFFFFF] * 4, [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]], np.uint32
    )
    keys = np.array([[0, 0], [0xFFFFFFFF] * 2, [0xA4093822, 0x299F31D0]], np.uint32)
    answers = [
        [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8],
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ]
    given = [
        put(device, counters, "c"),
        put(device, keys, "k"),
        put(device, np.zeros((3, 4), np.uint32), "out"),
    ]
    primitives = Primitives(device)
    kernel = device.cl.Kernel(primitives.program, "philox_blocks")
    kernel.set_args(*given, np.uint32(3))
    device.wait(device.cl.enqueue_nd_range_kernel(device.queue, kernel, (1,), (1,)))
    assert np.array_equal(device.download(given[2], np.uint32, 12).reshape(3, 4), answers)
