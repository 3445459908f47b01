"""`physim mesh`: vessels of a file, or generated ones, cleaned, meshed and drawn. `physim.cli` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from physim.errors import InputError

if TYPE_CHECKING:
    from physim.meshes.centerlines import Centerlines
    from physim.meshes.clean import Report
    from physim.meshes.surface import Surface

SURFACES = (".stl", ".obj", ".ply")


def mesh(
    file: Annotated[
        Path, typer.Argument(metavar="FILE|NAME", help="centerlines: .vtp, .swc or .csv; a closed surface: .stl, .obj, "
                             ".ply or .vtp; or a built-in network: tube, bifurcation, constriction, sinusoids, "
                             "capillaries, tumour", show_default=False)
    ],
    centerline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="centerlines of the closed surface FILE", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="new folder; default: the name of the file and _vessels")
    ] = None,
    unit: Annotated[float, typer.Option(help="um per unit of the file, or of both files")] = 1.0,
    radius: Annotated[
        float | None, typer.Option(help="um, where the file has no radius", show_default=False)
    ] = None,
    least_radius: Annotated[float, typer.Option(help="um; thinner points are faults of the segmentation")] = 1.5,
    snap: Annotated[float, typer.Option(help="um; ends nearer to each other than this are joined")] = 1e-3,
    all_components: Annotated[
        bool, typer.Option("--all-components", help="keep networks that do not hang together; else the longest")
    ] = False,
    speed: Annotated[float, typer.Option(help="um/s, median over the network, of the flow that is estimated")] = 300.0,
    voxel: Annotated[
        float | None, typer.Option(help="um; default: from the thinnest vessel", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="of a built-in network that is random")] = 0,
) -> None:  # fmt: skip
    """Clean the centerlines of vessels, say what was wrong with them, and write one watertight surface around them.

    Or take the surface from a file: then it is checked and repaired, and the centerlines must lie within it.
    """
    folder = out or Path(f"{file.stem}_vessels")
    if folder.exists():
        raise InputError(f"{folder}: exists and is not overwritten; give another --out or move it away")
    for name, value, what in (("voxel", voxel, "a length in um"), ("speed", speed, "a speed in um/s")):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"--{name} {value:g}: give {what} above 0")
    if centerline is None and file.suffix.lower() in SURFACES:
        raise InputError(f"{file.name}: is a surface; give its centerlines as well: --centerline FILE.csv")
    if centerline is not None and voxel is not None:
        raise InputError(f"--voxel {voxel:g}: a surface from a file has no voxels; leave it out")
    keep: Literal["all", "largest"] = "all" if all_components or centerline is not None else "largest"
    if file.suffix or file.exists():
        network, report, made = _from_files(file, centerline, unit, radius, keep, least_radius=least_radius, snap=snap)
        said = report.text()
    else:
        from physim.meshes.networks import generated

        network, made = generated(str(file), seed), None
        thin, thick = network.radius.min(), network.radius.max()
        said = (f"generated, seed {seed}: {network.branches:,} branches, {network.loops:,} loops, "
                f"{network.lengths.sum():,.0f} um, R {thin:.3g} to {thick:.3g} um")  # fmt: skip
    print(said, flush=True)
    _write(folder, f"{file.name}\n{said}", network, made, voxel, speed)


def _from_files(file: Path, centerline: Path | None, unit: float, radius: float | None, keep: Literal["all", "largest"],
                **how: float) -> tuple[Centerlines, Report, Surface | None]:  # fmt: skip
    """The cleaned network, what was done, and the surface if it is from a file too."""
    from physim.meshes.clean import clean
    from physim.meshes.read import read_centerlines

    if centerline is None:
        return *clean(read_centerlines(file, unit=unit, radius=radius), components=keep, **how), None
    from physim.meshes import imported

    vertices, faces, report = imported.read_surface(file, unit=unit)
    distance = imported.signed_distance(vertices, faces)
    lines = imported.wall_radii(read_centerlines(centerline, unit=unit, radius=radius), distance)
    network, cleaned = clean(lines, components=keep, **how)
    for what, count in cleaned.counts.items():
        report.add(f"centerlines: {what}", count)
    report.notes += cleaned.notes
    return network, report, imported.fitted(network, vertices, faces, report)


def _write(folder: Path, origin: str, network: Centerlines, made: Surface | None, voxel: float | None,
           speed: float) -> None:  # fmt: skip
    """Mesh the network unless there is a surface, estimate its flow, and write and draw it all."""
    import numpy as np

    from physim import flow, vtk_files
    from physim.files import write_text
    from physim.meshes.patches import patches, sizes
    from physim.meshes.surface import surface
    from physim.record import writing
    from physim.viz.vessels import render

    size = "" if made else " in voxels of {:.3g} um"
    made = made or surface(network, voxel)
    patch = patches(made)
    area = sizes(made, patch)
    ports = np.unique(made.port[made.port >= 0])
    words = (f"surface: {len(made.faces):,} triangles{size.format(made.voxel)}, watertight; "
             f"{made.mesh.volume:,.0f} um^3 of lumen; {len(ports)} ports; {len(area):,} endothelial patches of "
             f"{np.median(area):.0f} um^2")  # fmt: skip
    print(words, flush=True)
    along = {"radius_um": network.radius}
    try:
        blood = flow.estimate(network, median_speed=speed)
        fast, shear = np.abs(blood.speed), np.abs(blood.shear) / flow.DYN
        said = (f"flow, estimated: {np.median(fast):.0f} um/s (median; at most {fast.max():,.0f}), wall shear "
                f"{np.median(shear):.2g} dyn/cm^2, pressures within {np.ptp(blood.pressure):.3g} Pa")  # fmt: skip
        along |= {"speed_um_s": blood.speed, "wall_shear_Pa": blood.shear}
    except InputError as problem:
        said = f"flow: none; {problem}"
    print(said, flush=True)
    with writing(folder, "nothing was changed"):
        folder.mkdir(parents=True)
        vtk_files.write_triangles(folder / "surface.vtp", made.vertices, made.faces, {
            "port": made.port.astype(np.int32), "patch": patch.astype(np.int32)}, {})  # fmt: skip
        step = np.setdiff1d(np.arange(len(network.points) - 1), network.first[1:-1] - 1)
        branch = np.repeat(np.arange(network.branches), np.diff(network.first))
        vtk_files.write_lines(folder / "centerlines.vtp", network.points, np.stack([step, step + 1], axis=1),
                              {"branch": branch[step].astype(np.int32)}, {},
                              {name: values.astype(np.float32) for name, values in along.items()})  # fmt: skip
        write_text(folder / "report.txt", f"{origin}\n{words}\n{said}\n")
    for name in ("surface.vtp", "centerlines.vtp", "report.txt"):
        print(folder / name)
    print(render(folder))
