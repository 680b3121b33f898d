"""What a tab of the demo page can do, without a browser, on the real recogniser."""

import json
import socket
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared
from feature_extraction.recordings.recording import Recording, three_axes
from sadvae_har.demo import clips
from sadvae_har.demo.clips import FIELDS, KEYS, Clip, Detected, TrueSpan, detect, find_examples, join, read_upload
from sadvae_har.demo.session import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    DemoSession,
    TimeLimit,
    agreement,
    recognise,
    share,
)
from sadvae_har.demo.view_figures import evidence_figure
from sadvae_har.recognition.live import predict_file
from sadvae_har.recognition.prediction import Prediction
from sadvae_har.recognition.recognizer import Recognizer

CHANNELS = three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "rad/s")
PATIENCE_S = 3600.0  # no test depends on how busy the machine is
WAVE = "The person waves one raised hand quickly from side to side."


@pytest.fixture(scope="module")
def recognizer(trained_recognizer_path: Path) -> Recognizer:
    return Recognizer.load(trained_recognizer_path)


@pytest.fixture(scope="module")
def clip(trained_recognizer_path: Path, recognizer: Recognizer) -> Clip:
    *_, open_last = find_examples(trained_recognizer_path, recognizer, None).offered.values()
    return open_last()


@pytest.fixture
def session(recognizer: Recognizer, clip: Clip) -> DemoSession:
    session = DemoSession(recognizer, TimeLimit(PATIENCE_S))
    session.open(clip)
    return session


def shown(session: DemoSession) -> Prediction:
    """Return what the session recognises in its recording."""
    assert session.opened is not None
    return session.opened.prediction


def names(recognizer: Recognizer) -> list[str]:
    return [activity.name for activity in recognizer.activities]


def test_tabs_do_not_see_each_others_activities(recognizer: Recognizer) -> None:
    first, second = DemoSession(recognizer, TimeLimit(PATIENCE_S)), DemoSession(recognizer, TimeLimit(PATIENCE_S))
    before = names(recognizer)
    first.add("waving", WAVE)
    assert names(first.recognizer) == [*before, "waving"]
    assert names(second.recognizer) == names(recognizer) == before
    second.add("waving", "The person sits still.")
    assert first.recognizer.activities[-1].description == WAVE


def test_removing_gives_back_the_same_predictions(session: DemoSession) -> None:
    before = shown(session)
    session.add("waving", WAVE)
    session.remove("waving")
    assert shown(session).labels.tolist() == before.labels.tolist()
    assert np.allclose(shown(session).probabilities, before.probabilities)
    assert session.added == ()


def test_changes_are_counted_by_hand(session: DemoSession) -> None:
    now = shown(session)
    assert session.opened is not None and session.changes() == ()
    labels = np.array(["a"] * 3 + ["b"] * (len(now) - 3))
    session.opened = session.opened._replace(prediction=replace(now, labels=labels))
    session.previous = replace(now, labels=np.array(["c", "a", "c", *["b"] * (len(labels) - 4), "d"]))
    assert session.changes() == (("c", "a", 2), ("d", "b", 1))


def test_agreement_by_hand(session: DemoSession) -> None:
    one = replace(
        shown(session), start_s=np.array([0.0, 2, 4, 9]), end_s=np.array([2.0, 4, 6, 11]), labels=np.array([*"aabb"])
    )
    truth = (TrueSpan(0, 3, "a"), TrueSpan(3, 8, "b"))  # middles 1, 3, 5, 10: right, wrong, right, outside
    assert agreement(one, truth) == pytest.approx(2 / 3)
    assert share(one, "a") == 0.5


def test_comparison_leaves_the_activities_and_is_antisymmetric(session: DemoSession) -> None:
    before, opened = names(session.recognizer), session.opened
    there = session.compare("waving", WAVE, "The person lies still on the back.")
    back = session.compare("waving", "The person lies still on the back.", WAVE)
    assert names(session.recognizer) == before and session.opened is opened
    assert there.share_first == pytest.approx(1 - back.share_first)
    assert session.compare("waving", WAVE, WAVE).share_first == 0.5
    sizes = [abs(first - second) for _, first, second in there.differences()]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0.05


def test_a_learned_activity_is_not_redescribed(session: DemoSession) -> None:
    learned = next(activity.name for activity in session.recognizer.activities if activity.seen)
    with pytest.raises(InputError, match="was learned from recordings"):
        session.compare(learned, WAVE, WAVE)


def test_reasons_and_map_cover_the_recording(session: DemoSession) -> None:
    n_windows, latent = len(shown(session)), session.latent_map()
    assert latent.windows_xy.shape == (n_windows, 2)
    assert set(latent.names) == set(names(session.recognizer))
    assert session.explain(0).nearest
    for window in (-1, n_windows):
        with pytest.raises(InputError, match=f"window {window} does not exist"):
            session.explain(window)


def test_evidence_is_named_after_what_was_compared_also_for_unknown_windows(session: DemoSession) -> None:
    explanation = session.explain(0)._replace(label="unknown")
    drawn = [trace.name for trace in evidence_figure(explanation).data if trace.name]
    assert drawn[1:] == [f"written: {explanation.activity}", f"written: {explanation.rival}"]


@pytest.mark.parametrize(
    ("name", "description", "message"),
    [
        ("", WAVE, "the name is empty"),
        ("waving", " \n ", "the description is empty"),
        ("w" * (LONGEST_NAME + 1), WAVE, f"name has {LONGEST_NAME + 1} characters; use up to {LONGEST_NAME}"),
        ("waving", "w" * (LONGEST_DESCRIPTION + 1), f"use up to {LONGEST_DESCRIPTION}"),
    ],
)
def test_texts_that_cannot_be_used(session: DemoSession, name: str, description: str, message: str) -> None:
    before = names(session.recognizer)
    with pytest.raises(InputError, match=message):
        session.add(name, description)
    assert names(session.recognizer) == before and session.added == ()


def test_only_what_was_added_here_can_be_removed(session: DemoSession) -> None:
    with pytest.raises(InputError, match="was not added here"):
        session.remove(names(session.recognizer)[0])


def test_a_gap_splits_the_recording(recognizer: Recognizer, clip: Clip) -> None:
    """Two pieces give the windows of each, at its own place in time; no window crosses the gap."""
    rate_hz, gap = clip.rate_hz, np.full((500, 6), np.nan)
    halves = clip.samples[:1000], clip.samples[1500:2500]
    both = recognise(recognizer, replace(clip, samples=np.concatenate([halves[0], gap, halves[1]]))).prediction
    alone = [recognise(recognizer, replace(clip, samples=half)).prediction for half in halves]
    assert both.labels.tolist() == [*alone[0].labels, *alone[1].labels]
    assert np.allclose(both.start_s, [*alone[0].start_s, *(1500 / rate_hz + alone[1].start_s)])
    assert max(segment.end_s for segment in both.segments) == pytest.approx(30 + alone[1].segments[-1].end_s)


def test_short_gaps_are_filled_and_long_ones_are_found(recognizer: Recognizer, clip: Clip) -> None:
    lines = as_csv(clip, seconds=20).splitlines()
    for row in (*range(100, 105), *range(300, 400), *range(990, 1001)):
        lines[row] = lines[row].split(",")[0] + "," * 6
    read = read_upload("\n".join(lines).encode(), "gaps.csv", recognizer, Declared())
    missing = np.flatnonzero(np.isnan(read.samples).any(axis=1))
    assert missing.tolist() == list(range(299, 399)) and len(read.samples) == 989
    assert "100 of 989 rows lie in gaps over 0.2 s and were left out" in read.findings


def test_the_page_and_the_command_line_say_the_same(recognizer: Recognizer, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text(as_csv(clip), encoding="utf-8")
    read = read_upload(path.read_bytes(), path.name, recognizer, Declared())
    assert recognise(recognizer, read).prediction.rows() == predict_file(recognizer, path).rows()


def test_too_short_a_recording(session: DemoSession, clip: Clip) -> None:
    with pytest.raises(InputError, match="short"):
        session.open(replace(clip, title="short", samples=clip.samples[:20]))
    assert session.opened is None


def test_examples_of_a_run_are_of_its_test_subjects(tmp_path: Path, recognizer: Recognizer) -> None:
    split = json.loads(Path("resources/label_splits/watch/random-1.json").read_text(encoding="utf-8"))
    (tmp_path / "split.json").write_text(json.dumps(split), encoding="utf-8")
    examples = find_examples(tmp_path, recognizer, None)
    people = {title.split()[1].rstrip(",") for title in examples.offered}
    assert people == set(split["test_subjects"]) and "not trained on" in examples.note
    opened = next(iter(examples.offered.values()))()
    assert opened.duration_s == pytest.approx(7 * 17, abs=3) and len({span.label for span in opened.truth}) == 7


def test_joined_recordings_by_hand() -> None:
    parts = [
        Recording(np.full((n, 6), k + 1.0), CHANNELS, 50.0, "watch", f"r{k}", "1", label)
        for k, (n, label) in enumerate(((1000, "a"), (100, "b")))
    ]
    joined = join("both", parts, seconds_each=4.0)
    assert joined.truth == (TrueSpan(0, 4, "a"), TrueSpan(4, 6, "b"))
    assert joined.samples[:, 0].tolist() == [1.0] * 200 + [2.0] * 100


def test_other_data_sets_say_that_there_are_no_examples(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recognizer, "dataset", "dsads")
    nothing = find_examples(tmp_path, recognizer, None)
    assert nothing.offered == {} and "Upload one" in nothing.note and "--" not in nothing.note
    with pytest.raises(InputError, match="holds no recordings"):
        find_examples(tmp_path, recognizer, tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_examples(tmp_path, recognizer, tmp_path / "absent")


def test_a_folder_of_recordings_is_offered(recognizer: Recognizer, clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text(as_csv(clip), encoding="utf-8")
    (tmp_path / "notes.md").write_text("not offered", encoding="utf-8")
    ((title, open_it),) = find_examples(tmp_path, recognizer, tmp_path).offered.items()
    assert title == "walk.csv"
    read, made = (recognise(recognizer, found).prediction for found in (open_it(), clip))
    assert read.labels.tolist() == made.labels.tolist()


def test_more_files_than_the_page_takes_are_cut_with_a_sentence(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "MOST_FILES", 2)
    for name in ("c.csv", "a.csv", "b.csv"):
        (tmp_path / name).touch()
    examples = find_examples(tmp_path, recognizer, tmp_path)
    assert list(examples.offered) == ["a.csv", "b.csv"]
    assert examples.note == "The first 2 of the 3 recordings in the folder given, by name."


def test_an_upload_shows_what_it_is_as_far_as_it_can_be_told(recognizer: Recognizer, clip: Clip) -> None:
    wanted = recognizer.channels
    detected = detect(as_csv(clip, seconds=20).encode(), "walk.csv", recognizer)
    assert detected.rate_hz == clip.rate_hz and detected.units == {"acc": "g", "gyro": "rad/s"}
    assert detected.found["time"] == "time_s" and detected.found[wanted[0].name] == "acc_x (g)"
    unreadable = detect(b"a,b\n1,2\n3,4\n5,6\n", "strange.csv", recognizer)
    assert unreadable.columns == ("a", "b") and not unreadable.found and unreadable.rate_hz is None
    assert [c.name for c in detected.channels] == [c.name for c in wanted] and unreadable.channels == wanted
    nothing = Detected(channels=wanted)
    assert detect(b"", "empty.csv", recognizer) == detect(b"MZ", "virus.exe", recognizer) == nothing


def test_what_is_guessed_is_a_question(recognizer: Recognizer, clip: Clip) -> None:
    lines = as_csv(clip, seconds=20).splitlines()
    lines[0] = "time_s,ax,ay,az,gx [rad/s],gy [rad/s],gz [rad/s]"
    content = "\n".join(lines).encode()
    guessed = read_upload(content, "walk.csv", recognizer, Declared(keys=KEYS))
    assert any("acc in g" in line for line in guessed.guesses)
    assert not read_upload(content, "walk.csv", recognizer, Declared(units={"acc": "g"}, keys=KEYS)).guesses


def test_values_that_contradict_their_unit_get_no_labels(recognizer: Recognizer, clip: Clip) -> None:
    header, *lines = as_csv(clip, seconds=60).splitlines()
    rows = np.array([[float(value) for value in line.split(",")] for line in lines])
    rows[:, 1:4] *= 9.80665
    content = "\n".join([header, *(",".join(f"{value:.5f}" for value in row) for row in rows)]).encode()
    with pytest.raises(InputError, match=r"walk\.csv: .*acc") as error:
        read_upload(content, "walk.csv", recognizer, Declared(keys=KEYS))
    assert "--" not in str(error.value)


@pytest.mark.parametrize(
    ("header", "n_columns", "field"),
    [("ax,ay,az,gx,gy,gz", 6, "rate_hz"), ("time_s,ax,ay,az", 4, "columns"), ("time_s,a,b,c,d,e,f", 7, "columns")],
)
def test_messages_speak_of_fields_and_never_of_flags(
    recognizer: Recognizer, header: str, n_columns: int, field: str
) -> None:
    rows = [",".join(str(round(k / 50 + j, 2)) for j in range(n_columns)) for k in range(500)]
    content = "\n".join([header, *rows]).encode()
    with pytest.raises(InputError) as error:
        read_upload(content, "walk.csv", recognizer, Declared(keys=KEYS))
    assert FIELDS[field] in str(error.value) and "--" not in str(error.value)


def as_csv(clip: Clip, seconds: float = 600.0) -> str:
    """Return the clip as text, time stamps included."""
    rows = [f"{k / clip.rate_hz:.3f}," + ",".join(f"{v:.5f}" for v in row) for k, row in enumerate(clip.samples)]
    header = "time_s," + ",".join(f"{c.quantity}_{c.axis} ({c.unit})" for c in clip.channels)
    return "\n".join([header, *rows[: round(seconds * clip.rate_hz)]]) + "\n"


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "/etc/cron.d/x.csv", "C:\\windows\\x.csv", "a/../../b.csv"])
def test_the_name_of_an_upload_is_no_path(
    recognizer: Recognizer, clip: Clip, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    read = read_upload(as_csv(clip).encode(), name, recognizer, Declared())
    assert "/" not in read.title and "\\" not in read.title and list(tmp_path.iterdir()) == []
    assert np.allclose(read.samples, clip.samples, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.csv"),
        (b"\x00\x01\x02" * 99, "binary.csv"),
        (b"a,b\n1,2\n", "columns.csv"),
        (b"not an array", "broken.npy"),
        (b"PAR1 nothing", "broken.parquet"),
        (b"MZ", "virus.exe"),
        (b"1,2", ""),
    ],
)
def test_bad_uploads_are_named_as_the_person_knows_them(recognizer: Recognizer, content: bytes, name: str) -> None:
    with pytest.raises(InputError) as error:
        read_upload(content, name, recognizer, Declared())
    assert str(error.value).startswith(name or "upload") and "sadvae-har-demo" not in str(error.value)


def test_time_limit_gives_up_and_leaves_the_session_as_it_was(recognizer: Recognizer, clip: Clip) -> None:
    release = threading.Event()
    limit = TimeLimit(0.05, n_workers=1)
    session = DemoSession(recognizer, limit)
    limit.begin(release.wait)  # the only worker is busy
    try:
        with pytest.raises(InputError, match=r"no answer within 0\.05 s"):
            session.open(clip)
        with pytest.raises(InputError, match=r"no answer within 0\.05 s"):
            session.add("waving", WAVE)
    finally:
        release.set()
    assert session.opened is None and session.added == () and names(session.recognizer) == names(recognizer)


def test_time_limit_passes_answers_and_errors_on() -> None:
    limit = TimeLimit(PATIENCE_S)
    assert limit.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0)
    for wrong in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(InputError, match="time limit"):
            TimeLimit(wrong)


def test_every_window_has_a_place_in_time(session: DemoSession) -> None:
    assert (np.diff(shown(session).start_s) > 0).all() and (shown(session).end_s - shown(session).start_s == 5).all()


def test_ports() -> None:
    from sadvae_har.demo.server import address, find_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: .*0 for a free one"):
            find_port("127.0.0.1", port)
    assert find_port("127.0.0.1", 0) > 0
    for wrong in (-1, 70_000):
        with pytest.raises(InputError, match="--port"):
            find_port("127.0.0.1", wrong)
    with pytest.raises(InputError, match="203.0.113.7"):
        find_port("203.0.113.7", 0)
    assert address("::1", 80) == "http://[::1]:80"
