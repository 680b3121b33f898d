"""What a tab can do with a model that reads any device: places, what can occur, activities of the vocabulary."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from everyday_model import NOT_RECORDED, recording_of

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared
from feature_extraction.recordings.recording import Recording
from feature_extraction.recordings.signal import GRAVITY_MPS2
from sadvae_har.demo import clips
from sadvae_har.demo.clips import KEYS, Clip, detect, find_examples, read_upload
from sadvae_har.demo.service import DemoSettings
from sadvae_har.demo.session import DemoSession, TimeLimit, share
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.recognizer import Recognizer

PATIENCE_S = 3600.0
UNITS = (("acc", "m/s^2"), ("gyro", "rad/s"))


def as_csv(recording: Recording, names: Sequence[str], n_columns: int | None = None) -> bytes:
    """Return a recording as a file of these columns, time stamps first; of its first columns only, if so said."""
    rows = np.column_stack([np.arange(len(recording.samples)) / recording.rate_hz, recording.samples[:, :n_columns]])
    return "\n".join([",".join(["time_s", *names]), *(",".join(f"{v:.5f}" for v in row) for row in rows)]).encode()


def phone(activity: str = "walking", name: str = "walk.csv") -> tuple[bytes, str]:
    """Return what a phone without a gyroscope writes of an activity, worn at the hip."""
    return as_csv(recording_of(activity, "hip"), [f"acc_{axis} (m/s^2)" for axis in "xyz"], 3), name


def opened_with(everyday: EverydayRecognizer, clip: Clip) -> DemoSession:
    session = DemoSession(everyday, TimeLimit(PATIENCE_S))
    session.open(clip)
    return session


@pytest.fixture
def session(everyday: EverydayRecognizer) -> DemoSession:
    return opened_with(everyday, read_upload(*phone(), everyday, Declared(keys=KEYS)))


def labels(session: DemoSession) -> list[str]:
    assert session.opened is not None
    return session.opened.prediction.labels.tolist()


def test_any_columns_are_recognised_and_stand_in_the_form(everyday: EverydayRecognizer) -> None:
    detected = detect(*phone(), everyday)
    assert detected.found == {"time": "time_s", **{f"imu.acc_{axis}": f"acc_{axis} (m/s^2)" for axis in "xyz"}}
    assert detected.units == {"acc": "m/s2"} and detected.rate_hz == pytest.approx(50)
    assert [channel.name for channel in detected.channels] == [f"imu.acc_{axis}" for axis in "xyz"]
    clip = read_upload(*phone(), everyday, Declared(keys=KEYS))
    assert not clip.guesses and set(opened_with(everyday, clip).recognizer.worn) == {"imu"}


def test_columns_that_may_hold_a_gyroscope_can_be_named(everyday: EverydayRecognizer) -> None:
    content = as_csv(recording_of("walking", "hip"), [*(f"acc_{axis} (m/s^2)" for axis in "xyz"), "p", "q", "r"])
    detected = detect(content, "walk.csv", everyday)
    assert [channel.name for channel in detected.channels][3:] == [f"imu.gyro_{axis}" for axis in "xyz"]
    columns = {f"imu.acc_{axis}": f"acc_{axis} (m/s^2)" for axis in "xyz"}
    columns |= dict(zip((f"imu.gyro_{axis}" for axis in "xyz"), "pqr", strict=True))
    said = Declared(columns=columns, units={"gyro": "rad/s"}, keys=KEYS)
    assert len(read_upload(content, "walk.csv", everyday, said).channels) == 6


def test_columns_are_found_before_the_rate_is_said(everyday: EverydayRecognizer) -> None:
    content = b"\n".join(line.partition(b",")[2] for line in phone()[0].split(b"\n"))
    detected = detect(content, "walk.csv", everyday)
    assert detected.rate_hz is None and detected.found["imu.acc_x"] == "acc_x (m/s^2)"
    with pytest.raises(InputError, match="Rate in Hz"):
        read_upload(content, "walk.csv", everyday, Declared(keys=KEYS))


def test_a_file_without_a_known_column_says_what_to_do_in_the_page(everyday: EverydayRecognizer) -> None:
    content = phone()[0].replace(b"acc_", b"column_")
    assert detect(content, "walk.csv", everyday).channels == everyday.channels
    with pytest.raises(InputError, match="Columns and time") as error:
        read_upload(content, "walk.csv", everyday, Declared(keys=KEYS))
    assert str(error.value).startswith("walk.csv") and "--" not in str(error.value) and "=" not in str(error.value)


def test_a_place_is_read_off_the_name_and_a_person_knows_better(everyday: EverydayRecognizer) -> None:
    clip = read_upload(*phone(name="wrist walk.csv"), everyday, Declared(keys=KEYS))
    session = opened_with(everyday, clip)
    assert session.recognizer.worn == {"imu": "wrist"}
    session.wear("imu", "hip")
    assert session.recognizer.worn == {"imu": "hip"} and session.change == "The device is worn at the hip"
    session.wear("imu", "")
    assert session.recognizer.worn == {"imu": ""} and everyday.worn == {"imu": ""}
    for device, place, problem in (("watch", "hip", "no device 'watch'"), ("imu", "nose", "placement 'nose'")):
        with pytest.raises(InputError, match=problem):
            session.wear(device, place)
    assert session.recognizer.worn == {"imu": ""}


def test_every_device_has_its_own_place(everyday: EverydayRecognizer) -> None:
    names = [f"{side} {q}_{axis} ({unit})" for side in ("watch", "pocket") for q, unit in UNITS for axis in "xyz"]
    content = as_csv(recording_of("walking", "wrist", "thigh"), names)
    session = opened_with(everyday, read_upload(content, "walk.csv", everyday, Declared(keys=KEYS)))
    assert session.recognizer.worn == {"watch": "wrist", "pocket": "thigh"}
    session.wear("pocket", "hip")
    assert session.recognizer.worn == {"watch": "wrist", "pocket": "hip"}
    assert session.change == "“pocket” is worn at the hip"


def test_only_what_can_occur_is_recognised(session: DemoSession) -> None:
    before = labels(session)
    session.restrict(["sitting", "waving"])
    assert set(labels(session)) <= {"sitting", "waving", "unknown"} and session.only == ("sitting", "waving")
    assert sum(change.n_windows for change in session.changes()) == sum(
        now != then for now, then in zip(labels(session), before, strict=True)
    )
    with pytest.raises(InputError, match="'rowing' is not on the list"):
        session.restrict(["rowing"])
    assert session.only == ("sitting", "waving")
    session.restrict([])
    assert labels(session) == before


def test_what_is_added_can_occur(session: DemoSession) -> None:
    before = labels(session)
    session.restrict(["sitting"])
    session.add("resting", "A person sits on a chair and hardly moves.")
    assert session.only == ("sitting", "resting")
    session.restrict(["resting"])
    assert set(labels(session)) <= {"resting", "unknown"}
    session.remove("resting")
    assert session.only == () and labels(session) == before


def test_an_activity_of_the_vocabulary_can_be_added(session: DemoSession) -> None:
    assert NOT_RECORDED in session.addable() and "walking" not in session.addable()
    session.add_known(NOT_RECORDED)
    added = session.recognizer.activities[-1]
    known = load_vocabulary().descriptions[NOT_RECORDED]
    assert (added.name, added.description, added.seen) == (NOT_RECORDED, known.sentence, False)
    assert session.added == (NOT_RECORDED,) and NOT_RECORDED not in session.addable()
    with pytest.raises(InputError, match="on the list already"):
        session.add_known(NOT_RECORDED)


def test_the_vocabulary_serves_models_of_fixed_devices(trained_recognizer_path: Path) -> None:
    session = DemoSession(Recognizer.load(trained_recognizer_path), TimeLimit(PATIENCE_S))
    session.add_known("rowing")
    assert session.added == ("rowing",) and session.recognizer.worn == {}
    with pytest.raises(InputError, match="where devices are worn cannot be said"):
        session.recognizer.worn_at({"wrist": "hip"})


def test_two_descriptions_are_compared_within_what_can_occur(session: DemoSession) -> None:
    session.restrict(["sitting"])
    session.add("resting", "A person sits on a chair and hardly moves.")
    found = session.compare("resting", "A person sits on a chair and hardly moves.", "A person walks at an easy pace.")
    for variant in found:
        assert set(variant.prediction.labels) <= {"sitting", "resting", "unknown"}
        assert 0 <= share(variant.prediction, "resting") <= 1
    assert session.only == ("sitting", "resting")
    session.restrict(["resting"])
    alone = session.compare("resting", "A person sits on a chair and hardly moves.", "A person walks at an easy pace.")
    assert {label for variant in alone for label in variant.prediction.labels.tolist()} <= {"resting", "unknown"}


def test_reasons_have_no_measured_part_and_the_map_covers_the_recording(session: DemoSession) -> None:
    assert session.opened is not None
    explanation, latent = session.explain(0), session.latent_map()
    assert explanation.nearest and explanation.evidence == ()
    assert latent.windows_xy.shape == (len(session.opened.prediction), 2)
    assert set(latent.names) == set(session.recognizer.names)


def test_without_recordings_the_page_asks_for_one_and_shipped_ones_are_offered(
    everyday: EverydayRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "CLIPS_FOLDER", tmp_path / "absent")
    nothing = find_examples(Path("everyday"), everyday, None)
    assert nothing.offered == {} and "phone" in nothing.note and "--" not in nothing.note
    monkeypatch.setattr(clips, "CLIPS_FOLDER", tmp_path)
    recording = recording_of("walking", "hip")
    in_g = replace(recording, samples=recording.samples / GRAVITY_MPS2)
    (tmp_path / "walk.csv").write_bytes(as_csv(in_g, [f"acc_{axis}_g" for axis in "xyz"], 3))
    ((title, read),) = find_examples(Path("everyday"), everyday, None).offered.items()
    assert title == "walk.csv" and {channel.unit for channel in read().channels} == {"g"}


def test_the_everyday_model_is_the_default() -> None:
    settings = DemoSettings()
    assert settings.model == Path("everyday") and DemoSettings.from_json(settings.to_json()) == settings
