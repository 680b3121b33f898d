"""The demo page's server by plain HTTP: no file is read, no other site connects, mistakes are one line."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_server import PATIENCE_S, ROOT, ask, running_page

from sadvae_har.demo.own_requests import REFUSAL, OwnRequestsOnly

pytest.importorskip("streamlit", reason="the extra `demo` is not installed")


@pytest.fixture(scope="module")
def address(trained_recognizer_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_page(trained_recognizer_path, tmp_path_factory.mktemp("page")) as address:
        yield address


def probes(secret: Path) -> Iterator[str]:
    up = ("..%2f" * 12, "../" * 12, "%2e%2e/" * 12, "..%5c" * 12, "....//" * 12)
    for route in ("/", "/static/", "/media/", "/component/x/", "/app/static/", "/_stcore/bidi-components/x/"):
        for step in up:
            yield f"{route}{step}{str(secret).lstrip('/')}"
        yield f"{route}{secret}"
        yield f"{route}%2f{str(secret).lstrip('/')}"
        yield f"{route}secret.txt"
        yield f"{route}../secret.txt"
    yield f"/?file={secret}"


def test_no_path_reads_a_file(address: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-secret-of-this-test", encoding="utf-8")
    tried = 0
    for path in probes(secret):
        status, body = ask(address, path)
        assert status < 500 and b"the-secret-of-this-test" not in body, path
        tried += 1
    assert tried > 50


def test_uploads_without_a_session_and_over_the_limit_are_refused(address: str) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../x.csv"\r\n\r\n' + b"1" * 9 + b"\r\n--x--\r\n"
    )
    headers = {"Content_Type": "multipart/form-data; boundary=x"}
    for target in ("nobody/1", "..%2f..%2fetc/1", "../../etc/1"):
        assert 400 <= ask(address, f"/_stcore/upload_file/{target}", "PUT", body, **headers)[0] < 500


def test_pages_of_other_sites_get_no_connection(address: str) -> None:
    """Neither another origin nor another name for this machine (DNS rebinding) may open the page's socket."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert ask(address, "/_stcore/stream", Origin=address, **upgrade)[0] == 101
    assert ask(address, "/_stcore/stream", Origin="http://example.org", **upgrade)[0] == 403
    assert ask(address, "/_stcore/stream", Origin="http://example.org", Host="example.org", **upgrade)[0] == 403
    assert ask(address, "/_stcore/stream", Origin="http://127.0.0.1:9", **upgrade)[0] == 403
    assert ask(address, "/_stcore/stream", Origin="null", **upgrade)[0] == 403
    assert ask(address, "/_stcore/agent/interact", "POST", b"{}", Content_Type="application/json")[0] >= 400


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config"])
def test_only_the_pages_own_address_is_answered(address: str, path: str) -> None:
    port = address.rpartition(":")[2]
    for own in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "localhost"):
        assert ask(address, path, Host=own)[0] == 200, own
    for foreign in (
        "example.org",
        f"127.0.0.1.example.org:{port}",
        "192.0.2.1",
        f"x@localhost:{port}",
        "",
        "localhost:x",
    ):
        status, body = ask(address, path, Host=foreign)
        assert (status, body) in ((403, REFUSAL), (400, b"Invalid HTTP request received.")), foreign
    assert ask(address, path, Origin="http://127.0.0.1:9") == (403, REFUSAL)
    assert ask(address, path, Origin=address)[0] == 200


def test_on_all_addresses_bare_ones_and_the_machines_name_are_answered() -> None:
    async def nothing(*_: object) -> None: ...

    page = OwnRequestsOnly(nothing, "0.0.0.0")
    for own in ("192.0.2.1:8501", "[2001:db8::1]:8501", "localhost:8501", f"{socket.gethostname()}:8501"):
        assert page.is_own([(b"host", own.encode())]), own
    for foreign in ("example.org:8501", "192.0.2.1.example.org", "192.0.2.1/x", ""):
        assert not page.is_own([(b"host", foreign.encode())]), foreign
    assert not page.is_own([(b"host", b"localhost"), (b"host", b"example.org")]) and not page.is_own([])
    assert OwnRequestsOnly(nothing, "box.local").is_own(
        [(b"host", b"box.local:80"), (b"origin", b"http://box.local:80")]
    )


def test_another_address_is_warned_of_and_mistakes_are_one_line(trained_recognizer_path: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sadvae_har", "demo", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)

    for wrong in (
        ("--model", str(tmp_path / "absent")),
        ("--model", str(trained_recognizer_path), "--port", "99999"),
        ("--model", str(trained_recognizer_path), "--host", "203.0.113.7"),
    ):
        done = run(*wrong)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("error: ")
    command = [sys.executable, "-m", "sadvae_har", "demo", "--model", str(trained_recognizer_path), "--port", "0"]
    with subprocess.Popen([*command, "--host", "127.0.0.2"], stderr=subprocess.PIPE, text=True, cwd=ROOT) as page:
        assert page.stderr is not None
        assert page.stderr.readline().startswith("warning: --host 127.0.0.2: whoever reaches this address")
        page.terminate()
