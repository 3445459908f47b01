"""The sections of a scenario as frozen models: every key with its unit, default, limits and meaning."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_serializer

from physim.step import parameter
from physim.units import Kilopascal, Micron, MicronPerMinute, MilligramPerMilliliter, Minute, Number, SquareMicron

Vector = tuple[float, float, float]
Length = Annotated[Micron, Field(gt=0, le=1e6)]
SMALLEST_RADIUS, LARGEST_RADIUS = 0.1, 1000.0
"""um, of a cell, from a file too."""
Boundary = Literal["periodic", "wall", "open"]


def _three(value: Any) -> Any:
    """One length or word stands for all three axes."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value, value)


class OneForAll:
    """In the JSON Schema: one value for all three axes, or three."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        three = handler(core_schema)
        return {"anyOf": [three["prefixItems"][0], three]}


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Run(Section):
    """How long, in which steps, and from which seed."""

    duration: Minute = Field(gt=0, le=1e9, description="simulated time", examples=['duration = "24 h"'])
    step: Minute = parameter(0.1, "time step of the mechanics", ge=1e-6)
    seed: StrictInt = Field(1, ge=0, lt=1 << 32, description="seed of all random numbers")


class Box(Section):
    """The box spans 0 to `size` along each axis; each pair of faces is periodic, a wall, or open."""

    size: Annotated[tuple[Length, Length, Length], BeforeValidator(_three), OneForAll()] = Field(
        description="edge lengths, three or one for a cube", examples=['size = "300 um"']
    )
    boundary: Annotated[tuple[Boundary, Boundary, Boundary], BeforeValidator(_three), OneForAll()] = Field(
        ("open", "open", "open"), description="faces along x, y, z, or one word for all"
    )

    @property
    def lower(self) -> Vector:
        return (0.0, 0.0, 0.0)

    @property
    def upper(self) -> Vector:
        return self.size

    @property
    def periodic(self) -> tuple[bool, bool, bool]:
        x, y, z = self.boundary
        return (x == "periodic", y == "periodic", z == "periodic")


class Cells(Section):
    """A group of cells of one kind. Spheroids with the same centre form one mixed ball."""

    name: StrictStr = Field("cells", min_length=1, description="name of the group in tables and frames")
    count: StrictInt | None = Field(
        None, ge=1, description="number of cells; from a file, the number of its rows"
    )
    place: Literal["spheroid", "sheet", "random", "file"] = "spheroid"
    center: Annotated[tuple[Micron, Micron, Micron], BeforeValidator(as_tuple)] | None = Field(
        None, description="centre of the spheroid or sheet; default: centre of the box"
    )
    axis: Literal["x", "y", "z"] | None = Field(None, description="normal of a sheet; default: z")
    file: StrictStr | None = Field(
        None, description="CSV with columns x, y, z in um; relative to the scenario"
    )
    radius: Micron = parameter(8.4, "radius of the cell", ge=SMALLEST_RADIUS, le=LARGEST_RADIUS)
    nucleus_radius: Micron = parameter(4.7, "radius of the nucleus", ge=0)
    cadherin: Number = parameter(1.0, "cadherin level relative to the reference cell", ge=0, le=1000)
    integrin: Number = parameter(1.0, "integrin level relative to the reference cell", ge=0, le=1000)
    mmp: Number = parameter(1.0, "membrane-bound collagenase relative to the reference cell", ge=0, le=1000)
    secretion: Number = parameter(1.0, "collagen laid down relative to the reference cell", ge=0, le=1000)
    spacing: Micron | None = Field(
        None, gt=0, le=1e6, description="distance of neighbours in a spheroid or sheet, or least distance"
    )

    @property
    def default_spacing(self) -> float:
        """Spheroid: 1.9 R, i.e. 2,900 um^3 per cell at R = 8.4 um. Sheet, random: 2 R, just not touching."""
        return (1.9 if self.place == "spheroid" else 2.0) * self.radius


class Collagen(Section):
    """A network of collagen fibers, grown to a concentration (`generate.collagen`) or traced in an image and read from
    a file (`generate.polylines`).
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["concentration"]}, {"required": ["file"]}]}
    )
    GROWN: ClassVar = ("concentration", "fiber_length", "length_spread", "persistence_length", "alignment",
                       "alignment_direction", "valence", "seed")  # fmt: skip
    """Keys that have no meaning with a file."""
    TRACED: ClassVar = ("file", "tolerance", "capture_distance")
    """Keys that have no meaning without one."""

    concentration: MilligramPerMilliliter | None = Field(
        None, ge=0.001, le=100, description="collagen in the gel", examples=['concentration = "2 mg/ml"']
    )
    file: StrictStr | None = Field(
        None, min_length=1, description="fibers traced in an image instead of a concentration: CSV with columns fiber, "
        "x, y, z in um, or VTP with polylines; relative to the scenario", examples=['file = "fibers.csv"'],
    )  # fmt: skip
    tolerance: Micron | None = Field(
        None, ge=0.001, le=100, description="how far resampling may move the shape of a traced fiber; default: a tenth "
        "of segment_length",
    )  # fmt: skip
    capture_distance: Micron | None = Field(
        None, ge=0, le=100, description="traced fibers that pass within this are crosslinked; default: bundle_diameter "
        "+ 2 x tolerance",
    )  # fmt: skip
    bundle_diameter: Micron = Field(
        ge=0.001, le=10, description="diameter of a fiber", examples=['bundle_diameter = "0.2 um"']
    )
    segment_length: Micron = parameter(2.5, "length of a segment between two nodes", ge=0.01, le=1000)
    fiber_length: Micron | None = Field(
        None, gt=0, le=1e6, description="mean length; default: as many crosslinks as valence needs"
    )
    length_spread: Number = parameter(0.3, "standard deviation of the logarithm of lengths", ge=0, le=1)
    persistence_length: Micron = parameter(100.0, "how far a fiber stays straight", gt=0, le=1e9)
    alignment: Number = parameter(0.0, "order S: 0 isotropic, near 1 along alignment_direction", ge=0, lt=1)
    alignment_direction: Annotated[tuple[Number, Number, Number], BeforeValidator(as_tuple)] = (1.0, 0.0, 0.0)
    valence: Number = parameter(3.3, "mean number of segments that meet at a crosslink", ge=2.5, le=3.8)
    seed: StrictInt | None = Field(None, ge=0, lt=1 << 32, description="of the network; default: the seed of the run")

    @model_serializer(mode="wrap")
    def _with_meaning(self, write: Any) -> dict[str, Any]:
        """Without the keys that have no meaning for this network, so that the resolved scenario loads again."""
        idle = self.TRACED if self.file is None else self.GROWN
        return {key: value for key, value in write(self).items() if key not in idle}


class Obstacle(Section):
    """Something solid that does not move: a plate, with holes or without, the wall of a cylinder, a closed surface.

    Cells feel it as they feel fibers (`generate.obstacles`).
    """

    kind: Literal["plate", "cylinder", "surface"]
    axis: Literal["x", "y", "z"] = "x"
    center: Annotated[tuple[Micron, Micron, Micron], BeforeValidator(as_tuple)] | None = Field(
        None, description="middle of a plate or cylinder; default: the middle of the box"
    )
    thickness: Micron = parameter(0.0, "of a plate; 0 for a sheet", ge=0, le=1e5)
    hole_area: SquareMicron | None = Field(None, gt=0, le=1e6, description="area of a round hole through a plate")
    hole_size: Annotated[tuple[Micron, Micron], BeforeValidator(as_tuple)] | None = Field(
        None, description="edges of a rectangular hole instead, along the next two axes: a thick plate makes a channel"
    )
    pitch: Micron | None = Field(
        None, gt=0, le=1e5, description="distance of holes in a square lattice; default: one hole, in the middle"
    )
    radius: Micron | None = Field(None, gt=0, le=1e5, description="radius of a cylinder")
    length: Micron | None = Field(None, gt=0, le=1e6, description="length of a cylinder; default: through the box")
    file: StrictStr | None = Field(None, min_length=1, description="closed surface (STL, PLY, OBJ; um); relative to "
                                   "the scenario")  # fmt: skip
    ligand: Number = parameter(0.0, "ligand on its surface, relative to collagen, for `links`; 0: none", ge=0, le=1000)
    spacing: Micron = parameter(0.5, "distance of the wires by which a surface is drawn", ge=0.1, le=5)
    OF: ClassVar = {"plate": ("thickness", "hole_area", "hole_size", "pitch"), "cylinder": ("radius", "length"),
                    "surface": ("file",)}  # fmt: skip
    """Keys that only one kind has."""

    @model_serializer(mode="wrap")
    def _with_meaning(self, write: Any) -> dict[str, Any]:
        """Without the keys of other kinds."""
        idle = {key for kind, keys in self.OF.items() if kind != self.kind for key in keys}
        return {key: value for key, value in write(self).items() if key not in idle}


class Vessels(Section):
    """Vessels and the blood in them: centerlines of a file, or a network by name, in the middle of the box."""

    file: StrictStr | None = Field(None, min_length=1, description="centerlines (VTP, SWC, CSV) instead of a network; "
                                   "relative to the scenario")  # fmt: skip
    unit: Number = parameter(1.0, "um per unit of the file", gt=0)
    network: Literal["tube", "bifurcation", "constriction", "sinusoids", "capillaries", "tumour"] = "tube"
    seed: StrictInt | None = Field(None, ge=0, lt=1 << 32, description="of the network; default: the seed of the run")
    radius: Micron | None = Field(None, gt=0, le=1e3, description="of a tube, constriction or bifurcation")
    length: Micron | None = Field(None, gt=0, le=1e5, description="of a tube, or of the narrow part of a constriction")
    narrow: Micron | None = Field(None, gt=0, le=1e3, description="least radius of a constriction")
    speed: MicronPerMinute = parameter(
        18000.0, "of blood without cells: at the inlet where a pressure is given, else the median of the network",
        source="300 um/s: Tapmeier's tumour network in VASCULAR prototype", gt=0,
    )  # fmt: skip
    pressure: Kilopascal | None = Field(
        None, gt=0, description="between the inlet, the end at the least x, and the others; what the vessels do not "
        "take at this speed is lost before them. Default: estimated for the speed",
    )  # fmt: skip
    voxel: Micron | None = Field(None, gt=0, le=100, description="of surface and lumen; default: by the least radius")
    interval: Minute | None = Field(
        None, gt=0, le=1e6, description="time of tissue between flow episodes, in which tissue stands still and blood "
        "carries the cells in vessels; default: blood is all there is, and run.step is its step",
    )  # fmt: skip
    step: Minute = parameter(0.001 / 60, "time step of a flow episode", ge=1e-9,
                             source="vascular prototype: 0.1 to 1 ms")  # fmt: skip
    cap: Minute = parameter(1.0, "most of blood's time in one episode; who is still carried then waits for the next",
                            source="longest transit through a capillary bed; recalled", gt=0, le=1e6)  # fmt: skip
    OF_EPISODES: ClassVar = ("step", "cap")
    """Keys that only have a meaning with an interval."""

    @model_serializer(mode="wrap")
    def _with_meaning(self, write: Any) -> dict[str, Any]:
        """Without the keys that have no meaning here."""
        idle = self.OF_EPISODES if self.interval is None else ()
        return {key: value for key, value in write(self).items() if key not in idle}


class Record(Section):
    """What is kept, and how often."""

    interval: Minute = parameter(10.0, "time between frames and table rows", gt=0, le=1e9)
    links: StrictBool = Field(
        True, description="write links between cells and fibers as a part of the frames"
    )
    fibers: StrictBool = Field(
        True, description="write fibers that move as a part of the frames, else only as they were at the start"
    )
