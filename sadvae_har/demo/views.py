"""What can be looked at below the signals, one function a view; only the chosen one is computed."""

from collections.abc import Callable, Iterable, Mapping

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from feature_extraction.storage.escaping import cell, markdown
from sadvae_har.demo.figures import CONFIG, kind_of, palette
from sadvae_har.demo.session import LONGEST_DESCRIPTION, LONGEST_NAME, DemoSession, Opened, share
from sadvae_har.demo.view_figures import (
    attributes_figure,
    evidence_figure,
    latent_figure,
    nearest_figure,
    readable,
    strips_figure,
)
from sadvae_har.demo.wording import legend
from sadvae_har.recognition.explanation import Explanation
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.report.look.colours import CLASS_COLOURS, PALE

LEAST_WEIGHT, MOST_REASONS = 0.005, 6  # smaller ones would show as 0.00
NOTHING_MEASURED = "Nothing that the descriptions speak of can be measured with these sensors."
NOT_MEASURED = (
    "Nothing is measured: this model takes a device however it is turned and wherever it is worn, and what the "
    "descriptions speak of, such as a raised arm, can only be measured where both are known."
)
SEGMENTS, CHANGED, COMPARE, MAP, WHY = "Segments", "What changed", "Compare descriptions", "Map", "Why"


def segments_view(session: DemoSession, opened: Opened, colours: Mapping[str, str]) -> None:
    """Show the table of segments."""
    rows = [
        {
            "activity": segment.label,
            "from": segment.start_s,
            "to": segment.end_s,
            "probability": segment.probability,
            "known": kind_of(segment.label, segment.unseen, session.added),
        }
        for segment in opened.prediction.segments
    ]
    seconds = {name: st.column_config.NumberColumn(f"{name}, s", format="%.1f") for name in ("from", "to")}
    share = st.column_config.ProgressColumn("probability", min_value=0, max_value=1, format="percent")
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, width="stretch", column_config={**seconds, "probability": share})
    written = table.round(3).assign(activity=table["activity"].map(cell)).to_csv(index=False)
    st.download_button("Download as CSV", written, "segments.csv", "text/csv")


def changes_view(session: DemoSession, opened: Opened, colours: Mapping[str, str]) -> None:
    """Show what was recognised before and after the last change of the activities."""
    if session.previous is None:
        st.info("Add an activity above, or say what can occur: here you see what it changes.")
        return
    changes, before, now = session.changes(), session.previous, opened.prediction
    moved = sum(change.n_windows for change in changes)
    st.markdown(f"{markdown(session.change)}. **{moved} of {len(now)} windows** changed.")
    chart(strips_figure((("before", before), ("now", now)), colours), "changed")
    legend([*before.labels.tolist(), *now.labels.tolist()], colours)
    if changes:
        rows = [{"before": c.before, "now": c.now, "windows": c.n_windows} for c in changes]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def compare_view(session: DemoSession, opened: Opened, colours: Mapping[str, str]) -> None:
    """Try two descriptions of one activity side by side."""
    st.markdown("Try two descriptions of one activity. The list of activities stays as it is.")
    texts = {activity.name: activity.description for activity in session.recognizer.activities if not activity.seen}
    name = st.selectbox(
        "Activity", list(texts), accept_new_options=True, key="compared", placeholder="choose one or type a new one"
    )
    if not name:
        return
    if len(name) > LONGEST_NAME:
        st.error(f"Names have up to {LONGEST_NAME} characters.")
        return
    with st.form("compare", border=False):
        left, right = st.columns(2)
        most = LONGEST_DESCRIPTION
        first = left.text_area("First description", texts.get(name, ""), 120, max_chars=most, key=f"first {name}")
        second = right.text_area("Second description", "", 120, max_chars=most, key=f"second {name}")
        if not st.form_submit_button("Compare", type="primary"):
            return
    comparison = session.compare(name, first, second)
    wins = (comparison.share_first, 1 - comparison.share_first)
    for field, which, won, variant in zip(st.columns(2), ("First", "Second"), wins, comparison, strict=True):
        with field.container(horizontal=True):
            st.metric(f"{which}: recognised in", f"{share(variant.prediction, name):.0%} of windows")
            st.metric("Wins against the other in", f"{won:.0%}", help="Windows that fit this text better")
    strips = (("first", comparison.first.prediction), ("second", comparison.second.prediction))
    labels = [label for _, prediction in strips for label in prediction.labels.tolist()]
    known = activity_colours(session, labels)
    chart(strips_figure(strips, known), "strips")
    legend(labels, known)
    st.markdown("**What the two texts say of the movement**, where they differ most:")
    chart(attributes_figure(comparison), "attributes")


def map_view(session: DemoSession, opened: Opened, colours: Mapping[str, str]) -> None:
    """Show windows and descriptions in one plane."""
    with st.spinner("drawing …"):
        figure = latent_figure(session.latent_map(), opened.prediction, colours)
    chart(figure, "map")
    named = [name for name in opened.prediction.activities if colours[name] != PALE]
    legend([*opened.prediction.labels.tolist(), *named], colours)
    others = "" if len(named) == len(opened.prediction.activities) else " Hold the mouse over a pale one for its name."
    st.caption(
        "Dots are windows of this recording; diamonds (seen) and stars (known by description) are where the model "
        f"expects an activity.{others} A plane cannot keep all distances: what lies close together usually is alike."
    )


def why_view(session: DemoSession, opened: Opened, colours: Mapping[str, str]) -> None:
    """Show why one window was recognised as what it was."""
    found = opened.prediction
    number = st.session_state["window"] = min(st.session_state.get("window", 1), len(found))
    if len(found) > 1:
        number = st.slider("Window", 1, len(found), key="window")
    window = number - 1
    explanation = session.explain(window)
    label = str(found.labels[window])
    st.markdown(
        f"**{found.start_s[window]:.1f} to {found.end_s[window]:.1f} s: {markdown(label)}**, probability "
        f"{found.probability[window]:.0%}, strangeness {found.strangeness[window]:+.1f} sd"
        + (f". The nearest description is that of {markdown(explanation.nearest[0][0])}." if label == UNKNOWN else ".")
    )
    if explanation.activity != str(found.activity[window]):
        st.caption(f"By itself it would be taken for {markdown(explanation.activity)}; its neighbours decided.")
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Nearest descriptions**")
        chart(nearest_figure(explanation, colours), "nearest")
    with right:
        st.markdown("**Measured against written**")
        if explanation.evidence:
            chart(evidence_figure(explanation), "evidence")
        else:
            st.caption(NOT_MEASURED if session.recognizer.reads_any_device else NOTHING_MEASURED)
    if explanation.evidence:
        show_evidence(explanation)


def show_evidence(explanation: Explanation) -> None:
    """List what speaks for and against the activity of a window, strongest first."""
    speaking = sorted(explanation.evidence, key=lambda row: -abs(row.speaks_for))
    columns = st.columns(2, gap="large")
    for column, side, sign in ((columns[0], "For", 1), (columns[1], "Against", -1)):
        rows = [
            {
                "attribute": readable(row.attribute),
                "measured": row.measured,
                "written": row.written,
                "of the next": row.rival_written,
                "weight": row.speaks_for,
            }
            for row in speaking
            if row.speaks_for * sign >= LEAST_WEIGHT
        ][:MOST_REASONS]
        column.markdown(f"**{side} {markdown(explanation.activity)}** rather than {markdown(explanation.rival)}")
        if rows:
            numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "attribute"}
            column.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=numbers)
        else:
            column.caption("nothing")


def activity_colours(session: DemoSession, also: Iterable[str] = ()) -> dict[str, str]:
    """Return the colour of every activity that this tab has ever shown, so that none changes colour.

    If there are more activities than colours, those have one that were recognised, were done or were added.

    Args:
        session: That of the tab.
        also: Further activities that need a colour.
    """
    names: dict[str, None] = st.session_state.setdefault("names", {})
    listed, opened = session.recognizer.names, session.opened
    labels = [] if opened is None else [*opened.prediction.labels.tolist(), *(span.label for span in opened.clip.truth)]
    shown = listed if len(listed) <= len(CLASS_COLOURS) else [*session.added, *labels]
    names.update(dict.fromkeys(name for name in (*shown, *also) if name != UNKNOWN))
    return dict.fromkeys(listed, PALE) | palette(list(names))


def chart(figure: Figure, key: str) -> None:
    """Show a figure with its own look."""
    st.plotly_chart(figure, key=key, theme=None, config=CONFIG)


VIEWS: dict[str, Callable[[DemoSession, Opened, Mapping[str, str]], None]] = {
    SEGMENTS: segments_view,
    CHANGED: changes_view,
    COMPARE: compare_view,
    MAP: map_view,
    WHY: why_view,
}
