"""A set of windows in a few rows: what is in it, what was dropped and why."""

from feature_extraction.windows.window_set import WindowSet

NAMES_SHOWN = 3


def summarize(windows: WindowSet) -> list[tuple[str, str]]:
    """Return rows of name and value: size, settings, what was dropped and why, windows per class."""
    summary, settings = windows.summary, windows.settings
    per_class = summary["windows_per_class"]
    read_h, unused_h = summary["hours_read"], summary["hours_in_no_window"]
    size = f"{settings.window_s:g} s, {settings.overlap:.0%} overlap, {settings.rate_hz:g} Hz"
    rows = [
        ("data set", windows.dataset),
        ("subjects", str(len(summary["subjects"]))),
        ("classes", f"{sum(count > 0 for count in per_class.values())} of {len(per_class)}"),
        ("recordings", str(summary["recordings"])),
        ("windows", f"{len(windows)} of {size}"),
        ("channels", f"{len(windows.channels)} ({', '.join(settings.quantities)})"),
        ("hours", f"{read_h:.2f} recorded, {read_h - unused_h:.2f} in windows"),
    ]
    for reason, entry in summary["dropped"].items():
        examples = ", ".join(entry["examples"][:NAMES_SHOWN])
        more = ", ..." if entry["recordings"] > NAMES_SHOWN else ""
        value = f"{entry['recordings']} ({entry['seconds'] / 60:.1f} min) {reason}: {examples}{more}"
        rows.append(("dropped", value))
    if not summary["dropped"]:
        rows.append(("dropped", "nothing"))
    rows.append(("in no window", f"{unused_h * 60:.1f} min: ends of recordings, and recordings too short"))
    rows += [(f"  {name}", str(count)) for name, count in per_class.items()]
    return rows


def summary_table(windows: WindowSet) -> str:
    """Return the rows of `summarize` as text in two columns."""
    rows = summarize(windows)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)
