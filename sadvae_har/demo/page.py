"""The page itself: a script that the web server runs anew for a tab whenever something in it changes.

It only arranges; `session.py` does the work and `views.py` shows the results below the signals.
"""

import sys
from collections.abc import Callable, Sequence

import streamlit as st

from feature_extraction.errors import InputError
from sadvae_har.demo.clips import SUFFIXES, Clip, Detected, detect, read_upload
from sadvae_har.demo.figures import CONFIG, palette, recording_figure
from sadvae_har.demo.service import DemoService, DemoSettings, open_service
from sadvae_har.demo.session import LONGEST_DESCRIPTION, LONGEST_NAME, DemoSession, Opened, agreement, share
from sadvae_har.demo.upload import declaration
from sadvae_har.demo.views import VIEWS, WHY
from sadvae_har.demo.wording import STYLE, as_list, chips, legend, plain, readable_errors
from sadvae_har.recognition.prediction import UNKNOWN

UPLOAD = "my own recording"


def main() -> None:
    """Show the page of one tab."""
    st.set_page_config(page_title="Zero-shot activity recognition", layout="wide")
    st.html(STYLE)
    service = open_service(DemoSettings.from_json(sys.argv[1]))
    if "session" not in st.session_state:
        st.session_state["session"] = service.new_session()
    session: DemoSession = st.session_state["session"]
    show_header(service)
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        choose_recording(service, session)
    with right.container(border=True):
        edit_activities(session)
    opened = session.opened
    if opened is None:
        st.info("Choose an example or upload a recording to see what is recognised in it.")
        return
    colours = activity_colours(session)
    with st.container(border=True):
        show_recording(session, opened, colours)
    with st.container(border=True):
        view = st.segmented_control("Look closer", list(VIEWS), default=next(iter(VIEWS)), required=True, key="view")
        with readable_errors():
            VIEWS[view](session, opened, colours)


def show_header(service: DemoService) -> None:
    """Say what the page is and what the model reads."""
    model = service.recognizer
    sensors = ", ".join(dict.fromkeys(f"{channel.device} {channel.quantity}" for channel in model.channels))
    learned = sum(activity.seen for activity in model.activities)
    st.title("Recognise activities from their description")
    st.markdown(
        f"Model of **{plain(model.dataset)}**: {learned} activities learned from recordings, "
        f"{len(model.activities) - learned} known only by what is written about them. It reads windows of "
        f"{model.window_s:g} s, one every {model.stride_s:g} s, at {model.rate_hz:g} Hz ({plain(sensors)}). "
        "Everything stays on this machine."
    )
    if model.gate_stands_aside:
        st.warning(plain(model.model.gate.net.sentence))


def choose_recording(service: DemoService, session: DemoSession) -> None:
    """Offer the examples and an upload; open what was chosen, once."""
    st.subheader("1 · Recording", anchor=False)
    offered = service.examples.offered
    chosen = st.selectbox("Recording", [*offered, UPLOAD], key="recording", label_visibility="collapsed")
    if chosen != UPLOAD or not offered:
        st.caption(plain(service.examples.note))
    if chosen != UPLOAD:
        open_once(session, chosen, lambda: service.limit.run(offered[chosen]))
    else:
        with readable_errors():
            upload(service, session)
    if problem := st.session_state.get("problem"):
        st.error(plain(problem))
    elif guesses := st.session_state.get("guesses"):
        ask(guesses)
    elif session.opened is not None:
        with st.expander("How it was read", expanded=True):
            st.markdown(as_list(session.opened.clip.findings))


def upload(service: DemoService, session: DemoSession) -> None:
    """Offer an upload, with fields that say what was detected in it and take what is known better."""
    limit_mb, wanted = service.settings.max_upload_mb, service.recognizer.channels
    file = st.file_uploader(
        f"CSV, NPY or Parquet, up to {limit_mb} MB", type=[suffix[1:] for suffix in SUFFIXES], key="upload"
    )
    if file is None:
        declaration(Detected(), wanted, "")
        forget(session)
        return
    content, name = file.getvalue(), file.name
    try:
        if st.session_state.get("looked at") != file.file_id:
            st.session_state["detected"] = service.limit.run(lambda: detect(content, name, wanted))
            st.session_state["looked at"] = file.file_id
        declared = declaration(st.session_state["detected"], wanted, file.file_id)
    except InputError:
        forget(session)
        raise
    open_once(
        session,
        (file.file_id, repr(declared)),
        lambda: service.limit.run(lambda: read_upload(content, name, wanted, declared, service.recognizer.reference)),
    )


def open_once(session: DemoSession, key: object, read: Callable[[], Clip]) -> None:
    """Read what was chosen, unless it is open; recognise it once nothing is guessed, or a person said yes.

    Args:
        session: That of the tab.
        key: Tells what was chosen, and how it is to be read.
        read: Reads it.
    """
    wanted = key, st.session_state.get("said yes to") == key
    if st.session_state.get("opened") == wanted:
        return
    forget(session)
    st.session_state["opened"] = wanted
    try:
        with st.spinner("recognising …"):
            clip = read()
            if clip.guesses and not wanted[1]:
                st.session_state["guesses"] = clip.guesses
            else:
                session.open(clip)
    except InputError as error:
        st.session_state["problem"] = str(error)


def forget(session: DemoSession) -> None:
    """Show no recording, and nothing about one."""
    st.session_state.update({"opened": None, "problem": "", "guesses": (), "window": 1})
    session.close()


def ask(guesses: Sequence[str]) -> None:
    """Ask whether a recording is to be read as was guessed; labels come after a yes."""
    asked = "Some of this had to be guessed or does not fit. Is it right? If not, correct it in the fields."
    st.warning(f"{asked}\n\n{as_list(guesses)}")

    def say_yes() -> None:
        st.session_state["said yes to"] = st.session_state["opened"][0]

    st.button("Yes, read it like this", on_click=say_yes)


def edit_activities(session: DemoSession) -> None:
    """Show the activities, take a new one, remove added ones."""
    st.subheader("2 · Activities", anchor=False)
    shown = st.container()
    with st.form("new activity", border=False):
        name = st.text_input("New activity", max_chars=LONGEST_NAME, placeholder="such as arm circles")
        description = st.text_area(
            "What the body does in it",
            max_chars=LONGEST_DESCRIPTION,
            height=90,
            placeholder="such as: The person stretches one arm out sideways and draws wide circles with it.",
        )
        if st.form_submit_button("Add and recognise again", type="primary"):
            with readable_errors():
                session.add(name, description)
    if session.added:
        with st.form("remove", border=False):
            field, button = st.columns([3, 1], vertical_alignment="bottom")
            unwanted = field.selectbox("Added here", session.added)
            if button.form_submit_button("Remove", width="stretch"):
                with readable_errors():
                    session.remove(unwanted)
                st.rerun()
    colours, kinds = activity_colours(session), {True: "", False: "by description"}
    listed = session.recognizer.activities
    names = [(a.name, colours[a.name], "added" if a.name in session.added else kinds[a.seen]) for a in listed]
    shown.html(chips(names))
    announce_change(session)


def announce_change(session: DemoSession) -> None:
    """Say what the last added or removed activity changed."""
    changes = session.changes()
    if not session.change:
        return
    if session.opened is None:
        st.success(f"{plain(session.change)}.")
    elif not changes:
        st.info(f"{plain(session.change)}: no window is recognised as something else.")
    else:
        n_changed, largest = sum(change.n_windows for change in changes), changes[0]
        st.success(
            f"{plain(session.change)}: {n_changed} of {len(session.opened.prediction)} windows are recognised as "
            f"something else now, most of them {plain(largest.before)} → {plain(largest.now)}."
        )


def activity_colours(session: DemoSession) -> dict[str, str]:
    """Return the colour of every activity that this tab has ever had, so that none changes colour."""
    names: dict[str, None] = st.session_state.setdefault("names", {})
    names.update(dict.fromkeys(activity.name for activity in session.recognizer.activities))
    return palette(list(names))


def show_recording(session: DemoSession, opened: Opened, colours: dict[str, str]) -> None:
    """Show the key figures, and the signals over the recognised activities."""
    clip, found = opened.clip, opened.prediction
    st.subheader("3 · What was recognised", anchor=False)
    with st.container(horizontal=True):
        st.metric("Length", f"{clip.duration_s:.0f} s")
        st.metric("Windows", len(found))
        st.metric("Segments", len(found.segments))
        st.metric("Unknown", f"{share(found, UNKNOWN):.0%}", help="Windows that look like no activity of the list")
        if clip.truth:
            right = f"{agreement(found, clip.truth):.0%}"
            st.metric("As done", right, help="Windows whose middle lies in the exercise that was recognised")
    explained = st.session_state.get("view") == WHY
    chosen = min(st.session_state.get("window", 1), len(found)) - 1 if explained else None
    figure = recording_figure(opened, colours, session.added, chosen)
    st.plotly_chart(figure, key="signals", theme=None, config=CONFIG, on_select=choose_clicked, selection_mode="points")
    legend([*found.labels.tolist(), *(span.label for span in clip.truth)], colours)
    st.caption(
        "Colours show the recognised activity; dots are single windows, the fainter the less sure. Drag to zoom, "
        "double-click to see all. Click a segment or a dot to ask why."
    )


def choose_clicked() -> None:
    """Take the clicked window as the one to explain."""
    points = st.session_state["signals"]["selection"]["points"]
    numbers = [point["customdata"] for point in points if point.get("customdata")]
    if numbers:
        first = numbers[0]
        st.session_state["window"] = 1 + int(first[0] if isinstance(first, list) else next(iter(first.values())))
        st.session_state["view"] = WHY


if __name__ == "__main__":
    main()
