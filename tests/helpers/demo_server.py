"""The demo page as a process of its own, and requests to it."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from checkout import ROOT

OURS = ("sadvae_har", "feature_extraction")
PATIENCE_S = 300.0  # for what takes a second: tests wait for a state, and a busy machine takes its time


@contextmanager
def running_page(model: Path, folder: Path) -> Iterator[str]:
    """Start the page in `folder` as a person would, on a free port; yield its address and end it as Ctrl-C would."""
    (folder / "secret.txt").write_text("the-secret-of-this-test", encoding="utf-8")
    command = [sys.executable, "-m", "sadvae_har", "demo", "--model", str(model), "--port", "0"]
    with (folder / "log.txt").open("w+", encoding="utf-8") as log:
        page = subprocess.Popen(
            [*command, "--max-upload-mb", "1", "--time-limit-s", "3600"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert page.stdout is not None
            found = re.search(r"page: (http://127\.0\.0\.1:\d+) ", page.stdout.readline())
            assert found, (folder / "log.txt").read_text(encoding="utf-8")
            wait_until_up(found[1], page)
            yield found[1]
        finally:
            page.terminate()
            assert page.wait(PATIENCE_S) == 0
    # The server's own library may complain of a tab that closed in the middle of an answer.
    said = (folder / "log.txt").read_text(encoding="utf-8")
    assert not [name for name in OURS if f'File "{ROOT / name}' in said], said


def wait_until_up(address: str, page: subprocess.Popen[str]) -> None:
    """Wait until the page answers; give up when its process ends or after `PATIENCE_S`."""
    deadline = time.monotonic() + PATIENCE_S
    while page.poll() is None and time.monotonic() < deadline:
        try:
            if ask(address, "/_stcore/health")[0] == 200:
                return
        except ConnectionError:
            time.sleep(0.1)
    raise TimeoutError(address)


def ask(address: str, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send a request with the path exactly as given."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, b"" if answer.status == 101 else answer.read()
    finally:
        connection.close()
