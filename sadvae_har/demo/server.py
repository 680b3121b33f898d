"""Serves the page on one address of this machine, with everything off that would reach outside or that nobody needs."""

import signal
import socket
import sys
from pathlib import Path

from feature_extraction.errors import InputError
from sadvae_har.demo.own_requests import OwnRequestsOnly
from sadvae_har.demo.service import DemoSettings
from sadvae_har.report.look.colours import FIELD_COLOUR, INK, UNSEEN_COLOUR

PAGE = Path(__file__).with_name("page.py")


def find_port(host: str, port: int) -> int:
    """Return `port` if it is free on `host`; for 0, a free one.

    Raises:
        InputError: The port is taken or impossible, or this machine has no such address.
    """
    if not 0 <= port <= 65_535:
        raise InputError(f"--port: {port} cannot be used; give 1 to 65535, or 0 for a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise InputError(
            f"--host {host} --port {port}: {error.strerror or error}; choose another port, 0 for a free one"
        ) from error


def address(host: str, port: int) -> str:
    """Return the address to open in a browser."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: DemoSettings, host: str, port: int) -> None:
    """Serve the page until the process is interrupted; `open_service` was called before, so mistakes are known."""
    import uvicorn
    from streamlit.starlette import App
    from streamlit.web import bootstrap

    bootstrap.load_config_options(server_flags(settings, host, port))
    sys.argv = [str(PAGE), settings.to_json()]  # what the script of the page reads
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    application = OwnRequestsOnly(App(PAGE), host)
    try:
        uvicorn.run(application, host=host, port=port, log_config=None, log_level="error", timeout_graceful_shutdown=1)
    except KeyboardInterrupt:  # how a page usually ends
        pass


def server_flags(settings: DemoSettings, host: str, port: int) -> dict[str, object]:
    """Return the settings of the web server; they outweigh its own files and environment variables."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.maxUploadSize": settings.max_upload_mb,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": host,
        "browser.serverPort": port,
        "client.allowedOrigins": [],
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "logger.hideWelcomeMessage": True,
        "logger.level": "error",
        "runner.magicEnabled": False,
        "theme.base": "light",
        "theme.primaryColor": UNSEEN_COLOUR,
        "theme.textColor": INK,
        "theme.secondaryBackgroundColor": FIELD_COLOUR,
    }
