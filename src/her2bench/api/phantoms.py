"""`her2bench.phantom`: synthetic IHC tiles with known truth."""

from pathlib import Path
from typing import Any

import polars as pl

from her2bench.core.manifest import read_manifest
from her2bench.core.packaged_configs import config_path
from her2bench.phantom import phantom_settings, read_settings, write_phantom


def phantom(
    out: str | Path, *, config: str | Path | None = None, workers: int = 1, **settings: Any
) -> pl.DataFrame:
    """Draw a phantom: slides of synthetic IHC tiles with known scores.

    Args:
        out: the folder to write; unchanged if it already contains this phantom.
        config: a TOML file with settings, or `"phantom_tiles"`, a packaged one.
        workers: processes; more than 1 needs `if __name__ == "__main__":` in a script.
        settings: `slides, tiles_per_slide, size, mpp, seed, confounding, quality, layout`, over
            those of the file.

    Returns:
        The manifest, one row per tile (with the layout `bci` the table of the truth).

    Raises:
        UserError: a setting is wrong, or the folder contains other files.
    """
    place = Path(out)
    from_file = {} if config is None else read_settings(config_path(config, "phantom"))
    chosen = phantom_settings({**from_file, **settings}, config)
    write_phantom(place, chosen, workers)
    if chosen.layout == "bci":
        return pl.read_csv(place / "truth.csv")
    return read_manifest(place / "manifest.csv")
