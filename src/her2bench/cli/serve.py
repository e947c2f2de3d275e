"""`her2bench serve OUT`: the results and a page to try tiles on, in the browser."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Argument(help="The folder of a comparison.")]
Host = Annotated[str, typer.Option(help="Address to listen on; the default is this machine alone.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Model = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="A network from outside: package.module:Class, or NAME=package.module:Class.",
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", help="A further name under which the server answers."),
]
RootPath = Annotated[
    str, typer.Option(help="The path under which a proxy hands requests on, such as /her2.")
]


def serve(
    out: Out,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    device: Device = "auto",
    model: Model = None,
    allow_host: AllowHost = None,
    root_path: RootPath = "",
) -> None:
    """Show a comparison's report, and try tiles in its networks. Not for diagnosis."""
    from her2bench.core.runs import opened_comparison
    from her2bench.core.terminal import say
    from her2bench.models.registry import use_model
    from her2bench.prediction.device import choose_device
    from her2bench.web.app import create_app
    from her2bench.web.prefix import prefix_of
    from her2bench.web.server import (
        bound_socket,
        is_loopback,
        names_of,
        public_names,
        serve_app,
    )
    from her2bench.web.service import opened_service

    for entry in model or []:
        use_model(entry)
    public, prefix = public_names(allow_host or []), prefix_of(root_path)
    folder = opened_comparison(out)
    chosen = choose_device(device)
    bound = bound_socket(host, port)
    service = opened_service(folder, chosen)
    if service is None:
        say("no finished network in this folder: the report alone is shown", error=True)
    elif isinstance(service.training, str):
        say(service.likeness, error=True)
    if not is_loopback(host):
        say(
            f"warning: listening on {host}, so that other machines can reach it; there is no "
            "password and no encryption",
            error=True,
        )
    app = create_app(
        folder,
        service,
        hosts=names_of(host),
        any_address=not is_loopback(host),
        public=public,
        prefix=prefix,
    )
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{bound.getsockname()[1]}  (Ctrl-C ends it)")
    serve_app(app, bound)
