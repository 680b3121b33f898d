"""The forms for a recording of one's own: how it is read, and where its devices were worn.

Fields say what was detected; what is chosen in them is not guessed.
"""

from collections.abc import Sequence

import streamlit as st

from feature_extraction.own_files.read import Declared
from feature_extraction.recordings.signal import FACTORS, TIME_UNITS_S
from feature_extraction.storage.escaping import markdown
from sadvae_har.demo.clips import KEYS, Detected
from sadvae_har.demo.session import DemoSession
from sadvae_har.demo.wording import readable_errors

DETECT, NO_TIME, UNKNOWN_PLACE = "detect", "none", "unknown"
PLACES_IN_A_ROW = 3


def declaration(detected: Detected, any_device: bool, file_id: str) -> Declared:
    """Show the fields; return what a person chose in them.

    Args:
        detected: What the file shows of itself.
        any_device: Whether the model reads any device, so that columns that are not named here are left out.
        file_id: Tells uploads apart, because fields belong to one of them.

    Raises:
        InputError: A rate that no sensor has, or a unit that is none.
    """
    wanted = detected.channels
    quantities = tuple(dict.fromkeys(channel.quantity for channel in wanted))
    rate_field, *unit_fields = st.columns(1 + len(quantities))
    found_hz = "" if detected.rate_hz is None else f"{detected.rate_hz:g}"
    rate_hz = rate_field.number_input(
        "Rate in Hz",
        min_value=0.0,
        max_value=10_000.0,
        value=None,
        placeholder=_as_detected(found_hz),
        key=f"rate {file_id}",
    )
    units = {
        quantity: _choose(
            field, f"Unit of {quantity}", FACTORS[quantity], detected.units.get(quantity), f"unit {quantity} {file_id}"
        )
        for quantity, field in zip(quantities, unit_fields, strict=True)
    }
    with st.expander("Columns and time"):
        time_field, unit_field = st.columns(2)
        found, columns = detected.found, detected.columns
        time = _choose(time_field, "Time column", [*columns, NO_TIME], found.get("time"), f"time {file_id}")
        time_unit = _choose(unit_field, "Unit of time", TIME_UNITS_S, None, f"time unit {file_id}")
        fields = st.columns(2) * (len(wanted) // 2 + 1)
        chosen = {
            c.name: _choose(field, f"Column of {c.name}", columns, found.get(c.name), f"column {c.name} {file_id}")
            for c, field in zip(wanted, fields, strict=False)
        }
    said = {name: column for name, column in chosen.items() if column is not None}
    if said and any_device:
        said = {name: found[name] for name in chosen if name in found} | said
    return Declared(
        rate_hz=rate_hz or None,
        units={quantity: unit for quantity, unit in units.items() if unit is not None},
        columns=said,
        time_column=None if time == NO_TIME else time,
        time_unit=time_unit,
        seeks_time=time != NO_TIME,
        keys=KEYS,
    )


def choose_places(session: DemoSession) -> None:
    """Ask where the devices of the recording are worn, if the model can make use of it."""
    worn, places = session.recognizer.worn, ["", *session.recognizer.placements]
    fields = st.columns(min(len(worn), PLACES_IN_A_ROW) or 1) * len(worn)
    for (device, place), field in zip(worn.items(), fields, strict=False):
        key = f"worn {device}"
        st.session_state[key] = place
        field.selectbox(
            "Worn at" if len(worn) == 1 else f"{markdown(device)} worn at",
            places,
            key=key,
            format_func=lambda name: name or UNKNOWN_PLACE,
            on_change=_take_place,
            args=(session, device, key),
        )


def _take_place(session: DemoSession, device: str, key: str) -> None:
    """Take a chosen place over; the field goes back to where it was if that fails."""
    with readable_errors():
        session.wear(device, st.session_state[key])


def _as_detected(found: str | None) -> str:
    return f"{found} (detected)" if found else DETECT


def _choose(
    place: "st.delta_generator.DeltaGenerator",
    label: str,
    options: Sequence[str] | dict[str, float],
    found: str | None,
    key: str,
) -> str | None:
    """Return what was chosen in a field, nothing while it stays with what was detected."""
    choice = place.selectbox(
        markdown(label),
        [DETECT, *options],
        key=key,
        format_func=lambda name: _as_detected(found) if name == DETECT else name,
    )
    return None if choice == DETECT else choice
