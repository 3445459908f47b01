"""`physim mesh`: vessels of a file, cleaned, meshed and drawn. `physim.cli` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from physim.errors import InputError


def mesh(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="centerlines: .vtp, .swc or .csv", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="new folder; default: the name of the file and _vessels")
    ] = None,
    unit: Annotated[float, typer.Option(help="um per unit of the file")] = 1.0,
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
) -> None:  # fmt: skip
    """Clean the centerlines of vessels, say what was wrong with them, and write one watertight surface around them."""
    folder = out or Path(f"{file.stem}_vessels")
    if folder.exists():
        raise InputError(f"{folder}: exists and is not overwritten; give another --out or move it away")
    for name, value, what in (("voxel", voxel, "a length in um"), ("speed", speed, "a speed in um/s")):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"--{name} {value:g}: give {what} above 0")
    from physim.meshes.clean import clean
    from physim.meshes.read import read_centerlines

    lines = read_centerlines(file, unit=unit, radius=radius)
    network, report = clean(lines, least_radius=least_radius, snap=snap,
                            components="all" if all_components else "largest")  # fmt: skip
    print(report.text(), flush=True)
    import numpy as np

    from physim import flow, vtk_files
    from physim.files import write_text
    from physim.meshes.patches import patches, sizes
    from physim.meshes.surface import surface
    from physim.record import writing
    from physim.viz.vessels import render

    made = surface(network, voxel)
    patch = patches(made)
    area = sizes(made, patch)
    ports = np.unique(made.port[made.port >= 0])
    words = (f"surface: {len(made.faces):,} triangles in voxels of {made.voxel:.3g} um, watertight; "
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
        write_text(folder / "report.txt", f"{file.name}\n{report.text()}\n{words}\n{said}\n")
    for name in ("surface.vtp", "centerlines.vtp", "report.txt"):
        print(folder / name)
    print(render(folder))
