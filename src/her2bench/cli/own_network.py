"""The option that names a user's own network, where weights of it are read."""

from typing import Annotated

import typer

OwnNetworks = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="Your own network: package.module:Class, or NAME=package.module:Class.",
    ),
]


def use_own(entries: list[str] | None) -> None:
    """Import and register the networks."""
    from her2bench.models.registry import use_model

    for entry in entries or ():
        use_model(entry)
