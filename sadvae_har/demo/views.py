"""What can be looked at below the signals, one function a view; only the chosen one is computed."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from sadvae_har.demo.figures import CONFIG, UNKNOWN, kind_of, palette
from sadvae_har.demo.session import LONGEST_DESCRIPTION, LONGEST_NAME, DemoSession
from sadvae_har.demo.view_figures import (
    attributes_figure,
    evidence_figure,
    latent_figure,
    nearest_figure,
    readable,
    strips_figure,
)
from sadvae_har.demo.wording import legend, plain
from sadvae_har.recognition.recognizer import Explanation

LEAST_WEIGHT, MOST_REASONS = 0.005, 6  # smaller ones would show as 0.00
SEGMENTS, CHANGED, COMPARE, MAP, WHY = "Segments", "What changed", "Compare descriptions", "Map", "Why"


def segments_view(session: DemoSession, colours: Mapping[str, str]) -> None:
    """Show the table of segments."""
    if session.timeline is None:
        return
    rows = [
        {
            "activity": segment.label,
            "from": segment.start_s,
            "to": segment.end_s,
            "probability": segment.probability,
            "known": kind_of(segment.label, segment.unseen, session.added),
        }
        for segment in session.timeline.segments
    ]
    seconds = {name: st.column_config.NumberColumn(f"{name}, s", format="%.1f") for name in ("from", "to")}
    share = st.column_config.ProgressColumn("probability", min_value=0, max_value=1, format="percent")
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, width="stretch", column_config={**seconds, "probability": share})
    st.download_button("Download as CSV", table.round(3).to_csv(index=False), "segments.csv", "text/csv")


def changes_view(session: DemoSession, colours: Mapping[str, str]) -> None:
    """Show what was recognised before and after the last change of the activities."""
    if session.timeline is None or session.previous is None:
        st.info("Add an activity above: here you see what it changes.")
        return
    changes = session.changes()
    moved = sum(change.n_windows for change in changes)
    st.markdown(f"{plain(session.change)}. **{moved} of {len(session.timeline.labels)} windows** changed.")
    strips = (("before", session.previous), ("now", session.timeline))
    st.plotly_chart(strips_figure(strips, colours), key="changed", theme=None, config=CONFIG)
    legend([*session.previous.labels.tolist(), *session.timeline.labels.tolist()], colours)
    if changes:
        rows = [{"before": c.before, "now": c.now, "windows": c.n_windows} for c in changes]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def compare_view(session: DemoSession, colours: Mapping[str, str]) -> None:
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
        fields = st.columns(2)
        first = fields[0].text_area(
            "First description", texts.get(name, ""), max_chars=LONGEST_DESCRIPTION, height=120, key=f"first {name}"
        )
        second = fields[1].text_area(
            "Second description", max_chars=LONGEST_DESCRIPTION, height=120, key=f"second {name}"
        )
        if not st.form_submit_button("Compare", type="primary"):
            return
    comparison = session.compare(name, first, second)
    shares = (
        ("First", comparison.share_first, comparison.first),
        ("Second", 1 - comparison.share_first, comparison.second),
    )
    for field, (which, wins, variant) in zip(st.columns(2), shares, strict=True):
        with field.container(horizontal=True):
            st.metric(f"{which}: recognised in", f"{variant.timeline.share(name):.0%} of windows")
            st.metric("Wins against the other in", f"{wins:.0%}", help="Windows that fit this text better")
    strips = (("first", comparison.first.timeline), ("second", comparison.second.timeline))
    known = colours if name in colours else palette([*(other for other in colours if other != UNKNOWN), name])
    st.plotly_chart(strips_figure(strips, known), key="strips", theme=None, config=CONFIG)
    legend([label for _, timeline in strips for label in timeline.labels.tolist()], known)
    st.markdown("**What the two texts say of the movement**, where they differ most:")
    st.plotly_chart(attributes_figure(comparison), key="attributes", theme=None, config=CONFIG)


def map_view(session: DemoSession, colours: Mapping[str, str]) -> None:
    """Show windows and descriptions in one plane."""
    if session.timeline is None:
        return
    with st.spinner("drawing …"):
        figure = latent_figure(session.latent_map(), session.timeline, colours)
    st.plotly_chart(figure, key="map", theme=None, config=CONFIG)
    legend([*session.timeline.labels.tolist(), *session.timeline.activities], colours)
    st.caption(
        "Dots are windows of this recording; diamonds (seen) and stars (known by description) are where the model "
        "expects an activity. A plane cannot keep all distances: what lies close together usually is alike."
    )


def why_view(session: DemoSession, colours: Mapping[str, str]) -> None:
    """Show why one window was recognised as what it was."""
    timeline = session.timeline
    if timeline is None:
        return
    n_windows = len(timeline.labels)
    number = st.session_state["window"] = min(st.session_state.get("window", 1), n_windows)
    if n_windows > 1:
        number = st.slider("Window", 1, n_windows, key="window")
    window = number - 1
    explanation = session.explain(window)
    label = str(timeline.labels[window])
    rivals = [name for name, _ in explanation.nearest if name != explanation.label]
    st.markdown(
        f"**{timeline.start_s[window]:.1f} to {timeline.end_s[window]:.1f} s: {plain(label)}**, probability "
        f"{timeline.probability[window]:.0%}, strangeness {timeline.strangeness[window]:+.1f} sd"
        + (f". The nearest description is that of {plain(explanation.label)}." if label == UNKNOWN else ".")
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Nearest descriptions**")
        st.plotly_chart(nearest_figure(explanation, colours), key="nearest", theme=None, config=CONFIG)
    with right:
        st.markdown("**Measured against written**")
        if explanation.evidence and rivals:
            figure = evidence_figure(explanation, rivals[0])
            st.plotly_chart(figure, key="evidence", theme=None, config=CONFIG)
        else:
            st.caption("Nothing that the descriptions speak of can be measured with these sensors.")
    if explanation.evidence and rivals:
        show_evidence(explanation, rivals[0])


def show_evidence(explanation: Explanation, rival: str) -> None:
    """List what speaks for and against the answer, strongest first."""
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
        column.markdown(f"**{side} {plain(explanation.label)}** rather than {plain(rival)}")
        if rows:
            numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "attribute"}
            column.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=numbers)
        else:
            column.caption("nothing")


VIEWS: dict[str, Callable[[DemoSession, Mapping[str, str]], None]] = {
    SEGMENTS: segments_view,
    CHANGED: changes_view,
    COMPARE: compare_view,
    MAP: map_view,
    WHY: why_view,
}
