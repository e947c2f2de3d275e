"""`her2bench serve OUT`: the report and a page to classify tiles, in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from her2bench.cli.own_network import OwnNetworks, use_own

Out = Annotated[Path, typer.Argument(help="The folder of a comparison.", metavar="OUT")]
Host = Annotated[
    str, typer.Option(help="Address to listen on; by default only this machine can connect.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 selects any free port.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", help="Another host name the server accepts."),
]
RootPath = Annotated[str, typer.Option(help="Path prefix of the proxy, such as /her2.")]


def serve(
    out: Out,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    device: Device = "auto",
    model: OwnNetworks = None,
    allow_host: AllowHost = None,
    root_path: RootPath = "",
) -> None:
    """Serve a comparison's report, and classify tiles with its networks. Not for diagnosis."""
    from her2bench.core.runs import opened_comparison
    from her2bench.core.terminal import say
    from her2bench.prediction.device import choose_device
    from her2bench.web import server
    from her2bench.web.app import create_app
    from her2bench.web.prefix import prefix_of
    from her2bench.web.service import opened_service

    use_own(model)
    public, prefix = server.public_names(allow_host or []), prefix_of(root_path)
    folder = opened_comparison(out)
    chosen = choose_device(device)
    bound = server.bound_socket(host, port)
    service = opened_service(folder, chosen)
    if service is None:
        say("no finished network in this folder: only the report is shown", error=True)
    elif isinstance(service.training, str):
        say(service.likeness, error=True)
    if not server.is_loopback(host):
        say(
            f"warning: listening on {host}, which other machines can reach; there is no "
            "password and no encryption",
            error=True,
        )
    app = create_app(
        folder,
        service,
        hosts=server.names_of(host),
        any_address=not server.is_loopback(host),
        public=public,
        prefix=prefix,
    )
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{bound.getsockname()[1]}  (Ctrl-C stops the server)")
    server.serve_app(app, bound)
