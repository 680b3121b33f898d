"""The command `demo`: a local web page to try a trained recogniser."""

from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import require_extra
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import note, say


@cl.command(
    "demo",
    cl.option(
        "--model",
        type=Path,
        default=cl.EVERYDAY,
        help="model file, folder of a finished run, or name of a shipped model",
    ),
    cl.option("--recordings", type=Path, default=None, help="folder of recordings to offer (default: none)"),
    cl.option("--host", default="127.0.0.1", help="address to serve on; others than this machine's own warn"),
    cl.option("--port", type=int, default=8501, help="port to serve on; 0 for a free one"),
    cl.option("--max-upload-mb", type=int, default=50, help="largest upload in megabytes"),
    cl.option("--time-limit-s", type=float, default=60.0, help="longest time for one answer"),
    example="--recordings my_walks",
)
def demo(arguments: Namespace) -> None:
    """Serve a web page on this machine on which a person tries a trained recogniser.

    Everything stays on this machine: the page loads nothing from outside and sends nothing. Ctrl-C ends it.
    """
    require_extra("demo", "streamlit")
    from sadvae_har.demo.own_requests import LOOPBACK
    from sadvae_har.demo.server import address, find_port, serve
    from sadvae_har.demo.service import DemoSettings, open_service

    settings = DemoSettings(arguments.model, arguments.recordings, arguments.max_upload_mb, arguments.time_limit_s)
    port = find_port(arguments.host, arguments.port)
    open_service(settings)
    if arguments.host not in LOOPBACK:
        note(f"warning: --host {arguments.host}: whoever reaches this address can use the page; it has no password")
    say(f"page: {address(arguments.host, port)} (Ctrl-C ends it)")
    serve(settings, arguments.host, port)
