"""The demo page with a model that reads any device, in a real browser: from a phone's file to labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_server import running_page
from demo_tab import Tab, a_browser, expect
from everyday_model import NOT_RECORDED, recording_of


@pytest.fixture(scope="module")
def address(everyday_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_page(everyday_model_path, tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Tab]:
    tab = Tab(browser, address, shows="2 · Activities")
    yield tab
    tab.require_sound()


def phone() -> bytes:
    """Return what a phone writes, its axes by their shortest names and no units."""
    recording = recording_of("walking", "hip")
    rows = np.column_stack([np.arange(len(recording.samples)) / recording.rate_hz, recording.samples[:, :3]])
    return "\n".join(["time,ax,ay,az", *(",".join(f"{v:.5f}" for v in row) for row in rows)]).encode()


def test_from_the_file_of_a_phone_to_labels_and_on(tab: Tab) -> None:
    tab.upload("walk.csv", phone())
    tab.page.get_by_text("Some of this had to be guessed").wait_for()
    expect(tab.page.get_by_label("Unit of acc")).to_have_value("m/s2 (detected)")
    expect(tab.page.get_by_test_id("stMetric")).to_have_count(0)
    tab.page.get_by_role("button", name="Yes, read it like this").click()
    tab.page.get_by_text("What was recognised").wait_for()
    expect(tab.metric("Length")).to_have_text("20 s")
    expect(tab.legend()).to_contain_text("walking")
    expect(tab.page.get_by_label("Worn at", exact=True)).to_have_value("unknown")
    tab.pick("Worn at", "hip")
    tab.page.get_by_text("The device is worn at the hip").first.wait_for()
    tab.pick("What can occur", "sitting")
    tab.page.get_by_text("Only “sitting” can occur").first.wait_for()
    tab.page.keyboard.press("Escape")
    expect(tab.legend()).not_to_contain_text("walking")
    tab.page.get_by_text("Choose a described one").click()
    tab.pick("Everyday activity", NOT_RECORDED)
    tab.page.get_by_role("button", name="Add", exact=True).click()
    tab.page.get_by_text(f"“{NOT_RECORDED}” was added").first.wait_for()
    tab.page.get_by_text("Describe a new one").click()
    tab.add("marching", "The person marches on the spot and lifts the knees high.")
    assert {f"{NOT_RECORDED} added", "marching added"} <= set(tab.activities())
    expect(tab.legend()).not_to_contain_text("walking")
    for view in ("What changed", "Compare descriptions", "Map", "Why"):
        tab.look(view)
    tab.page.get_by_text("Nothing is measured: this model takes a device however it is turned").wait_for()


def test_columns_of_any_name_can_be_chosen(tab: Tab) -> None:
    tab.upload("strange.csv", phone().replace(b"time,ax,ay,az", b"time,first,second,third"))
    tab.page.get_by_test_id("stAlert").filter(has_text="strange.csv").wait_for()
    tab.settle()
    tab.page.get_by_text("Columns and time", exact=True).click()
    tab.page.get_by_label("Column of imu.acc_x").wait_for()
    for axis, column in zip("xyz", ("first", "second", "third"), strict=True):
        tab.pick(f"Column of imu.acc_{axis}", column)
    tab.page.get_by_role("button", name="Yes, read it like this").click()
    tab.page.get_by_text("What was recognised").wait_for()
    expect(tab.metric("Length")).to_have_text("20 s")
