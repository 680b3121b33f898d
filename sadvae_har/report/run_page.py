"""report.html: one self-contained, interactive page of a run, written from its saved files alone."""

import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from feature_extraction.protocol.groups import NOUNS
from feature_extraction.storage.escaping import html
from feature_extraction.storage.files import write_text
from sadvae_har.experiment.run_folder import REPORT_FILE
from sadvae_har.method.gate import DomainClassifier, SafetyNet
from sadvae_har.report.calibration import calibration_section, read_calibration
from sadvae_har.report.checks import FAILED, NOT_RECORDED, PASSED, Check, checklist
from sadvae_har.report.contradictions import require_agreement
from sadvae_har.report.figures import run_figures
from sadvae_har.report.look.page import figures, folded, lines, page, paragraph, section, table
from sadvae_har.report.run_files import RunFiles, read_run
from sadvae_har.report.summary import summary_html
from sadvae_har.report.tables import NOTHING, percent, summary_rows

_MARKS = {PASSED: "✓", FAILED: "✗", NOT_RECORDED: "–"}
_MEASURES_NOTE = (
    "Percent. Intervals: 95 % percentile bootstrap over test subjects (over recordings if there are fewer than three "
    "subjects). Chance: a uniform guess, for AUSUC random scores, for the gate a coin. Majority: always the unseen "
    "class with most test windows. 'Not better than guessing': the interval reaches down to chance (for macro-F1, to "
    "the majority class)."
)
_CHECKLIST_NOTE = (
    "Each line was checked against the files of the run folder when this page was written. 'Not recorded' means that "
    "the files cannot tell."
)
_CLASS_NOTE = "Test windows predicted rightly: among unseen classes (ZSL), among all classes (GZSL)."


def write_report(run_folder: Path) -> Path:
    """Write `report.html` into a run folder, replacing an older one whole.

    A run that has not reached the GZSL stage gets a report of its ZSL results. A `calibration.json` in the folder
    adds the section that `calibration.py` describes.

    Args:
        run_folder: Folder with `metrics.json`, `predictions.npz`, `split.json`, `config.yaml` and
            `environment.json`.

    Returns:
        The path of the report.

    Raises:
        InputError: The folder or one of these files is missing, damaged or incomplete, or contradicts another.
    """
    run = read_run(Path(run_folder))
    if run.is_open:
        return _write_open_report(run)
    calibration = read_calibration(run.path)
    require_agreement(run, calibration)
    checks = checklist(run)
    sections = [
        section("summary", "Summary", summary_html(run), _protocol_line(checks)),
        section("results", "Results", *_safety_net(run), _results(run), paragraph(_MEASURES_NOTE, "note")),
        section("figures", "Figures", figures(run_figures(run))),
        section("protocol", "Protocol checklist", checklist_html(checks), paragraph(_CHECKLIST_NOTE, "note")),
        *([calibration_section(calibration)] if calibration else []),
        section("classes", "Each class", _per_class(run), paragraph(_CLASS_NOTE, "note")),
    ]
    return _write(run, "Zero-shot activity recognition: one run on one split", sections)


def _write(run: RunFiles, subtitle: str, sections: Sequence[str]) -> Path:
    """Write a report: the sections, then how the run was made."""
    made = [
        section("split", "Split", f"<dl>{_facts(run)}</dl>"),
        section("again", "Run it again", _commands(run)),
        folded("Configuration", run.config_text),
        folded("Environment", json.dumps(run.environment, indent=2, ensure_ascii=False)),
    ]
    path = run.path / REPORT_FILE
    write_text(path, page(f"{run.split.dataset} / {run.split.name}", subtitle, [*sections, *made]))
    return path


def _write_open_report(run: RunFiles) -> Path:
    """Write the report of a run that measured nothing: what it learned from, and what can be done with it."""
    split, top1 = run.split, run.metrics.get("chosen", {}).get("inner_top1")
    said = f"{split.meaning[0].upper()}{split.meaning[1:]}. So this page holds no accuracy."
    n_folds = len(split.inner)
    net = _net(run)
    is_fitted = net is not None and net.action != "not recorded"
    chosen = "There was too little to hold anything back: the last step was taken, and the gate compares descriptions."
    if n_folds:
        what = "Step, gate and calibration were" if is_fitted else "The step was"
        held_out = f"each of which held out classes and {NOUNS[split.holds_out][1]}"
        chosen = f"{what} chosen on {n_folds} inner folds, {held_out}."
    if n_folds and not is_fitted:
        chosen += " None had windows of both kinds to fit a gate on, so the gate compares descriptions."
    if top1 is not None:
        chosen += (
            f" Of 100 windows of classes held out there, {100 * top1:.0f} were named rightly on average over classes."
        )
        chosen += " That number was used to choose, so it flatters."
    model = shlex.quote(str(run.path))
    use = [
        f'sadvae-har activities add {model} "rope skipping" "A person jumps over a swinging rope again and again."',
        f"sadvae-har predict RECORDING --model {model}",
    ]
    sections = [
        section("summary", "Summary", paragraph(said, "lead"), paragraph(chosen), *_safety_net(run)),
        section("use", "Use it", lines(use)),
    ]
    return _write(run, "A recogniser of described activities, learned from everything that is labelled", sections)


def _net(run: RunFiles) -> SafetyNet | None:
    """Return what became of the gate of a run, if that was recorded."""
    return DomainClassifier.from_dict(run.gate, str(run.path / "gate.json")).net if "net" in run.gate else None


def _safety_net(run: RunFiles) -> list[str]:
    """Return one sentence on whether the gate is used as fitted; none where that was not recorded."""
    net = _net(run)
    if net is None or not net.sentence:
        return []
    together = "Seen and unseen together (GZSL)" if run.has_gzsl else "Trained and described activities together"
    return [paragraph(f"{together}: {net.sentence}", "note" if net.action == "kept" else "alert")]


def _results(run: RunFiles) -> str:
    header = ("measure (%)", "value", "95 % interval", "chance", "majority class")
    body = []
    for row in summary_rows(run.metrics):
        name = html(row.name) + "".join(f' <em class="warning">{html(text)}</em>' for text in row.warnings)
        value, *others = map(html, row.cells)
        body.append((name, f'<td class="weak">{value}</td>' if row.is_a_guess else value, *others))
    return table(header, body, "measures")


def tally(checks: Iterable[Check]) -> str:
    """Return how many claims passed, failed and are not recorded."""
    found = [check.status for check in checks]
    return ", ".join(f"{found.count(status)} {status}" for status in _MARKS if status in found)


def checklist_html(checks: Iterable[Check]) -> str:
    """Return the checklist as a table; failed lines are set apart by colour, mark and word."""
    body = []
    for check in checks:
        kind = check.status.replace(" ", "-")
        mark = f'<span class="mark {kind}">{_MARKS[check.status]} {check.status}</span>'
        body.append((html(check.claim), mark, html(check.evidence)))
    return table(("claim", "", "evidence"), body, "text")


def _protocol_line(checks: list[Check]) -> str:
    failed = [check.claim for check in checks if check.status == FAILED]
    words = f'<a href="#protocol">Protocol checklist</a>: {tally(checks)}.'
    if not failed:
        return f"<p>{words}</p>"
    return f'<p class="alert">{words} Failed: {html("; ".join(failed))}.</p>'


def _facts(run: RunFiles) -> str:
    split = run.split
    chosen = [
        f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"
        for name, value in run.metrics.get("chosen", {}).items()
    ]
    noun = "subjects" if split.holds_out == "people" else NOUNS[split.holds_out][1]
    folds = "; ".join(f"fold {k}: {', '.join(fold)}" for k, fold in enumerate(split.inner, start=1))
    facts = [
        ("Split", f"{split.name} of {split.dataset} ({split.kind}, seed {split.seed})"),
        (f"{len(split.seen)} seen classes", ", ".join(split.seen)),
        (f"{len(split.unseen)} unseen classes", ", ".join(split.unseen) or NOTHING),
        ("Measured", split.meaning),
        (f"Train {noun}", ", ".join(split.train_subjects)),
        (f"Validation {noun}", ", ".join(split.val_subjects) or NOTHING),
        (f"Test {noun}", ", ".join(split.test_subjects) or NOTHING),
        ("Pseudo-unseen classes of inner folds", folds or NOTHING),
        ("Chosen on inner folds", ", ".join(chosen) or NOTHING),
    ]
    return "".join(f"<dt>{html(name)}</dt><dd>{html(value)}</dd>" for name, value in facts)


def _commands(run: RunFiles) -> str:
    """Return the commands that repeat the run; they are called inside its folder."""
    commit = str(run.environment.get("commit", ""))
    again = shlex.quote(f"../{run.path.resolve().name}-again")
    commands = [
        *([f"git checkout {commit}   # in the folder of the code"] if commit.isalnum() and len(commit) >= 40 else []),
        "pip install -c requirements.txt .   # in the folder of the code",
        f"sadvae-har run --config config.yaml --out {again}   # in this run folder",
        f"sadvae-har report . {again}   # compares both",
    ]
    note = (
        f"Recordings that do not lie in resources/raw/{run.split.dataset} are named with --raw FOLDER, a finished "
        "feature table with --feature-table FILE; files that the config names by a relative path are looked for in "
        "the folder where a command is called."
    )
    return lines(commands) + paragraph(note, "note")


def _per_class(run: RunFiles) -> str:
    zsl, gzsl = run.per_class("zsl"), run.per_class("gzsl")
    labels = run.arrays.get("gzsl_labels", run.arrays["zsl_labels"])
    body = [
        (
            html(name),
            "unseen" if name in run.split.unseen else "seen",
            str(int((labels == name).sum())),
            percent(zsl.get(name, np.nan)),
            percent(gzsl.get(name, np.nan)),
        )
        for name in (*run.split.seen, *run.split.unseen)
        if gzsl or name in run.split.unseen
    ]
    return table(("class", "kind", "test windows", "ZSL (%)", "GZSL (%)"), body)
