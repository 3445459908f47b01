"""The counter-based random numbers in NumPy: Philox4x32-10 (Salmon et al., SC11), and the draws from it."""

from __future__ import annotations

import numpy as np

NOISE, POLARITY, LINK_RELEASE, LINK_BINDING, TURNOVER, SHEDDING, SYNTHESIS, DECAY, REPAIR, DEPOSITION = range(1, 11)
"""Purposes of a draw, the last word of the counter."""


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """(..., 4) uint32 of counters (..., 4) uint32."""
    a, b, c, d = (counter[..., k].astype(np.uint64) for k in range(4))
    k0, k1, low = key[0], key[1], np.uint64(0xFFFFFFFF)
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = ((second >> np.uint64(32)) ^ b ^ np.uint64(k0), second & low,
                      (first >> np.uint64(32)) ^ d ^ np.uint64(k1), first & low)  # fmt: skip
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack([a, b, c, d], axis=-1).astype(np.uint32)


def uniforms(entity: np.ndarray, slot: np.ndarray | int, step: int, purpose: int, seed: int) -> np.ndarray:
    """(..., 4) float64 in (0, 1] with 24 bits, as of one entity, slot, step and purpose."""
    parts = np.broadcast_arrays(entity, slot, step, purpose)
    counter = np.stack([part.astype(np.uint32) for part in parts], axis=-1)
    return ((philox(counter, (seed, 0x70687973)) >> 8).astype(float) + 1) / 2**24


def normals(entity: np.ndarray, slot: np.ndarray | int, step: int, purpose: int, seed: int) -> np.ndarray:
    """(..., 3) standard normal numbers, Box-Muller."""
    u = uniforms(entity, slot, step, purpose, seed)
    r, s = np.sqrt(-2 * np.log(u[..., 0])), np.sqrt(-2 * np.log(u[..., 2]))
    turn, other = 2 * np.pi * u[..., 1], 2 * np.pi * u[..., 3]
    return np.stack([r * np.cos(turn), r * np.sin(turn), s * np.cos(other)], axis=-1)
