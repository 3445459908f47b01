"""Rheology of a gel between two plates: quasi-static simple shear and compression, solved by the term `network`.

The network is periodic along x and y and cut by the plates at both faces across z
(`generate_collagen(..., periodic=(True, True, False))`): nodes on a face, and what `network_state.held_nodes` holds
beside them, move with their plate as if they were part of it; all other nodes are free. The first guess of each strain
goes on as the last two did; then come steps so long (`STEP`) that drag is nothing beside the springs, until the forces
balance. Stress is the work against it per strain and volume, for which no frame or energy is needed on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError, PhysicsError
from physim.generate.fiber_network import FiberNetwork
from physim.network_state import held_nodes, separations
from physim.scenario import Scenario
from physim.simulation import Simulation

Curve = NDArray[np.float64]
Curves = dict[str, Curve]
STEP = 1e3
"""min: drag over step, 2e-7 nN/um per um of fiber, is a millionth of the stiffness of a bent fiber."""
MOST_STEPS = 30
"""At one strain."""
MOST_ROUNDS = 300
"""Of Newton's method in a step, where many fibers buckle."""
_ACCEPTED = 3.0
"""Residual over the target at which forces balance."""


def shear(network: FiberNetwork, strains: Sequence[float], *, stretch_modulus: float, bend_modulus: float,
          crosslink_stiffness: float, crosslink_rigidity: float, device: str | None = None, tolerance: float = 1e-4,
          ) -> Curves:  # fmt: skip
    """Simple shear gamma in the xz plane: u_x = gamma z on the plates. Arrays with one entry per strain, in order:

    strain; stress, sigma_xz in kPa, positive where the gel resists gamma > 0; traction, the same from the forces on the
    plates alone; normal_stress, N1 in kPa, the force along its outward normal that the gel exerts on a plate, over its
    area: negative where fibers pull the plates together; iterations of conjugate gradients; residual over the norm of
    all segments' tensions.

    EA (nN), EI (nN um^2), k_x (nN/um) and k_c (nN um) are those of the term `network`. `strains` should go on in small
    steps: each starts from the one before. Raises InputError for a network that no plates hold, PhysicsError, which
    says how far it got, where no balance of forces is found.
    """
    gel = _Gel(network, stretch_modulus, bend_modulus, crosslink_stiffness, crosslink_rigidity, device, tolerance)
    return gel.follow(strains, lambda gamma, z: np.stack([gamma * z, 0 * z, 0 * z], axis=1))


def compression(network: FiberNetwork, strains: Sequence[float], *, stretch_modulus: float, bend_modulus: float,
                crosslink_stiffness: float, crosslink_rigidity: float, device: str | None = None,
                tolerance: float = 1e-4) -> Curves:  # fmt: skip
    """Compression epsilon = 1 - height/height at rest along z, without strain across it; negative epsilon extends.

    As `shear`; stress, kPa, is positive where the gel resists epsilon > 0 and pushes the plates apart; traction and
    normal_stress are the same from the forces on the plates.
    """
    gel = _Gel(network, stretch_modulus, bend_modulus, crosslink_stiffness, crosslink_rigidity, device, tolerance)
    return gel.follow(strains, lambda epsilon, z: np.stack([0 * z, 0 * z, -epsilon * z], axis=1))


class _Gel:
    """A network between plates, on a device."""

    def __init__(self, network: FiberNetwork, stretch_modulus: float, bend_modulus: float, crosslink_stiffness: float,
                 crosslink_rigidity: float, device: str | None, tolerance: float) -> None:  # fmt: skip
        box = network.box
        face = box.on_face(network.nodes)
        if network.periodic != (True, True, False) or not face[:, 2].any():
            raise InputError(f"network: periodic {network.periodic}, {int(face[:, 2].sum())} nodes on plates; make it "
                             "with periodic=(True, True, False)")  # fmt: skip
        self.network, self.tolerance, self.stretch_modulus = network, tolerance, stretch_modulus
        law = {"stretch_modulus": stretch_modulus, "bend_modulus": bend_modulus, "drag": 1.6667e-4,
               "crosslink_stiffness": crosslink_stiffness, "crosslink_rigidity": crosslink_rigidity,
               "tolerance": tolerance, "accuracy": 1e-6, "wake_force": 0.0}  # fmt: skip
        self.sim = Simulation(_scenario(network, law), cells=_bystander(network), network=network, device=device)
        self.sim.loop.most_rounds = MOST_ROUNDS
        self.held = held_nodes(network)
        height = network.nodes[:, 2] - 0.5 * (box.lower[2] + box.upper[2])
        self.upper, self.lower = self.held & (height > 0), self.held & (height < 0)
        self.height = np.where(self.upper, 0.5 * box.size[2], np.where(self.lower, -0.5 * box.size[2], height))
        self.area = float(box.size[0] * box.size[1])
        self.rest = self.sim.read("node_position")
        self.rest_length = self._lengths(self.rest)

    def follow(self, strains: Sequence[float], displacement: Callable[[float, Curve], Curve]) -> Curves:
        """From rest through `strains`; `displacement` of a strain at heights above the middle, linear in the strain."""
        rows, before, last = [], (0.0, self.rest), (0.0, self.rest)
        for strain in map(float, strains):
            guess = self._guess(strain, before, last, displacement)
            try:
                iterations, residual = self._balance(guess)
            except PhysicsError as error:
                raise PhysicsError(f"strain {strain:g}, after {last[0]:g}: {error}") from error
            before, last = last, (strain, self.sim.read("node_position"))
            rate = affine = displacement(1.0, self.height)
            if last[0] != before[0]:
                rate = _steps(before[1], last[1]) * self.sim.box.quantum / (last[0] - before[0])
            rows.append((strain, *self._stresses(rate, affine), iterations, residual))
        names = ("strain", "stress", "traction", "normal_stress", "iterations", "residual")
        return dict(zip(names, np.array(rows, float).reshape(-1, len(names)).T, strict=True))

    def _guess(self, strain: float, before: tuple[float, NDArray], last: tuple[float, NDArray],
               displacement: Callable[[float, Curve], Curve]) -> NDArray:  # fmt: skip
        """Fixed-point positions: free nodes go on as they went, at first affinely; plates where they must be."""
        quantum = self.sim.box.quantum
        if before[0] != last[0] and (strain - last[0]) * (last[0] - before[0]) > 0:
            moved = _steps(before[1], last[1]) * ((strain - last[0]) / (last[0] - before[0]))
        else:
            moved = (displacement(strain, self.height) - displacement(last[0], self.height)) / quantum
        guess = _plus(last[1], moved)
        plates = _plus(self.rest, displacement(strain, self.height) / quantum)
        guess[self.held] = plates[self.held]
        return guess

    def _balance(self, guess: NDArray) -> tuple[int, float]:
        """Steps from a guess until the forces balance: iterations, and the residual over the tensions."""
        sim = self.sim
        begin = sim.status["total_iterations"]
        sim.write("node_position", guess)
        for _ in range(MOST_STEPS):
            sim.write("node_velocity", np.zeros(sim.shape("node_velocity"), np.float32))
            sim.advance(sim.step_count + 1)
            residual, tension, floor = self._imbalance()
            if residual <= _ACCEPTED * np.hypot(self.tolerance * tension, floor):
                return sim.status["total_iterations"] - begin, residual / tension if tension else 0.0
        raise PhysicsError(f"after {MOST_STEPS} steps {residual:.2g} nN are out of balance beside {tension:.2g} nN of "
                           "tension; take smaller strains, or a larger tolerance")  # fmt: skip

    def _imbalance(self) -> tuple[float, float, float]:
        """Norms (nN) of the forces on free nodes, of the tensions of segments, and of what a quantum makes."""
        residual = np.linalg.norm(self._forces(self.held.astype(np.uint32)))
        stiffness = self.stretch_modulus / self.rest_length
        tension = stiffness * (self._lengths(self.sim.read("node_position")) - self.rest_length)
        return float(residual), float(np.linalg.norm(tension)), float(
            np.linalg.norm(np.hypot(stiffness * self.sim.box.quantum.max(), 1e-6)))

    def _lengths(self, fixed: NDArray) -> Curve:
        first, second = self.network.segments.T
        return np.linalg.norm(separations(fixed, first, second, self.sim.box), axis=1)

    def _stresses(self, rate: Curve, affine: Curve) -> tuple[float, float, float]:
        """kPa: stress by work, by the forces on the plates, and their normal force over their area.

        Volume x stress = dE/dstrain = -sum F.dx/dstrain over all nodes. Over those of the plates it is their traction,
        wrong by the first order of what the free nodes have left out of balance; the sum over all, by the second.
        """
        force = self._forces(held=np.zeros(len(self.held), np.uint32))
        self.sim.write("node_held", self.held.astype(np.uint32))
        work, on_plates = (force * rate).sum(), (force * affine)[self.held].sum()
        normal = force[self.upper, 2].sum() - force[self.lower, 2].sum()
        volume = self.network.box.volume
        return -float(work) / volume, -float(on_plates) / volume, float(normal) / (2 * self.area)

    def _forces(self, held: NDArray) -> Curve:
        """(N, 3) nN on all nodes that are not `held`, where they are now, at rest."""
        sim = self.sim
        sim.write("node_velocity", np.zeros(sim.shape("node_velocity"), np.float32))
        sim.write("node_held", held)
        sim.find_forces()
        return sim.read("node_residual")[:, :3].astype(float)


def _steps(begin: NDArray, end: NDArray) -> Curve:
    """(N, 3) quanta from one fixed-point position to another, through periodic faces."""
    return (end[:, :3].view(np.uint32) - begin[:, :3].view(np.uint32)).view(np.int32).astype(float)


def _plus(fixed: NDArray, quanta: Curve) -> NDArray:
    """Fixed-point positions moved by so many quanta (N, 3); those along periodic axes wrap."""
    result = fixed.copy()
    result[:, :3] += np.rint(quanta).astype(np.int64).astype(np.int32)
    return result


def _scenario(network: FiberNetwork, law: dict[str, float]) -> Scenario:
    """Nothing but the network; a scenario has a cell, of which the one link never binds."""
    box = network.box
    return Scenario.from_table({
        "title": "rheology", "run": {"duration": 1e6 * STEP, "step": STEP, "seed": 1},
        "box": {"size": list(map(float, box.size)), "boundary": ["periodic", "periodic", "wall"]},
        "cells": [{"count": 1}],
        "collagen": {"concentration": 0.1, "bundle_diameter": 1.0, "fiber_length": 10.0},
        "terms": {"drag": {}, "network": law, "links": {"slots": 1, "release_rate": 0.0, "binding_rate": 0.0}},
        "record": {"interval": 10 * STEP},
    })  # fmt: skip


def _bystander(network: FiberNetwork) -> dict[str, NDArray]:
    one = np.ones(1, np.float32)
    return {"id": np.zeros(1, np.uint32), "position": 0.5 * (network.lower + network.upper)[None], "radius": one,
            "nucleus_radius": 0.5 * one, "type": np.zeros(1, np.uint32), "cadherin": one, "integrin": one}  # fmt: skip
