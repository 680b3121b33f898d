"""A model hub on this machine that speaks as much of the hub's protocol as one upload and one download need."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_test"


class FakeHub(ThreadingHTTPServer):
    """Repositories by name, each a mapping of file names to contents; `private` ones by name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:  # noqa: N802
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/main/(.+)", self.path)
        if self.path == "/":
            return self._answer(b"")
        repository = self.server.repositories.get(found[1]) if found else None
        if repository is None:
            return self._answer(b"", 404, X_Error_Code="RepoNotFound")
        if found is None or found[2] not in repository:
            return self._answer(b"", 404, X_Error_Code="EntryNotFound")
        return self._answer(repository[found[2]], ETag=f'"{len(repository[found[2]])}"', X_Repo_Commit=COMMIT)

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(b'{"error": "Invalid username or password."}', 401)
        if self.path == "/api/repos/create":
            value = json.loads(body)
            name = f"{value['organization']}/{value['name']}"
            self.server.repositories[name] = {}
            if value.get("visibility") == "private":
                self.server.private.add(name)
            return self._answer(json.dumps({"url": f"{self.server.address}/{name}"}).encode())
        if "/preupload/" in self.path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self._answer(json.dumps({"files": files}).encode())
        found = re.match(r"/api/models/(.+)/commit/main", self.path)
        if found is None:
            return self._answer(b"{}")  # such as the check of the card's header
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repositories[found[1]][line["value"]["path"]] = content
        address = f"{self.server.address}/{found[1]}/commit/{COMMIT}"
        return self._answer(json.dumps({"success": True, "commitUrl": address, "commitOid": COMMIT}).encode())


@contextmanager
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Run a hub and point `huggingface_hub` at it."""
    with FakeHub() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace("https://huggingface.co", server.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server
        server.shutdown()
