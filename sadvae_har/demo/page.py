"""The page itself: a script that the web server runs anew for a tab whenever something in it changes.

It only arranges; `session.py` does the work and `views.py` shows the results below the signals.
"""

import sys
from collections.abc import Callable, Sequence

import streamlit as st

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import markdown
from sadvae_har.demo.clips import SUFFIXES, Clip, Detected, detect, read_upload
from sadvae_har.demo.figures import CONFIG, recording_figure
from sadvae_har.demo.service import DemoService, DemoSettings, open_service
from sadvae_har.demo.session import LONGEST_DESCRIPTION, LONGEST_NAME, DemoSession, Opened, agreement, share
from sadvae_har.demo.upload import choose_places, declaration
from sadvae_har.demo.views import VIEWS, WHY, activity_colours
from sadvae_har.demo.wording import STYLE, as_list, chips, legend, readable_errors
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.report.look.colours import CLASS_COLOURS

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
        if st.session_state.get("guesses") or st.session_state.get("problem"):
            return
        what = "Choose an example or upload a recording" if service.examples.offered else "Upload a recording"
        st.info(f"{what} to see what is recognised in it.")
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
    described = len(model.activities) - learned
    by_text = (
        f", {described} known only by what is written about them" if described or not model.reads_any_device else ""
    )
    reads = "any device with an accelerometer, worn anywhere" if model.reads_any_device else markdown(sensors)
    st.title("Recognise activities from their description")
    st.markdown(
        f"Model of **{markdown(model.dataset)}**: {learned} activities learned from recordings{by_text}. It reads "
        f"{reads}, in windows of {model.window_s:g} s, one every {model.stride_s:g} s, at {model.rate_hz:g} Hz. "
        "Everything stays on this machine."
    )
    if model.gate_stands_aside:
        st.warning(markdown(model.model.gate.net.sentence))


def choose_recording(service: DemoService, session: DemoSession) -> None:
    """Offer the examples and an upload; open what was chosen, once."""
    st.subheader("1 · Recording", anchor=False)
    offered = service.examples.offered
    chosen = UPLOAD
    if offered:
        chosen = st.selectbox("Recording", [*offered, UPLOAD], key="recording", label_visibility="collapsed")
    if chosen != UPLOAD or not offered:
        st.caption(markdown(service.examples.note))
    if chosen != UPLOAD:
        open_once(session, chosen, lambda: service.limit.run(offered[chosen]))
    else:
        with readable_errors():
            upload(service, session)
    if problem := st.session_state.get("problem"):
        st.error(markdown(problem))
    elif guesses := st.session_state.get("guesses"):
        ask(guesses)
    elif session.opened is not None:
        choose_places(session)
        with st.expander("How it was read", expanded=True):
            st.markdown(as_list(session.opened.clip.findings))


def upload(service: DemoService, session: DemoSession) -> None:
    """Offer an upload, with fields that say what was detected in it and take what is known better."""
    limit_mb, model = service.settings.max_upload_mb, service.recognizer
    any_device = model.reads_any_device
    file = st.file_uploader(
        f"CSV, NPY or Parquet, up to {limit_mb} MB", type=[suffix[1:] for suffix in SUFFIXES], key="upload"
    )
    if file is None:
        if not any_device:
            declaration(Detected(channels=model.channels), any_device, "")
        forget(session)
        return
    content, name = file.getvalue(), file.name
    try:
        if st.session_state.get("looked at") != file.file_id:
            st.session_state["detected"] = service.limit.run(lambda: detect(content, name, model))
            st.session_state["looked at"] = file.file_id
        declared = declaration(st.session_state["detected"], any_device, file.file_id)
    except InputError:
        forget(session)
        raise
    open_once(
        session,
        (file.file_id, repr(declared)),
        lambda: service.limit.run(lambda: read_upload(content, name, model, declared)),
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
    """Show the activities, take a new one, remove added ones, let only some occur."""
    st.subheader("2 · Activities", anchor=False)
    shown, possible = st.container(), st.container()
    by_text, by_name = st.tabs(["Describe a new one", "Choose a described one"])
    with by_text.form("new activity", border=False):
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
    with by_name.form("known activity", border=False):
        field, button = st.columns([3, 1], vertical_alignment="bottom")
        known = field.selectbox("Everyday activity", session.addable(), index=None, placeholder="choose one")
        if button.form_submit_button("Add", type="primary", width="stretch") and known is not None:
            with readable_errors():
                session.add_known(known)
                st.rerun()
    if session.added:
        with st.form("remove", border=False):
            field, button = st.columns([3, 1], vertical_alignment="bottom")
            unwanted = field.selectbox("Added here", session.added)
            if button.form_submit_button("Remove", width="stretch"):
                with readable_errors():
                    session.remove(unwanted)
                st.rerun()
    with possible:
        choose_possible(session)
    with shown:
        list_activities(session)
    announce_change(session)


def list_activities(session: DemoSession) -> None:
    """Show the activities as chips; if there are many, only those in the recording and those added at first."""
    colours, kinds, listed = (
        activity_colours(session),
        {True: "", False: "by description"},
        session.recognizer.activities,
    )
    opened = session.opened
    names = [(a.name, colours[a.name], "added" if a.name in session.added else kinds[a.seen]) for a in listed]
    if len(listed) <= len(CLASS_COLOURS):
        st.html(chips(names))
        return
    there = {*session.added, *([] if opened is None else opened.prediction.labels.tolist())}
    if there:
        st.html(chips([chip for chip in names if chip[0] in there]))
    with st.expander(f"All {len(listed)} activities"):
        st.html(chips(names))


def choose_possible(session: DemoSession) -> None:
    """Let a person say which activities can occur; none chosen stands for all."""

    def take() -> None:
        with readable_errors():
            session.restrict(st.session_state["possible"])

    st.session_state["possible"] = list(session.only)
    st.multiselect(
        "What can occur",
        session.recognizer.names,
        key="possible",
        placeholder="everything on the list",
        on_change=take,
    )


def announce_change(session: DemoSession) -> None:
    """Say what the last change changed in what is recognised."""
    changes = session.changes()
    if not session.change:
        return
    if session.opened is None:
        st.success(f"{markdown(session.change)}.")
    elif not changes:
        st.info(f"{markdown(session.change)}: no window is recognised as something else.")
    else:
        n_changed, largest = sum(change.n_windows for change in changes), changes[0]
        st.success(
            f"{markdown(session.change)}: {n_changed} of {len(session.opened.prediction)} windows are recognised as "
            f"something else now, most of them {markdown(largest.before)} → {markdown(largest.now)}."
        )


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
