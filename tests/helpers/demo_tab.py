"""A tab of a real browser that shows the demo page, and what a person does there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from demo_server import PATIENCE_S

pytest.importorskip("streamlit", reason="the extra `demo` is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=1000 * PATIENCE_S)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE_MS = 1000 * PATIENCE_S
IN_VIEW = {
    "Segments": "Download as CSV",
    "What changed": "windows changed",
    "Compare descriptions": "Try two descriptions of one activity",
    "Map": "A plane cannot keep all distances",
    "Why": "Nearest descriptions",
}


@contextmanager
def a_browser() -> Iterator[Any]:
    """Start a browser and end it; skip where none is installed."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *QUIET])
        yield chromium
        chromium.close()


class Tab:
    """A tab of its own, with everything it asked for."""

    def __init__(self, browser: Any, address: str, shows: str = "What was recognised") -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(PATIENCE_MS)
        self.requested: list[str] = []
        self.context.on("request", lambda request: self.requested.append(request.url))
        self.page = self.context.new_page()
        self.page.on("websocket", lambda socket: self.requested.append(socket.url))
        self.page.goto(address)
        self.page.get_by_text(shows).first.wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until the page has drawn all that its script says."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def add(self, name: str, description: str) -> str:
        """Add an activity; return what the page says of it."""
        self.page.get_by_label("New activity").fill(name)
        self.page.get_by_label("What the body does in it").fill(description)
        self.page.get_by_role("button", name="Add and recognise again").click()
        said = self.page.get_by_test_id("stAlert").filter(has_text="was added")
        self.page.locator(".chip").filter(has_text=name).first.wait_for()
        said.wait_for()
        self.settle()
        return said.inner_text()

    def look(self, view: str) -> None:
        """Choose a view and wait until it is there."""
        self.page.get_by_test_id("stButtonGroup").get_by_text(view, exact=True).click()
        self.page.get_by_text(IN_VIEW[view]).last.wait_for()
        self.settle()

    def upload(self, name: str, content: bytes) -> None:
        if self.page.get_by_label("Recording", exact=True).count():
            self.choose("my own recording")
        self.page.locator("input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )

    def choose(self, recording: str) -> None:
        self.page.get_by_role("combobox").first.click()
        self.page.get_by_role("option", name=recording).click()

    def activities(self) -> list[str]:
        """Return the activities of the list."""
        chips = self.page.get_by_test_id("stColumn").locator(".chip").all_inner_texts()
        return [" ".join(chip.split()) for chip in chips]

    def pick(self, label: str, choice: str) -> None:
        """Choose an option of a field by typing its name."""
        field, option = (
            self.page.get_by_label(label, exact=True),
            self.page.get_by_role("option", name=choice, exact=True),
        )
        while not option.count():  # a list that opens while the fields still move is closed again
            field.fill("")
            field.fill(choice)
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        field.press("Enter")
        self.settle()

    def legend(self) -> Any:
        """Return where the recognised activities stand, under the signals or the view below them."""
        return self.page.locator(".chips").filter(visible=True).last

    def metric(self, label: str) -> Any:
        """Return where a number stands; `expect` waits for what it should be."""
        return self.page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")

    def require_sound(self) -> None:
        """Close the tab; nothing outside was reached, and no error was shown as one of the program."""
        hosts = {urlsplit(url).hostname for url in self.requested if not url.startswith(("data:", "blob:"))}
        assert len(self.requested) > 20 and hosts == {"127.0.0.1"}
        assert self.page.get_by_text("Traceback").count() == 0
        self.context.close()
