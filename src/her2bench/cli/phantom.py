"""`her2bench phantom`: synthetic IHC tiles with known truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from her2bench.phantom import PhantomSettings

Config = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with any of the settings below, or phantom_tiles (what the config "
        "phantom of compare needs)."
    ),
]


def phantom(
    out: Annotated[
        Path, typer.Argument(help="Folder to write; it must not exist yet.", metavar="OUT")
    ],
    config: Config = None,
    slides: Annotated[
        int | None, typer.Option(help="Number of slides (default: 51, as BCI).")
    ] = None,
    tiles_per_slide: Annotated[
        int | None, typer.Option(help="Mean number of tiles per slide (default: 20; BCI has 95).")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of a tile, pixels (default: 256).")] = None,
    mpp: Annotated[
        float | None, typer.Option(help="µm/pixel (default: 0.92; BCI has 0.46 at size 1024).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed (default: 0).")] = None,
    confounding: Annotated[
        float | None,
        typer.Option(
            help="How strongly the colour of the light follows the target, 0 to 1 (default: 0)."
        ),
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="manifest, or bci: folders as in BCI (default: manifest).")
    ] = None,
    quality: Annotated[int | None, typer.Option(help="JPEG quality (default: 90).")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes (default: as many as there are cores).")
    ] = None,
) -> None:
    """Draw synthetic IHC tiles with known truth: to try her2bench without data."""
    given = {
        "slides": slides,
        "tiles_per_slide": tiles_per_slide,
        "size": size,
        "mpp": mpp,
        "seed": seed,
        "confounding": confounding,
        "layout": layout,
        "quality": quality,
    }
    from her2bench.core.terminal import say

    settings = _settings(config, given)
    if _write_with_progress(out, settings, workers):
        say(f"{out}: {settings.slides} slides, {settings.slides * settings.tiles_per_slide} tiles")
    else:
        say(f"{out}: this phantom exists already, nothing to do")


def _settings(config: Path | None, given: dict[str, object]) -> "PhantomSettings":
    """The settings of the file, overridden by the options."""
    from her2bench.core.packaged_configs import config_path
    from her2bench.phantom import phantom_settings, read_settings

    from_file = {} if config is None else read_settings(config_path(config, "phantom"))
    phantom_settings(from_file, config)
    chosen = {name: value for name, value in given.items() if value is not None}
    return phantom_settings({**from_file, **chosen})


def _write_with_progress(out: Path, settings: "PhantomSettings", workers: int | None) -> bool:
    from her2bench.core.console import progress
    from her2bench.core.errors import UserError
    from her2bench.phantom import write_phantom

    if workers is not None and not 1 <= workers <= 1000:
        raise UserError("--workers", found=str(workers), expected="from 1 to 1000")
    with progress() as bar:
        task = bar.add_task("drawing", total=settings.slides * settings.tiles_per_slide)
        return write_phantom(out, settings, workers, lambda n: bar.advance(task, n))
