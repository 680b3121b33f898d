"""The demo page in a real browser: what a person does there works, and nothing outside is reached."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_server import PATIENCE_S, running_page
from demo_tab import Tab, a_browser, expect

from feature_extraction.descriptions.kinematic_lexicon import load_lexicon
from sadvae_har.demo.clips import find_examples
from sadvae_har.demo.session import DemoSession, Opened, TimeLimit, share
from sadvae_har.recognition.recognizer import Recognizer

PICTURE = "![x](http://192.0.2.1/x.png) <img src=http://192.0.2.1/y.png> http://192.0.2.1/z"


@pytest.fixture(scope="module")
def address(trained_recognizer_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_page(trained_recognizer_path, tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Tab]:
    tab = Tab(browser, address)
    yield tab
    tab.require_sound()


@pytest.fixture(scope="module")
def expected(trained_recognizer_path: Path) -> DemoSession:
    """What the page shows at first, computed without it."""
    recognizer = Recognizer.load(trained_recognizer_path)
    session = DemoSession(recognizer, TimeLimit(PATIENCE_S))
    examples = find_examples(trained_recognizer_path, recognizer, None)
    session.open(next(iter(examples.offered.values()))())
    return session


def opened(session: DemoSession) -> Opened:
    assert session.opened is not None
    return session.opened


def find_winner(expected: DemoSession) -> tuple[str, str, int, int]:
    """Return an activity that wins windows of the recording, how many labels it changes, and the segments then."""
    lexicon = load_lexicon()
    pairs = sorted(zip(lexicon.labels, lexicon.texts, strict=True), key=lambda pair: "elastic band" not in pair[0])
    for name, text in pairs:
        expected.add(name, text)
        changed, now = sum(change.n_windows for change in expected.changes()), opened(expected).prediction
        won, n_segments = share(now, name), len(now.segments)
        expected.remove(name)
        if won:
            return name, text, changed, n_segments
    raise AssertionError("no activity of the lexicon wins a window")


def test_a_new_activity_is_predicted_at_once_and_can_be_removed(tab: Tab, expected: DemoSession) -> None:
    found = opened(expected).prediction
    expect(tab.metric("Windows")).to_have_text(str(len(found)))
    expect(tab.metric("Segments")).to_have_text(str(len(found.segments)))
    name, text, changed, segments_now = find_winner(expected)
    assert f"{changed} of {len(found)} windows" in tab.add(name, text)
    assert f"{name} added" in tab.activities()
    tab.look("What changed")
    tab.page.get_by_text(f"{changed} of {len(found)} windows changed").wait_for()
    strips = tab.page.locator(".js-plotly-plot").last
    for row in ("before", "now"):
        strips.get_by_text(row).wait_for()
    in_legends = tab.page.locator(".chip").filter(has_text=re.compile(f"^{re.escape(name)}$"))
    expect(in_legends).to_have_count(2)  # of the recording and of what changed
    expect(tab.metric("Segments")).to_have_text(str(segments_now))
    tab.page.get_by_role("button", name="Remove").click()
    tab.page.get_by_text("was removed").first.wait_for()
    expect(tab.page.get_by_test_id("stColumn").locator(".chip").filter(has_text=name)).to_have_count(0)
    expect(tab.metric("Segments")).to_have_text(str(len(found.segments)))


def test_two_tabs_do_not_see_each_others_activities(tab: Tab, browser: Any, address: str) -> None:
    other = Tab(browser, address)
    before = other.activities()
    tab.add("wood chopping", "The person swings an axe down with both arms, again and again.")
    other.add("stretching", "The person stretches both arms out and holds still.")
    assert tab.activities() == [*before, "wood chopping added"]
    assert other.activities() == [*before, "stretching added"]
    third = Tab(browser, address)
    assert third.activities() == before
    third.context.close()
    other.context.close()


def as_csv(expected: DemoSession, with_time: bool = True) -> bytes:
    recording = opened(expected).clip
    times = np.arange(1500) / recording.rate_hz
    columns = [times] if with_time else []
    header = ["time_s"] if with_time else []
    header += [f"{c.quantity}_{c.axis} ({c.unit})" for c in recording.channels]
    rows = np.column_stack([*columns, recording.samples[:1500]])
    return "\n".join([",".join(header), *(",".join(f"{v:.5f}" for v in row) for row in rows)]).encode()


def test_upload_bad_upload_and_declared_rate(tab: Tab, expected: DemoSession) -> None:
    tab.upload("../../walk ![x](http://192.0.2.1).csv", as_csv(expected))
    tab.page.get_by_text("How it was read").wait_for()
    tab.page.get_by_test_id("stMetricValue").get_by_text("30 s").wait_for()
    tab.page.get_by_text("← column 'acc_x (g)'").wait_for()  # one of the findings
    tab.upload("damaged.npy", b"this is no array")
    tab.page.get_by_test_id("stAlert").filter(has_text="damaged.npy").wait_for()
    expect(tab.page.get_by_test_id("stMetric")).to_have_count(0)
    tab.upload("no clock.csv", as_csv(expected, with_time=False))
    tab.page.get_by_test_id("stAlert").filter(has_text="no clock.csv").wait_for()
    tab.settle()  # fields of the recording before are still there
    tab.page.get_by_label("Rate in Hz").fill("50")
    tab.page.get_by_label("Rate in Hz").press("Enter")
    tab.page.get_by_text("What was recognised").wait_for()
    expect(tab.metric("Length")).to_have_text("30 s")
    tab.upload("large.csv", b"1,2,3\n" * 200_000)
    tab.page.get_by_text("must be 1.0MB or smaller").wait_for()


def test_guesses_are_a_question_before_there_are_labels(tab: Tab, expected: DemoSession) -> None:
    names = {"acc_x (g)": "ax", "acc_y (g)": "ay", "acc_z (g)": "az"}
    text = as_csv(expected).decode()
    for long, short in names.items():
        text = text.replace(long, short)
    tab.upload("guess.csv", text.encode())
    tab.page.get_by_text("Some of this had to be guessed").wait_for()
    expect(tab.page.get_by_test_id("stMetric")).to_have_count(0)
    tab.page.get_by_role("button", name="Yes, read it like this").click()
    tab.page.get_by_text("What was recognised").wait_for()
    expect(tab.metric("Length")).to_have_text("30 s")


def test_what_was_detected_stands_in_the_form(tab: Tab, expected: DemoSession) -> None:
    tab.upload("whole.csv", as_csv(expected))
    tab.page.get_by_text("How it was read").wait_for()
    expect(tab.page.get_by_label("Unit of gyro")).to_have_count(1)  # fields of before the upload are gone
    expect(tab.page.get_by_label("Unit of gyro")).to_have_value("rad/s (detected)")
    expect(tab.page.get_by_placeholder("50 (detected)")).to_have_count(1)
    tab.settle()
    tab.page.get_by_text("Columns and time", exact=True).click()
    expect(tab.page.get_by_label("Time column")).to_have_value("time_s (detected)")


def test_a_column_can_be_chosen(tab: Tab, expected: DemoSession) -> None:
    wanted = expected.recognizer.channels
    tab.upload("walk.csv", as_csv(expected).replace(b"acc_x", b"first"))
    tab.page.get_by_test_id("stAlert").filter(has_text="walk.csv").wait_for()
    tab.settle()
    tab.page.get_by_text("Columns and time", exact=True).click()
    tab.pick(f"Column of {wanted[0].name}", "first (g)")
    tab.page.get_by_text("What was recognised").wait_for()
    expect(tab.metric("Length")).to_have_text("30 s")


def test_two_descriptions_side_by_side(tab: Tab) -> None:
    tab.look("Compare descriptions")
    tab.page.get_by_label("Second description").fill("The person lies still on the back and does not move at all.")
    tab.page.get_by_role("button", name="Compare", exact=True).click()
    tab.page.get_by_text("What the two texts say of the movement").wait_for()
    tab.settle()
    shares = [value.inner_text() for value in tab.page.get_by_test_id("stMetricValue").all()][-4:]
    assert all(re.fullmatch(r"\d+% of windows|\d+%", share) for share in shares)
    assert int(shares[1].rstrip("%")) + int(shares[3].rstrip("%")) in (99, 100, 101)
    attributes = tab.page.locator(".js-plotly-plot").last
    for text in ("first text", "second text"):
        attributes.get_by_text(text).wait_for()


def test_a_clicked_segment_is_explained(tab: Tab, expected: DemoSession) -> None:
    found = opened(expected).prediction
    segment = found.segments[-1]
    bar = tab.page.locator(".js-plotly-plot .barlayer .point path").nth(len(found.segments) - 1)
    bar.scroll_into_view_if_needed()
    middle = bar.bounding_box()
    tab.page.mouse.click(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    tab.page.get_by_text("Nearest descriptions").wait_for()
    number = int(tab.page.get_by_test_id("stSliderThumbValue").inner_text())
    assert segment.start_s <= (found.start_s[number - 1] + found.end_s[number - 1]) / 2
    tab.page.get_by_role("slider").press("Home")
    tab.page.get_by_text(re.compile(r"^0\.0 to 5\.0 s: ")).wait_for()
    tab.look("Map")


def test_texts_are_shown_as_they_are(tab: Tab) -> None:
    """Markdown and HTML in a name load no picture and make no link; the fixture checks what was requested."""
    tab.add(PICTURE[:59], f"The person waves. {PICTURE}")
    assert any("![x](http://192.0.2.1/x.png)" in chip for chip in tab.activities())
    for view in ("What changed", "Compare descriptions", "Map", "Why", "Segments"):
        tab.look(view)
    assert tab.page.locator("a[href*='192.0.2.1'], img[src*='192.0.2.1']").count() == 0
