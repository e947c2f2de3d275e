"""`her2bench predict RUN INPUT...`: tiles and folders of tiles → a CSV."""

from pathlib import Path
from typing import Annotated

import typer


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder: OUT/runs/<model>/seed-0/fold-0.")],
    inputs: Annotated[list[Path], typer.Argument(help="Tiles, and folders of tiles.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for predictions.csv.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Your own network: package.module:Class, or NAME=package.module:Class.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the predictions.")] = False,
) -> None:
    """Probability and class of each tile, at the run's frozen threshold. Not for diagnosis."""
    from her2bench.core.atomic_io import check_writable
    from her2bench.core.run_folder import RunFolder
    from her2bench.core.tables import write_table
    from her2bench.core.terminal import say, say_json
    from her2bench.models.registry import use_model
    from her2bench.prediction.device import choose_device
    from her2bench.prediction.predict_files import find_images, predict_tiles

    for entry in model or []:
        use_model(entry)
    images = find_images(inputs)
    check_writable(out, "-o")
    table, left_out = predict_tiles(RunFolder(run), images, choose_device(device), skip_bad)
    write_table(table, out / "predictions.csv")
    for path, reason in left_out:
        say(f"left out: {path}: {reason}", error=True)
    if as_json:
        say_json(table.write_json())
        return
    positive = table.filter(table["call"] == "positive").height
    say(f"{table.height} tiles, {positive} predicted positive: {out / 'predictions.csv'}")
