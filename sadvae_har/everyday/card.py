"""What an everyday model says about itself, as the README.md beside its file. Nothing in it is measured here."""

from feature_extraction.datasets.spec import DatasetSpec
from feature_extraction.storage.escaping import markdown, markdown_cell, markdown_code, markdown_link
from sadvae_har.recognition.everyday.model import EverydayModel
from sadvae_har.recognition.model.card import HEADER


def source_of(spec: DatasetSpec) -> str:
    """Return one line about a data set: what it is, whom to cite, its terms and where it comes from."""
    return f"{spec.title}. {spec.citation}. {spec.licence}. {spec.homepage}"


def everyday_card(model: EverydayModel, command: str, n_bytes: int) -> str:
    """Return the card as Markdown with a YAML header.

    Args:
        model: What it is about.
        command: Makes the model.
        n_bytes: Size of its file.
    """
    parts = [
        f"# {markdown_cell(model.name)}: everyday activities on any device",
        _summary(model),
        _table(model, command, n_bytes),
        "\n".join(["## Learned from", "", *map(_source, model.sources)]),
        _activities(model),
        _limits(model),
    ]
    return HEADER + "\n" + "\n\n".join(parts) + "\n"


def _summary(model: EverydayModel) -> str:
    return (
        f"Recognises {len(model.trained)} activities in recordings of phones, watches and other wearable inertial "
        "sensors: one device or several, with or without gyroscope, at any place of the body, turned any way, at any "
        "rate. Other activities are added by describing them, without any training.\n\n"
        "```bash\nsadvae-har predict walk.csv\n"
        "sadvae-har predict walk.csv --only walking,running,sitting --placement wrist\n```"
    )


def _table(model: EverydayModel, command: str, n_bytes: int) -> str:
    settings = model.source.settings
    networks = sum(value.numel() for network in model.networks for value in network.parameters())
    rows = {
        "reads": f"any device with an accelerometer, in windows of {settings.window_s:g} s at {settings.rate_hz:g} Hz; "
        "other rates and units are converted",
        "trained activities": f"a linear layer on {len(model.standardizer.mean)} statistics"
        + (f" and {len(model.networks)} small networks ({networks:,} weights)" if model.networks else ""),
        "described activities": f"SA-DVAE over {len(model.pairs)} pairs of an activity and a place; descriptions are "
        f"read by {markdown_cell(model.text.model)}",
        "of people": "means and one covariance of statistics over many windows, and weights; no window of anybody",
        "size": f"{n_bytes / 1e6:.1f} MB",
        "made by": markdown_code(command),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _activities(model: EverydayModel) -> str:
    lines = ["## Activities", "", "| activity | recorded at | description |", "|---|---|---|"]
    for entry in model.trained:
        places = ", ".join(pair.placement for pair in model.pairs if pair.activity == entry.name)
        cells = (entry.name, places or "only together with others", entry.sentence)
        lines.append(f"| {' | '.join(map(markdown_cell, cells))} |")
    return "\n".join(lines)


def _source(source: str) -> str:
    """Return a line of `source_of` as an item of a list; its address is a link."""
    words, _, address = source.rpartition(" ")
    return f"- {markdown(words)} {markdown_link(address)}"


def _limits(model: EverydayModel) -> str:
    falls = "- Falls were staged by young people; how it does on real ones, nobody knows.\n"
    learned = "falling" in {entry.name for entry in model.trained}
    return f"""## What it cannot do

- Sitting, standing and lying are hard to tell apart by a device that may be turned any way: a still device feels
  gravity alone. Say with `--only` which of them can occur.
{falls if learned else ""}- It does less well on people and devices unlike those above; test it on your own.
- It is no medical device, and nothing for decisions about anybody's health or safety."""
