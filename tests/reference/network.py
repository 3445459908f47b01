"""The mechanics of a fiber network in float64, written from the equations and not from the kernels.

With e (M, 3) the vectors of the segments, l0 their rest lengths, t = e/l0, s = t2 - t1 where a fiber bends between
segments of rest lengths a and b, and g the vector between the two places that a crosslink joins, the energy has

    stretch    EA/(2 l0) (|e| - l0)^2       of each segment
    bend       EI/(a + b) |s - R s0|^2      of each inner node of a fiber, R the rotation of the fiber
    crosslink  k_x/2 (|g| - w)^2            of each crosslink
    turning    k_c/2 |t - R t0|^2           of both segments of each crosslink, for the R of either fiber

and each R is the one for which the energy is least (Kabsch's: from singular values), so that forces are those at
fixed R. The gap of a crosslink at rest is alpha e1 + beta e2 + c e1 x e2: alpha and beta move the places that are
joined along the segments, c is kept, g = p1 - p2 - c e1 x e2, and w = 0. Where the segments are parallel
within sin = 0.2, alpha e1 + beta e2 is the nearest to it along their common direction (0 of a crosslink
that has formed since), c = 0 and w = |g| at rest.

A segment that has been thinned to a part a of its area has a EA, and l0/a^2 in the lengths of its bends; one that is
cut (a = 0) has neither, and what is left on its two sides are fibers of their own.

Positions x (N, 3) um are never wrapped: they start as the nodes of the network, and constants hold the periodic images
that each vector goes through. To strain a periodic box is to strain these. Forces in nN, energies in nN um, times in
min.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import bsr_array, coo_array, csr_array, diags_array, kron, vstack

from physim.generate.fiber_network import FiberNetwork, runs

Points = np.ndarray
STRETCH, BEND, CROSSLINK, TURNING = range(4)


@dataclass(frozen=True)
class Network:
    """N nodes, M segments, F fibers, X crosslinks, and Q = M - F + 4 X vectors that rest in a fiber's frame."""

    edge: csr_array
    """(M, N) e = edge x + turns."""
    turns: Points
    """(M, 3) um."""
    length: np.ndarray
    """(M,) l0."""
    stretch_modulus: np.ndarray
    """(M,) a EA."""
    framed: csr_array
    """(Q, M) u = framed e: bends s, then directions t."""
    fiber: np.ndarray
    """(Q,) whose frame."""
    rest: Points
    """(Q, 3) u at rest."""
    firmness: np.ndarray
    """(Q,) nN um: the energy of u is firmness/2 |u - R rest|^2."""
    sides: tuple[csr_array, csr_array]
    """(X, N) each: the two places that a crosslink joins."""
    gap_turns: Points
    """(X, 3) g = (sides 0 - sides 1) x + gap_turns - skew e1 x e2."""
    skew: np.ndarray
    """(X,) c, 1/um."""
    apart: np.ndarray
    """(X,) w, um."""
    joined: np.ndarray
    """(X, 2) segments."""
    crosslink_stiffness: float

    @staticmethod
    def of(network: FiberNetwork, *, stretch_modulus: float, bend_modulus: float, crosslink_stiffness: float,
           crosslink_rigidity: float, area: np.ndarray | None = None,
           formed: tuple[np.ndarray, Points, Points] | None = None) -> Network:  # fmt: skip
        """At rest as given: EA nN, EI nN um^2, k_x nN/um, k_c nN um; with relative areas (M,).

        formed: which crosslinks (X,) rest as they are where the nodes are at (N, 3), the frames of fibers being
        (F, 3, 3).
        """
        n, m = len(network.nodes), len(network.segments)
        ends, e, joined = network.segments.astype(int), network.vectors, network.crosslinks.astype(int)
        area = np.ones(m) if area is None else np.asarray(area, float)
        length = np.linalg.norm(e, axis=1)
        edge = _rows(n, ends, np.broadcast_to([-1.0, 1.0], (m, 2)))
        pieces = np.full(m, -1)
        pieces[area > 0] = runs(network.segment_fiber, area > 0)
        k = np.flatnonzero((np.diff(pieces) == 0) & (area[1:] > 0))  # bends between segments k and k + 1
        soft = length / np.where(area > 0, area, 1) ** 2
        never = np.zeros(len(joined), bool), network.nodes, np.zeros((pieces.max(initial=0) + 1, 3, 3))
        late, then, frames = formed or never
        at_rest = [network, replace(network, nodes=then)]  # of crosslinks as they were made, and of late ones
        bend = _rows(m, np.stack([k, k + 1], 1), np.stack([-1 / length[k], 1 / length[k + 1]], 1))
        pairs = [(own, of) for own in (0, 1) for of in (0, 1)]
        turning = [_rows(m, joined[:, of, None], 1 / length[joined[:, of, None]]) for _, of in pairs]
        framed = vstack([bend, *turning], format="csr")
        fiber = np.concatenate([pieces[k]] + [pieces[joined[:, own]] for own, _ in pairs])
        rest = framed @ e
        turned = np.concatenate([np.zeros(len(k), bool)] + 4 * [late])
        rest[turned] = np.einsum("qji,qj->qi", frames[fiber], framed @ at_rest[1].vectors)[turned]
        gaps = [network.box.image(net.crosslink_points(0) - net.crosslink_points(1)) for net in at_rest]
        gap = np.where(late[:, None], gaps[1], gaps[0])
        e1, e2 = (np.where(late[:, None], at_rest[1].vectors[s], e[s]) for s in joined.T)
        across = np.cross(e1, e2)
        parallel = np.linalg.norm(across, axis=1) < 0.2 * np.linalg.norm(e1, axis=1) * np.linalg.norm(e2, axis=1)
        share = np.einsum("xij,xj->xi", np.linalg.pinv(np.stack([e1, e2, across], axis=2), rcond=1e-3), gap)
        flat = np.einsum("xij,xj->xi", np.linalg.pinv(np.stack([e1, e2], axis=2), rcond=0.3), gap)
        flat[late] = 0
        share[parallel] = np.pad(flat, ((0, 0), (0, 1)))[parallel]
        apart = np.where(parallel, np.linalg.norm(gap - flat[:, :1] * e1 - flat[:, 1:] * e2, axis=1), 0.0)
        places = network.crosslink_at - share[:, :2] * [1, -1]
        sides = tuple(_rows(n, ends[joined[:, s]], np.stack([1 - places[:, s], places[:, s]], 1)) for s in (0, 1))
        left = gap - share[:, :1] * e1 - share[:, 1:2] * e2
        firmness = np.concatenate([2 * bend_modulus / (soft[k] + soft[k + 1]),
                                   np.full(4 * len(joined), float(crosslink_rigidity))])  # fmt: skip
        between = [(sides[0] - sides[1]) @ net.nodes for net in at_rest]
        return Network(edge, e - edge @ network.nodes, length, stretch_modulus * area, framed, fiber.astype(int), rest,
                       firmness, sides, left - np.where(late[:, None], between[1], between[0]), share[:, 2], apart,
                       joined, crosslink_stiffness)  # fmt: skip

    def strained(self, gradient: Any) -> Network:
        """The same in a box whose periodic images are moved by the deformation gradient (3, 3).

        Simple shear of x along z by gamma (Lees-Edwards): [[1, 0, gamma], [0, 1, 0], [0, 0, 1]].
        """
        turn = np.asarray(gradient, float).T
        return replace(self, turns=self.turns @ turn, gap_turns=self.gap_turns @ turn)

    # what the energy is made of

    def vectors(self, x: Points) -> Points:
        """(M, 3) e."""
        return self.edge @ x + self.turns

    def gaps(self, x: Points) -> Points:
        """(X, 3) g."""
        e = self.vectors(x)
        across = np.cross(e[self.joined[:, 0]], e[self.joined[:, 1]])
        return (self.sides[0] - self.sides[1]) @ x + self.gap_turns - self.skew[:, None] * across

    def frames(self, x: Points) -> Points:
        """(F, 3, 3) R: of all rotations the one for which sum firmness |u - R rest|^2 is least."""
        u = self.framed @ self.vectors(x)
        sums = np.zeros((self.fiber.max(initial=0) + 1, 3, 3))
        np.add.at(sums, self.fiber, self.firmness[:, None, None] * u[:, :, None] * self.rest[:, None, :])
        left, _, right = np.linalg.svd(sums)
        left[:, :, 2] *= np.linalg.det(left @ right)[:, None]
        return left @ right

    def turned_rest(self, x: Points) -> Points:
        """(Q, 3) R rest."""
        return np.einsum("qij,qj->qi", self.frames(x)[self.fiber], self.rest)

    def energies(self, x: Points) -> np.ndarray:
        """(4,) nN um of STRETCH, BEND, CROSSLINK and TURNING."""
        e, bends = self.vectors(x), len(self.fiber) - 4 * len(self.joined)
        size = np.linalg.norm(e, axis=1)
        stretch = 0.5 * self.stretch_modulus / self.length * (size - self.length) ** 2
        framed = 0.5 * self.firmness * ((self.framed @ e - self.turned_rest(x)) ** 2).sum(1)
        crosslink = 0.5 * self.crosslink_stiffness * ((np.linalg.norm(self.gaps(x), axis=1) - self.apart) ** 2).sum()
        return np.array([stretch.sum(), framed[:bends].sum(), crosslink, framed[bends:].sum()])

    def energy(self, x: Points) -> float:
        """nN um."""
        return float(self.energies(x).sum())

    def tensions(self, x: Points) -> np.ndarray:
        """(M,) EA (|e|/l0 - 1): pulls are positive."""
        return self.stretch_modulus * (np.linalg.norm(self.vectors(x), axis=1) / self.length - 1)

    def gradients(self, x: Points) -> tuple[Points, Points]:
        """dE/de (M, 3) and dE/dg (X, 3), nN, where g counts the places alone."""
        e, (first, second) = self.vectors(x), self.joined.T
        grip = self.grips(x)
        slack = 1 / self.length - 1 / np.linalg.norm(e, axis=1)
        pull = (self.stretch_modulus * slack)[:, None] * e
        pull += self.framed.T @ (self.firmness[:, None] * (self.framed @ e - self.turned_rest(x)))
        np.add.at(pull, first, -self.skew[:, None] * np.cross(e[second], grip))
        np.add.at(pull, second, -self.skew[:, None] * np.cross(grip, e[first]))
        return pull, grip

    def grips(self, x: Points) -> Points:
        """(X, 3) nN, dE/dg."""
        g = self.gaps(x)
        return self.crosslink_stiffness * self._slack(g)[:, None] * g

    def _slack(self, g: Points) -> np.ndarray:
        """(X,) 1 - w/|g|."""
        return 1 - np.divide(self.apart, np.linalg.norm(g, axis=1), out=np.zeros(len(g)), where=self.apart > 0)

    def forces(self, x: Points) -> Points:
        """(N, 3) nN, F = -dE/dx."""
        pull, grip = self.gradients(x)
        return -self.edge.T @ pull - (self.sides[0] - self.sides[1]).T @ grip

    def stress(self, x: Points, volume: float) -> Points:
        """(3, 3) mean Cauchy stress, kPa (nN/um^2): (dE/dgradient)/V: all nodes and images follow."""
        pull, grip = self.gradients(x)
        apart = (self.sides[0] - self.sides[1]) @ x + self.gap_turns
        return (pull.T @ self.vectors(x) + grip.T @ apart) / volume

    # stiffness

    def hessian(self, x: Points, exact: bool = False) -> csr_array:
        """(3N, 3N) at fixed R and without what stretches negatively, as if g had no skew; or the second derivative.

        Segments: EA/l0 [n n^T + max(0, 1 - l0/|e|) (I - n n^T)]; the exact one has no max.
        """
        whole = _sandwich(self.edge, self.stretch_blocks(x, exact))
        u, gap = self.framed @ self.edge, self.sides[0] - self.sides[1]
        whole += kron(u.T @ diags_array(self.firmness) @ u, np.eye(3))
        if not exact:
            return csr_array(whole + self.crosslink_stiffness * kron(gap.T @ gap, np.eye(3)))
        return csr_array(whole + self._skew_stiffness(x) - self._turning_stiffness(x))

    def newton(self, x: Points) -> csr_array:
        """(3N, 3N) what the kernels take: `frozen`, and R turned so that what bends stays positive."""
        return csr_array(self.frozen(x) - self._turning_stiffness(x, bounded=True))

    def frozen(self, x: Points) -> csr_array:
        """(3N, 3N) at fixed R, without what bends the gaps or makes them negative."""
        u, slope = self.framed @ self.edge, sum(self._gap_slopes(x))
        whole = _sandwich(self.edge, self.stretch_blocks(x, exact=True))
        whole += slope.T @ (_diagonal(self.grip_blocks(x)) @ slope)
        return csr_array(whole + kron(u.T @ diags_array(self.firmness) @ u, np.eye(3)))

    def grip_blocks(self, x: Points) -> Points:
        """(X, 3, 3) nN/um, d2E/dg dg without what is negative."""
        return self.crosslink_stiffness * _positive(self._gap_blocks(x))

    def _gap_slopes(self, x: Points) -> tuple[csr_array, csr_array]:
        """(3X, 3N) each: dg/dx through the first segment of each crosslink, and through the second."""
        e, (first, second) = self.vectors(x), self.joined.T
        skew, three = self.skew[:, None, None], np.eye(3)
        one = kron(self.sides[0], three) + _diagonal(skew * _crosses(e[second])) @ kron(self.edge[first], three)
        two = kron(self.sides[1], three) + _diagonal(skew * _crosses(e[first])) @ kron(self.edge[second], three)
        return csr_array(one), csr_array(-two)

    def _gap_blocks(self, x: Points) -> Points:
        """(X, 3, 3) d2E/dg dg over k_x."""
        g = self.gaps(x)
        slack = self._slack(g)[:, None, None]
        n = np.divide(g, np.linalg.norm(g, axis=1)[:, None], out=np.zeros(g.shape), where=self.apart[:, None] > 0)
        return slack * np.eye(3) + (1 - slack) * n[:, :, None] * n[:, None, :]

    def stretch_blocks(self, x: Points, exact: bool = False) -> Points:
        """(M, 3, 3) nN/um."""
        e = self.vectors(x)
        size = np.linalg.norm(e, axis=1)
        along = (e / size[:, None])[:, :, None] * (e / size[:, None])[:, None, :]
        across = 1 - self.length / size if exact else np.maximum(1 - self.length / size, 0)
        blocks = along + across[:, None, None] * (np.eye(3) - along)
        return (self.stretch_modulus / self.length)[:, None, None] * blocks

    def _turning_stiffness(self, x: Points, bounded: bool = False) -> csr_array:
        """G^T M^-1 G, by which the best R softens the fiber: M = d2E/dw dw of a rotation w, G = d2E/dw dx.

        bounded: M plus the least multiple of I that makes it larger than that of the fiber as it rests.
        """
        u, rest = self.framed @ self.vectors(x), self.turned_rest(x)
        order, fibers = np.argsort(self.fiber, kind="stable"), self.fiber.max(initial=0) + 1
        start = np.concatenate([[0], np.cumsum(np.bincount(self.fiber, minlength=fibers))])
        blocks = -self.firmness[:, None, None] * _crosses(rest)
        gather = bsr_array((blocks[order], order, start), shape=(3 * fibers, 3 * len(order))).tocsr()
        mixed = gather @ kron(self.framed @ self.edge, np.eye(3), format="csr")
        size = np.zeros(fibers)
        np.add.at(size, self.fiber, self.firmness * np.linalg.norm(u, axis=1) * np.linalg.norm(rest, axis=1))
        turning = self._against_turning(u, rest)
        if bounded:
            lowest = np.linalg.eigvalsh(turning - self._against_turning(rest, rest))[:, 0]
            turning = turning + np.maximum(-lowest, 0)[:, None, None] * np.eye(3)
        value, axes = np.linalg.eigh(turning)  # no energy opposes turns about the axis of a straight fiber
        inverse = np.where(np.abs(value) > 1e-9 * size[:, None] + 1e-12, 1 / np.where(value == 0, 1, value), 0)
        middle = np.einsum("fij,fj,fkj->fik", axes, inverse, axes)
        count = np.arange(fibers + 1)
        return csr_array(mixed.T @ (bsr_array((middle, count[:-1], count)).tocsr() @ mixed))

    def _against_turning(self, u: Points, rest: Points) -> Points:
        """(F, 3, 3) second derivatives of the energy by the rotation of each frame."""
        sums = np.zeros((self.fiber.max(initial=0) + 1, 3, 3))
        np.add.at(sums, self.fiber, self.firmness[:, None, None] * u[:, :, None] * rest[:, None, :])
        return np.trace(sums, axis1=1, axis2=2)[:, None, None] * np.eye(3) - 0.5 * (sums + sums.transpose(0, 2, 1))

    def _skew_stiffness(self, x: Points) -> csr_array:
        """(dg/dx)^T d2E/dg dg dg/dx + dE/dg d2g/dx dx."""
        first, second = self.joined.T
        skew, three = self.skew[:, None, None], np.eye(3)
        one, two, slope = self.edge[first], self.edge[second], sum(self._gap_slopes(x))
        grip = _diagonal(skew * _crosses(self.grips(x)))
        curved = kron(one, three).T @ (grip @ kron(two, three))
        blocks = _diagonal(self.crosslink_stiffness * self._gap_blocks(x))
        return csr_array(slope.T @ (blocks @ slope) + curved + curved.T)

    # one fiber at a time

    def drags(self, drag: float) -> np.ndarray:
        """(N,) Z, nN min/um, of a drag per length, nN min/um^2: each node has half of what is left of segments."""
        return 0.5 * drag * (abs(self.edge).T @ np.where(self.stretch_modulus > 0, self.length, 0.0))

    def fiber_bands(self, x: Points, drags: np.ndarray, step: float, extra: Points | None = None) -> Points:
        """(3, N, 3, 3): the blocks (i, i), (i, i + 1), (i, i + 2) of Z + dt K that stay on one fiber, R fixed.

        A crosslink counts on each of its sides with the partner held. extra (N, 3, 3) is added to the diagonal.
        """
        u, grips = self.framed @ self.edge, _diagonal(self.grip_blocks(x))
        bends = len(self.fiber) - 4 * len(self.joined)
        bent = u[:bends].T @ diags_array(self.firmness[:bends]) @ u[:bends]
        turning = (self.framed[bends:] ** 2).T @ self.firmness[bends:]
        stretch = _positive(self.stretch_blocks(x, exact=True) + turning[:, None, None] * np.eye(3))
        stiffness = _sandwich(self.edge, stretch) + kron(bent, np.eye(3))
        stiffness += sum(slope.T @ (grips @ slope) for slope in self._gap_slopes(x))
        matrix = (step * stiffness + diags_array(np.repeat(drags, 3))).tobsr((3, 3))
        bands = np.zeros((3, len(x), 3, 3))
        row = np.repeat(np.arange(len(x)), np.diff(matrix.indptr))
        apart = matrix.indices - row
        assert np.abs(apart).max(initial=0) <= 2
        for distance in range(3):
            here = apart == distance
            bands[distance, row[here]] = matrix.data[here]
        bands[0] += 0 if extra is None else extra
        return bands


def _rows(n: int, nodes: np.ndarray, weights: np.ndarray) -> csr_array:
    row = np.repeat(np.arange(len(nodes)), nodes.shape[1])
    return coo_array((weights.ravel(), (row, nodes.ravel())), shape=(len(nodes), n)).tocsr()


def _crosses(v: Points) -> Points:
    """(n, 3, 3) the matrix of v x ."""
    return np.cross(np.eye(3), v[:, None, :])


def _positive(blocks: Points) -> Points:
    """(n, 3, 3) without what is negative in them."""
    values, vectors = np.linalg.eigh(blocks)
    return np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 0), vectors)


def _diagonal(blocks: Points) -> csr_array:
    count = np.arange(len(blocks) + 1)
    return bsr_array((blocks, count[:-1], count), shape=(3 * len(blocks),) * 2).tocsr()


def _sandwich(weight: csr_array, blocks: Points) -> csr_array:
    """(w x I)^T blocks (w x I)."""
    spread = kron(weight, np.eye(3), format="csr")
    return csr_array(spread.T @ (_diagonal(blocks) @ spread))
