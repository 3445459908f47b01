"""Single fibers: worm-like chains, straight or curved, isotropic or drawn to a direction.

Only additions, products and square roots act on the tangents, and the nodes are rounded to 2^-20 um: the last
bit of a machine's logarithm does not choose another crosslink later on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from physim.generate.fiber_network import Box

Points = NDArray[np.float64]
_GRID = np.linspace(0.0, 1.0, 2001)
_COARSE = 2.0**20
LONGEST = 3.0
"""Fiber lengths are cut at this many standard deviations of their logarithm."""


def watson_order(kappa: float) -> float:
    """S = <(3x^2 - 1)/2> for the density exp(kappa x^2) of x = cos(angle to the director) on [0, 1]."""
    weight = np.exp(kappa * (_GRID**2 - 1))
    return float(np.trapezoid(weight * (1.5 * _GRID**2 - 0.5), _GRID) / np.trapezoid(weight, _GRID))


def watson_kappa(order: float) -> float:
    """The concentration kappa whose nematic order is `order` in [0, 0.99]."""
    return float(brentq(lambda kappa: watson_order(kappa) - order, 0.0, 200.0)) if order > 0 else 0.0


def directions(count: int, kappa: float, director: Points, random: np.random.Generator) -> Points:
    """(count, 3) unit vectors of density exp(kappa (t.n)^2), in random order.

    Evenly spread (a Fibonacci lattice mapped through the inverse of the cumulative density) rather than
    independent: the order of 400 fibers is then off by 0.01, not by 0.05.
    """
    weight = np.exp(kappa * (_GRID**2 - 1))
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (weight[1:] + weight[:-1]))])
    rank = (random.permutation(count) + random.random(count)) / max(count, 1)
    signed = 2.0 * rank - 1.0
    cosine = np.sign(signed) * np.interp(np.abs(signed), cumulative / cumulative[-1], _GRID)
    azimuth = 2 * math.pi * ((np.floor(rank * count) * 0.6180339887498949 + random.random()) % 1.0)
    e1 = np.cross(director, np.eye(3)[np.argmin(np.abs(director))])
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(director, e1)
    sine = np.sqrt(np.maximum(0.0, 1.0 - cosine**2))
    return (cosine[:, None] * director + (sine * np.cos(azimuth))[:, None] * e1
            + (sine * np.sin(azimuth))[:, None] * e2)


def lengths(count: int, mean: float, spread: float, random: np.random.Generator) -> Points:
    """(count,) um, lognormal of this mean and standard deviation of the logarithm, cut at three of these."""
    normal = np.clip(random.standard_normal(count), -LONGEST, LONGEST)
    return np.maximum(np.rint(1024 * mean * np.exp(spread * normal - 0.5 * spread**2)), 1) / 1024


def chains(center: Points, length: Points, segment_length: float, persistence_length: float, kappa: float,
           director: Points, random: np.random.Generator) -> tuple[Points, Points, NDArray[np.int64]]:
    """Discrete worm-like chains: begin (M, 3), end (M, 3), fiber (M,) of all segments in order; not wrapped.

    <t(0).t(s)> = exp(-s/P) for persistence length P, from steps t' = (t + h kappa (t.n) n_perp + sqrt(h)
    xi_perp)/|.| with h = l/P: rotational diffusion in the field of a director n, whose stationary density
    exp(kappa (t.n)^2) the first tangents already have, so that order does not decay along the fiber. Each
    fiber of length L has ceil(L / segment_length) equal segments; its middle is at `center` (F, 3). Source:
    Kratky and Porod 1949; Maier-Saupe field.
    """
    pieces = np.maximum(np.ceil(length / segment_length - 1e-9), 1).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    order = np.argsort(-pieces, kind="stable")  # the fibers that still grow are always a prefix
    step, first, grows = (length / pieces)[order], start[order], np.searchsorted(-pieces[order], -np.arange(
        1, pieces.max(initial=0) + 1), side="right")
    coarsest = step.max(initial=0.0) / persistence_length
    turns = max(1, math.ceil(coarsest / 0.05), math.ceil(coarsest * kappa / 0.1))
    h = step / (turns * persistence_length)
    sigma = np.sqrt(h * (1 + 2.5 * h))  # the second term cancels the error of normalising, to O(h^3)
    tangent = directions(len(length), kappa, director, random)
    begin, end = np.empty((pieces.sum(), 3)), np.empty((pieces.sum(), 3))
    at = np.zeros((len(length), 3))
    for k, n in enumerate(grows):
        if k:
            for _ in range(turns):
                kick = sigma[:n, None] * random.standard_normal((n, 3))
                if kappa > 0:
                    kick += (h[:n] * kappa * _dot(tangent[:n], director))[:, None] * director
                turned = tangent[:n] + kick - _dot(kick, tangent[:n])[:, None] * tangent[:n]
                tangent[:n] = turned / np.sqrt(_dot(turned, turned))[:, None]
        begin[first[:n] + k] = at[:n]
        at[:n] += step[:n, None] * tangent[:n]
        end[first[:n] + k] = at[:n]
    fiber = np.repeat(np.arange(len(length)), pieces)
    shift = center - 0.5 * (begin[start + pieces // 2] + end[start + (pieces - 1) // 2])
    begin, end = begin + shift[fiber], end + shift[fiber]
    return np.rint(begin * _COARSE) / _COARSE, np.rint(end * _COARSE) / _COARSE, fiber


def fill(box: Box, density: float, mean_length: float, spread: float, segment_length: float,
         persistence_length: float, kappa: float, director: Points, random: np.random.Generator,
         ) -> tuple[Points, Points, NDArray[np.int64]]:
    """Chains placed at random until their length inside the box is density (um/um^3) times its volume, to a
    segment.

    Along axes that are not periodic, centers also lie outside, as far as a fiber reaches, and what sticks out
    is clipped at the faces; the gel is as dense at a face as in the middle.
    """
    longest = mean_length * math.exp(LONGEST * spread - 0.5 * spread**2)
    margin = np.where(box.periodic, 0.0, 0.5 * longest)
    room = box.size + 2 * margin
    wanted = density * box.volume
    count = math.ceil(1.1 * density * float(np.prod(room)) / mean_length) + 20
    length = lengths(count, mean_length, spread, random)
    center = box.lower - margin + random.random((count, 3)) * room
    outside = np.maximum(np.maximum(box.lower - center, center - box.upper), 0.0)
    near = (np.where(box.periodic, 0.0, outside) <= 0.5 * length[:, None]).all(axis=1)
    begin, end, fiber = chains(center[near], length[near], segment_length, persistence_length, kappa,
                               director, random)
    begin, end, fiber = clip(begin, end, fiber, box, 0.3 * segment_length)
    total = np.cumsum(np.sqrt(((end - begin) ** 2).sum(axis=1)))
    enough = int(np.searchsorted(total, wanted)) + 1
    return begin[:enough], end[:enough], fiber[:enough]


def clip(begin: Points, end: Points, fiber: NDArray[np.int64], box: Box, sliver: float,
         ) -> tuple[Points, Points, NDArray[np.int64]]:
    """Segments cut at the faces of the axes that are not periodic; a fiber that leaves and comes back is two
    fibers.

    A piece shorter than `sliver` (um) is no segment of its own: the one before or after it reaches to the
    face.
    """
    closed = np.logical_not(box.periodic)
    if not closed.any():
        return begin, end, fiber
    vector = end - begin
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.stack([(box.lower - begin) / vector, (box.upper - begin) / vector])
    parallel_inside = (vector == 0) & (begin >= box.lower) & (begin <= box.upper)
    enter = np.where(closed & ~parallel_inside, t.min(axis=0), 0.0)
    leave = np.where(closed & ~parallel_inside, t.max(axis=0), 1.0)
    enter, leave = np.clip(enter.max(axis=1), 0, 1), np.clip(leave.min(axis=1), 0, 1)
    length = np.sqrt((vector**2).sum(axis=1))
    keep = (leave - enter) * length > np.minimum(sliver, 0.999 * length)
    short = ~keep & (leave > enter)
    gap = (fiber[1:] != fiber[:-1]) | (leave[:-1] < 1) | (enter[1:] > 0) | ~keep[:-1]
    cut = np.concatenate([[True], gap])
    low, high = np.where(closed, box.lower, -np.inf), np.where(closed, box.upper, np.inf)
    a = np.clip(begin + enter[:, None] * vector, low, high)
    b = np.clip(begin + leave[:, None] * vector, low, high)
    inner = np.arange(1, len(fiber))[keep[1:] & (fiber[1:] == fiber[:-1])]  # kept, with a neighbour before it
    merged = inner[short[inner - 1] & (leave[inner - 1] == 1) & (enter[inner] == 0)]
    a[merged] = a[merged - 1]
    inner = np.arange(len(fiber) - 1)[keep[:-1] & (fiber[1:] == fiber[:-1])]
    merged = inner[short[inner + 1] & (enter[inner + 1] == 0) & (leave[inner] == 1)]
    b[merged] = b[merged + 1]
    return a[keep], b[keep], np.cumsum(cut[keep]) - 1


def _dot(a: Points, b: Points) -> Points:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
