"""`her2bench augment MANIFEST CONFIG`: tiles as training would see them, on one sheet."""

from pathlib import Path
from typing import Annotated

import typer


def augment(
    manifest: Annotated[
        Path, typer.Argument(help="The manifest, .csv or .parquet.", metavar="MANIFEST")
    ],
    config: Annotated[Path, typer.Argument(help="A config as for compare.", metavar="CONFIG")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The sheet, a PNG.")] = Path("sheet.png"),
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value overrides a setting, e.g. size=96."),
    ] = None,
    tiles: Annotated[int, typer.Option(min=1, max=100, help="Number of tiles, one per row.")] = 6,
    versions: Annotated[
        int, typer.Option(min=1, max=100, help="Versions of each tile, one per column.")
    ] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Draw some tiles of a manifest, as they are and augmented as in training, on one sheet."""
    from her2bench.comparison.config import ComparisonConfig
    from her2bench.core.config import load_settings
    from her2bench.core.manifest import read_manifest
    from her2bench.core.packaged_configs import config_path
    from her2bench.core.terminal import say
    from her2bench.training.augmentation_sheet import write_sheet

    chosen = load_settings(ComparisonConfig, config_path(config, "compare"), settings or ())
    kinds, drawn = chosen.recipe.augment, (tiles, versions, seed, chosen.recipe.augment_strength)
    shown = write_sheet(read_manifest(manifest), chosen.size, kinds, out, *drawn)
    say(f"{out}: {len(shown)} tiles at {chosen.size} px, {', '.join(kinds) or 'no augmentation'}")
