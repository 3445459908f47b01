"""Arguments and options that several commands of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="built-in name or TOML file", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="change a value, e.g. cells.0.count=50; repeatable"),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a run", show_default=False)]
DeviceName = Annotated[
    str | None, typer.Option("--device", help="number or part of the name of an OpenCL device")
]
Preview = Annotated[
    bool | None,
    typer.Option("--preview/--no-preview", help="render pictures when done; not of several seeds unless asked"),
]
