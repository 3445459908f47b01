"""An MP4 from the pictures of a run; needs the extra `video` (imageio-ffmpeg, which brings its own ffmpeg)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from physim.errors import InputError
from physim.files import replacing
from physim.record import writing

FRAMES_PER_SECOND = 10


def check(size: tuple[int, int]) -> None:
    """Raises InputError if the extra is not installed, or if H.264 cannot hold pictures of this size."""
    if find_spec("imageio_ffmpeg") is None:
        raise InputError("--movie: imageio-ffmpeg is not installed; pip install imageio-ffmpeg, or use --frames all")
    if size[0] % 2 or size[1] % 2:
        raise InputError(f"--size: a movie of {size[0]}x{size[1]} pixels is not possible; give even numbers")


def write_movie(path: Path, pictures: Sequence[Path]) -> Path:
    """Join PNG pictures of one size into an H.264 movie of ten frames a second. Raises RecordError."""
    import imageio_ffmpeg
    from matplotlib.image import imread

    height, width = imread(pictures[0]).shape[:2]
    with writing(path, "the pictures are kept"), replacing(path) as temporary:
        film = imageio_ffmpeg.write_frames(
            temporary, (width, height), fps=FRAMES_PER_SECOND, codec="libx264", quality=8, macro_block_size=2,
            output_params=["-f", "mp4"],
        )  # fmt: skip
        film.send(None)
        for picture in pictures:
            film.send(np.ascontiguousarray(np.rint(255 * imread(picture)[..., :3]), np.uint8))
        film.close()
    return path
