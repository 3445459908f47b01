"""The table of cells: one row per cell and record, in Parquet, the unit of each column in its field metadata.

Written by `physim.record` as one part per record and joined when the run ends; read by
`physim.analysis.migration`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physim.files import replacing

_AXES = ("x", "y", "z")
# column: (array of the snapshot, component, unit); minutes of `departed` become hours
_COLUMNS: dict[str, tuple[str, int | None, str]] = {
    "id": ("id", None, ""),
    "type": ("type", None, ""),
    **{f"{axis}_um": ("position", k, "um") for k, axis in enumerate(_AXES)},
    "radius_um": ("radius", None, "um"),
    "nucleus_radius_um": ("nucleus_radius", None, "um"),
    "cadherin": ("cadherin", None, ""),
    "integrin": ("integrin", None, ""),
    "mmp": ("mmp", None, ""),
    **{f"polarity_{axis}": ("polarity", k, "") for k, axis in enumerate(_AXES)},
    **{f"velocity_{axis}_um_per_min": ("velocity", k, "um/min") for k, axis in enumerate(_AXES)},
    **{f"force_{axis}_nN": ("force", k, "nN") for k, axis in enumerate(_AXES)},
    "bound_links": ("bound_links", None, ""),
    "link_force_nN": ("link_force", None, "nN"),
    "junctions": ("junctions", None, ""),
    "departed_h": ("departed", None, "h"),
}
TRAJECTORY = ("id", "type", "x_um", "y_um", "z_um", "departed_h")
"""Columns that a trajectory needs, beside time_h."""


def rows(time: float, cells: dict[str, np.ndarray], columns: Iterable[str] = tuple(_COLUMNS)) -> pa.Table:
    """The rows of one record at `time` (min): `time_h` and the columns."""
    arrays = {"time_h": pa.array(np.full(len(cells["id"]), time / 60))}
    units = {"time_h": "h"}
    for column in columns:
        name, component, unit = _COLUMNS[column]
        values = cells[name] if component is None else cells[name][:, component]
        arrays[column], units[column] = pa.array(values / 60 if name == "departed" else values), unit
    fields = [pa.field(name, array.type, metadata={"unit": units[name]}) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def write(path: Path, table: pa.Table) -> None:
    """Replace a Parquet file by a complete new one. Raises OSError."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def join(parts: Path, path: Path) -> None:
    """Join part_*.parquet of a folder into one file, a row group each. Raises OSError."""
    files = sorted(parts.glob("part_*.parquet"))
    if files:
        schema = pq.read_schema(files[0])
        with replacing(path) as temporary:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as joined:
                for file in files:
                    joined.write_table(pq.read_table(file))


def read(run: Path, columns: Iterable[str] | None = None) -> pa.Table:
    """The table of a run's folder, finished or not, or of one Parquet file. Raises FileNotFoundError."""
    if run.is_dir() and (run / "cells.parquet").exists():
        run = run / "cells.parquet"
    names = None if columns is None else ["time_h", *columns]
    files = [run] if run.is_file() else sorted((run / "table").glob("part_*.parquet"))
    if not files:
        raise FileNotFoundError(f"{run}: has no cells.parquet")
    return pa.concat_tables([pq.read_table(file, columns=names) for file in files])
