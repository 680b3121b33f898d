"""Lets only requests of the page itself through: those sent to its own address, by itself or by a person.

A page of another site can make a browser send requests to this machine, under the site's own name if that name is
made to lead here (DNS rebinding). Both show in the headers `Host` and `Origin`, which such a page cannot choose.
"""

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = ("", "0.0.0.0", "::")  # to listen on; no browser asks for these
REFUSAL = b"this page answers only under its own address\n"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class OwnRequestsOnly:
    """A web application (ASGI) that hands requests on to another one, or refuses them with status 403."""

    def __init__(self, application: Application, host: str) -> None:
        """Wrap an application.

        Args:
            application: Gets what is let through.
            host: Address or name that the page is served on. On all addresses of the machine, the page answers to
                every bare address, which no other site has for a name, and to the name of the machine.
        """
        self.application = application
        self.names = {*LOOPBACK, host.lower()}
        self.takes_addresses = host in EVERY_ADDRESS
        if self.takes_addresses:
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in ("http", "websocket") or self.is_own(scope["headers"]):
            await self.application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: status 403
        else:
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(REFUSAL)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})

    def is_own(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Return whether a request went to the page's own address, and did not come from a page at another one."""
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not self._is_name(hosts[0]):
            return False
        return all(origin in (f"http://{hosts[0]}", f"https://{hosts[0]}") for origin in origins)

    def _is_name(self, host: str) -> bool:
        """Return whether `name:port` is one of the page."""
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        return name in self.names or (self.takes_addresses and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
