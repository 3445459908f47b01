"""Cells in blood: small scenes in tubes, and what the kernels do, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

PLASMA = 2e-8
"""kPa min."""
SECTION, WEIGHT = np.polynomial.legendre.leggauss(8)
SECTION, WEIGHT = 0.5 * (1 + SECTION), 0.5 * WEIGHT


def table(terms: dict[str, Any], size: Any, step: str = "1 ms", **vessels: Any) -> dict[str, Any]:
    """A scenario of vessels alone, whose cell only stands for those that the test gives."""
    return {
        "title": "blood", "run": {"duration": "10 min", "step": step}, "box": {"size": size},
        "cells": [{"count": 1, "radius": "7 um", "nucleus_radius": "4.7 um"}],
        "vessels": vessels, "terms": terms, "record": {"interval": "0.1 s"},
    }  # fmt: skip


def places(sim: Any) -> np.ndarray:
    """(n, 3) um by id."""
    return sim.box.to_micron(sim.read("position"))[np.argsort(sim.read("id"))]


def by_id(sim: Any, name: str) -> np.ndarray:
    """An array of the cells in the order of their ids."""
    values, order = sim.read(name), np.argsort(sim.read("id"))
    return values[:, order] if values.ndim == 3 or values.shape[0] != len(order) else values[order]


def haberman(ratio: float) -> tuple[float, float]:
    """K_1 and K_2 of a sphere on the axis of a tube, by the ratio of radii up to 0.8: F = 6 pi mu a (K_2 u - K_1 v).

    Haberman & Sayre, David Taylor Model Basin Report 1143 (1958), approximate solution.
    """
    r = ratio
    below = 1 - 2.1050 * r + 2.0865 * r**3 - 1.7068 * r**5 + 0.72603 * r**6
    return (1 - 0.75857 * r**5) / below, (1 - 2 / 3 * r**2 - 0.20217 * r**5) / below


def volumes(radius: np.ndarray, length: float) -> np.ndarray:
    """(10,) um^3 that belong to the rear end, the sections and the front end."""
    found = np.pi * radius**2 * length * np.r_[0, WEIGHT, 0]
    found[[0, -1]] = 2 / 3 * np.pi * radius[[0, -1]] ** 3
    return found


def strain_energy(radius: np.ndarray, length: float, rest: float = 7.0, nucleus: float = 4.7, modulus: float = 0.35,
                  nucleus_modulus: float = 1.2) -> float:  # fmt: skip
    """nN um of a cell with these radii (10,): the docstring of `terms.blood.Elongation`."""
    v = volumes(radius, length)
    behind = (np.cumsum(v) - 0.5 * v) / (4 / 3 * np.pi * rest**3)
    u = np.clip((0.5 * (nucleus / rest) ** 3 + 0.1 - np.abs(behind - 0.5)) / 0.2, 0, 1)
    share = u * u * (3 - 2 * u)
    outer, inner = 2 * np.log(rest / radius), np.maximum(2 * np.log(nucleus / radius), 0)
    return float((v * (0.5 * modulus * outer**2 + share * 0.5 * nucleus_modulus * inner**2)).sum())


def beside_tissue(**changes: Any) -> tuple[dict[str, Any], np.ndarray]:
    """A scenario of tissue along a tube with flow episodes, and where its cells are: four in tissue, two in blood."""
    made: dict[str, Any] = {
        "title": "beside", "run": {"duration": 2.0, "step": 0.1}, "box": {"size": [76.0, 60.0, 60.0]},
        "cells": [{"count": 1, "radius": "5 um", "nucleus_radius": "3 um"}],
        "vessels": {"network": "tube", "radius": 8.5, "length": 50.0, "speed": "100 um/s", "voxel": "3 um",
                    "interval": 0.2, "cap": "20 ms"},
        "terms": {"plasma": {}, "vessel_wall": {}, "bond": {}, "abluminal_wall": {}, "contact": {}, "polarity": {},
                  "noise": {"diffusion": 0.2}, "neighbors": {"skin": 0.3}},
        "record": {"interval": 0.5},
    }  # fmt: skip
    places = [[20.0, 48, 30], [30, 17, 30], [41, 44, 33], [50, 16, 31], [20, 30, 30], [58, 31, 30]]
    return made | changes, np.array(places)
