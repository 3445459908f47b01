"""A cell that has a shape: its nucleus and its cortex as closed shells of vertices, which keep their volumes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from physim.errors import InputError
from physim.generate.icosphere import VERTICES
from physim.problems import MisfitError
from physim.shell_state import spheres
from physim.step import Kernel, Term, parameter
from physim.terms.matrix import SEARCHED
from physim.units import (
    Drag,
    DragPerCubicMicron,
    Kilopascal,
    Micron,
    NanonewtonPerCubicMicron,
    NanonewtonPerMicron,
    Number,
)

_ASSUMED = "assumed (docs/migration.md)"
_SHAPE = ("mesh_ring", "shell_force", "shell_block", "shell_out", "shell_edge", "shell_meet")


class Cortex(Term):
    """U = gamma A + mu A_0 <I_1/J - 2>/2 + k A_0 <J - 1 - ln J> + K (V - V_0)^2/(2 V_0) of nucleus and cortex; more:

    A is the area of a shell, V the volume inside; J and I_1 are area and trace of the metric of a triangle by those at
    rest, < > the mean over triangles. At rest shells are spheres of R_n and R - thickness. Links and other cells act on
    the centre x of the cell. The nucleus hangs on it: h_n |x_n - x|^2/2, x_n the mean of its vertices. A contractile
    network draws the cortex to it: h R^2 <sqrt(1 + r^2/R^2) - 1> over vertices at a distance r; it saturates at h R.
    Contact: c d^2/2 per area that is deeper than `thickness` (the nucleus: twice that) over plates and cylinders, and
    of the nucleus in the cortex; a line load c_f (a - r) of each fiber nearer than a = patch to a vertex. Forces are
    -dU/dx, with an equal and opposite one on what is touched; stiffness is what of d2U/dx2 is sure to be positive.
    Resistance: dashpots along edges, drag against the laboratory, and friction xi times the area that touches what is
    held, across the contact: all that resists along a uniform tube. Implicit: vertices are linear in the velocity of
    the centre; conjugate gradients eliminate them in each cell, and the solve takes what they leave of its balance.
    Sources: the numbers below; docs/migration.md.
    """

    name: ClassVar[str] = "cortex"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    headers: ClassVar[tuple[str, ...]] = ("columns.h", "solid.h", "membrane.h", "triangle.h", "shell.h")
    vertices: int = parameter(162, "of each of the two shells: 42, 162 or 642", ge=42, le=642)
    tension: NanonewtonPerMicron = parameter(
        0.4, "tension gamma of the cortex", source="0.41 in L929, Tinevez et al., PNAS 106:18581 (2009)", gt=0
    )
    shear: NanonewtonPerMicron = parameter(
        0.05, "shear modulus mu of the cortex: small, since actin turns over", source=_ASSUMED, gt=0
    )
    dilation: NanonewtonPerMicron = parameter(
        0.1, "area modulus k of the cortex beyond its tension", source=_ASSUMED, ge=0
    )
    nucleus_tension: NanonewtonPerMicron = parameter(
        0.3, "tension gamma of the nucleus", source="chosen: no fold overlaps, docs/migration.md", ge=0
    )
    nucleus_shear: NanonewtonPerMicron = parameter(
        0.05, "shear modulus mu of the nucleus", gt=0,
        source=_ASSUMED + "; below the 0.5 nN/um of whole nuclei, Stephens et al., Mol Biol Cell 28:1984 (2017)",
    )
    nucleus_dilation: NanonewtonPerMicron = parameter(
        0.1, "area modulus k of the nucleus: small, its envelope is folded", source=_ASSUMED, ge=0
    )
    volume_modulus: Kilopascal = parameter(
        2000.0, "modulus K of both volumes: large, so that they are kept", source="numerical", gt=0
    )
    nucleus_holding: NanonewtonPerMicron = parameter(
        20.0, "spring h_n from the centre to the mean of the nucleus", source=_ASSUMED, gt=0
    )
    contraction: NanonewtonPerMicron = parameter(
        5.0, "spring h from the centre to the cortex", source="h R = 42 nN: traction of cells is 30-120 nN", gt=0
    )
    viscosity: Drag = parameter(
        0.1, "dashpot along each edge", source="cytoplasm of 1 kPa s: 1 kPa s x 8 um = 0.13", gt=0
    )
    drag: Drag = parameter(0.5, "drag on each shell against the laboratory: a regulariser", source=_ASSUMED, gt=0)
    friction: DragPerCubicMicron = parameter(
        0.002, "friction xi per area that touches", source=_ASSUMED + "; adhesion-free Walker cells slide with less, "
        "Bergert et al., Nat Cell Biol 17:524 (2015)", ge=0
    )  # fmt: skip
    thickness: Micron = parameter(
        0.2, "of the cortex, outside of its vertices", source="Clark et al., Biophys J 105:570 (2013)", gt=0, le=5
    )
    patch: Micron = parameter(
        1.0, "from a vertex to the fibers that it touches", source="part of its distance to the next", gt=0, le=10
    )
    wall_modulus: NanonewtonPerCubicMicron = parameter(40.0, "stiffness c of contact", source="numerical", gt=0)
    fiber_modulus: Kilopascal = parameter(5.0, "stiffness c_f of fibers per length", source="numerical", gt=0)
    tolerance: Number = parameter(1e-4, "residual at which conjugate gradients stop", source="numerical", gt=0, lt=0.1)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("press_shell", "vertex",
               ("position", "radius", "shell", "mesh_ring", "node_position", *SEARCHED, "segment_area",
                "obstacle_middle", "obstacle_form"),
               ("shell_force", "shell_block"), ("node_force", "obstacle_force")),
        Kernel("stretch_shell", "vertex", ("radius", "nucleus_radius", "shell", "mesh_ring", "mesh_unit"),
               ("shell_out", "shell_edge"), ("shell_force", "shell_block")),
        Kernel("meet_shells", "cell", ("nucleus_radius", "shell", "mesh_ring", "shell_out"), ("shell_meet",),
               ("shell_force", "shell_block")),
        Kernel("condense_shell", "cell", ("radius", "nucleus_radius", "shell", *_SHAPE),
               ("shell_inverse", "shell_solution", "shell_residual", "shell_direction", "shell_product"),
               ("force", "resistance")),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "take": (
            Kernel("take_shell", "vertex", ("shift", "shell_solution"), (), ("shell",)),
            Kernel("keep_volumes", "cell", ("shift", "shell_solution", "mesh_ring"), ("shell_out",), ("shell",)),
        ),
    }

    def check(self) -> None:
        if self.vertices not in VERTICES:
            raise MisfitError("vertices", f"{self.vertices} is no mesh that there is; write 42, 162 or 642")

    def fits(self, radius: float, nucleus_radius: float) -> bool:
        """Whether there is a nucleus and it has room in the cell."""
        return 0 < nucleus_radius <= radius - 2 * self.thickness

    @property
    def misfit(self) -> str:
        """What is wrong where it has not."""
        room = 2 * self.thickness
        return f"must be above 0 and leave {room:g} um for the cortex; change it, or terms.cortex.thickness"

    def first_state(self, radius: np.ndarray, nucleus_radius: np.ndarray) -> dict[str, np.ndarray]:
        """Both shells of each cell, as spheres. Raises InputError where one does not fit into the other."""
        if not all(self.fits(one, other) for one, other in zip(radius, nucleus_radius, strict=True)):
            raise InputError(f"cells: a nucleus {self.misfit}")
        return {"shell": spheres(self.vertices, nucleus_radius, radius - self.thickness)}
