"""The command `predict`: a trained model on recordings of one's own."""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace
from tqdm.auto import tqdm

from feature_extraction.errors import InputError
from feature_extraction.own_files.plausibility import Doubt, require_possible
from feature_extraction.own_files.read import Account, Declared, ReadingPlan, bounded_lines, follow
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import growing_file, require_writable
from sadvae_har.commands import parser as cl
from sadvae_har.commands.prediction_files import RowWriter, kind_of, write_file
from sadvae_har.commands.terminal import note, said_yes, say
from sadvae_har.recognition.model.header import ANYWHERE
from sadvae_har.recognition.prediction import UNKNOWN

logger = logging.getLogger(__name__)
STREAM = "input"

if TYPE_CHECKING:
    from sadvae_har.recognition.prediction import Segment
    from sadvae_har.recognition.recognizer import Recognizer


_DELIMITERS = {"tab": "\t", "blanks": " "}
_DECLARED = (
    cl.option("--rate-hz", type=float, default=None, help="sampling rate (default: from time stamps)"),
    cl.option("--units", default=None, help="units, such as acc=g,gyro=deg/s (default: from names or data)"),
    cl.option(
        "--columns", default=None, help="columns, such as wrist.acc_x=ax,... or acc_x=a++b for a sum (default: by name)"
    ),
    cl.option("--time-column", default=None, help="column of time stamps (default: from its name)"),
    cl.option("--time-unit", default=None, help="unit of time stamps: s, ms, us, ns, 0.1ms, 100ns (default: detected)"),
    cl.option("--no-time-column", action="store_true", help="no column is a clock; rows come at --rate-hz"),
    cl.option("--date-format", default=None, help="how dates are written, such as %%d.%%m.%%Y %%H:%%M:%%S.%%f"),
    cl.option("--ignore", default=None, help="columns to pass over, such as counter,battery"),
    cl.option("--delimiter", default=None, help="between values: one character, tab or blanks (default: detected)"),
    cl.option("--decimal", default=None, help="decimal mark: . or , (default: detected)"),
    cl.option("--skip-lines", type=int, default=0, help="lines to pass over at the beginning (default: detected)"),
)


@cl.command(
    "predict",
    cl.option("files", nargs="*", type=Path, help="recordings: CSV, TSV, TXT, Parquet, NPY; zip or folder of a device"),
    cl.option(
        "--model", type=Path, default=cl.EVERYDAY, help="model file, folder of a run, or name of a shipped model"
    ),
    cl.option("--activities", type=Path, default=None, help="YAML file of activities to add: name: description"),
    cl.option("--only", default=None, help="what can occur, such as walking,rowing (default: all the model knows)"),
    cl.option(
        "--placement",
        default=None,
        help="where devices are worn, such as wrist, or left watch=wrist,phone=thigh (default: from their names)",
    ),
    cl.option("--out", default=None, help="csv or json on standard output, or a .csv, .json or .parquet file"),
    cl.option("--follow", action="store_true", help="read CSV lines from standard input while they arrive"),
    cl.option("--yes", action="store_true", help="go on with what was guessed about a recording"),
    *_DECLARED,
    example="walk.csv --only walking,running,sitting",
)
def predict(arguments: Namespace) -> None:
    """Recognise the activities in recordings, with the shipped everyday model or another one.

    The shipped model reads every device with an accelerometer, wherever it is worn. Columns, units and rate are
    declared, or detected and said aloud; what had to be guessed needs a yes. A window is `unknown` if it is like
    nothing that the model was trained on. Standard output has the segments, or with --out csv and --out json the
    windows. With --follow, CSV lines are read from standard input while they arrive.
    """
    from sadvae_har.recognition.activities import read_activities
    from sadvae_har.recognition.recognizer import Recognizer

    kind = kind_of(arguments.out) if arguments.out else "csv"
    if bool(arguments.files) == arguments.follow:
        raise InputError("give one recording or more, or --follow for lines from standard input, not both")
    if arguments.out == "parquet" or (arguments.follow and kind == "parquet"):
        raise InputError("--out parquet: Parquet is written to files, once all rows are there; give a path, or csv")
    _require_other_file(arguments)
    if arguments.out not in (None, kind):
        require_writable(Path(arguments.out))
    extra = read_activities(arguments.activities) if arguments.activities else {}
    recognizer = Recognizer.load(arguments.model)
    for name, description in extra.items():
        recognizer.add_activity(name, description)
    if arguments.only is not None:
        recognizer.restrict(cl.names(arguments.only, "--only", "walking,running,sitting"), add=True)
    if recognizer.gate_stands_aside:
        note(recognizer.model.gate.net.sentence.replace("The gate", "the gate of this model", 1))
    if arguments.follow:
        _follow(recognizer, arguments, kind)
    else:
        _predict_files(recognizer, arguments, kind)


def _predict_files(recognizer: "Recognizer", arguments: Namespace, kind: str) -> None:
    """Predict every file that can be read; those that cannot are named at the end."""
    from sadvae_har.recognition.live import predict_file

    declared, places, failures, rows = _declared(arguments), _places(recognizer, arguments), [], []
    to_file = arguments.out is not None and Path(arguments.out).suffix != ""
    writer = RowWriter(sys.stdout, kind) if arguments.out and not to_file else None
    for path in arguments.files:
        try:
            plan = recognizer.plan(path, declared)
            bound = recognizer.reading(plan.channels, path.stem, places)
            _confirm(path, plan, _said_of_places(bound), arguments.yes)
            _warn_of_rate(plan.rate_hz, recognizer.rate_hz)
            account = Account()
            with tqdm(desc=visible(path.name), unit=" rows", unit_scale=True, disable=None, leave=False) as bar:
                doubts: list[Doubt] = []
                prediction = predict_file(recognizer, path, plan, bar.update, account, doubts, places)
            _say_account(account)
            _confirm_doubts(str(path), doubts, arguments.yes)
            if not len(prediction):
                raise InputError(
                    f"{path}: no stretch without gaps has the {recognizer.window_s:g} s of a window; record longer"
                )
        except InputError as error:
            if len(arguments.files) == 1:
                raise
            failures.append(str(error))
            note(f"error: {error}")
            continue
        found = [{"file": str(path), **row} for row in prediction.rows()]
        if writer:
            writer.write(found)
        elif to_file:
            rows += found
        else:
            _print_segments(path, prediction.segments)
    if to_file and rows:
        write_file(rows, Path(arguments.out))
        say(f"{len(rows)} windows: {arguments.out}")
    if failures:
        raise InputError(f"{len(failures)} of {len(arguments.files)} recordings could not be read, see above")


def _follow(recognizer: "Recognizer", arguments: Namespace, kind: str) -> None:
    """Predict lines from standard input; each window is written as soon as its label is final."""
    from sadvae_har.recognition.live import RecordingStream, examine

    places = _places(recognizer, arguments)
    wanted = None if recognizer.reads_any_device else recognizer.channels
    plan, chunks = follow(bounded_lines(sys.stdin, STREAM), wanted, _declared(arguments))
    recognizer = recognizer.reading(plan.channels, "", places)
    note(*(f"  {finding}" for finding in (*plan.findings, *_said_of_places(recognizer))))
    if not (plan.certain or arguments.yes):
        raise InputError("input: the lines above are guesses; add --yes if they are right, or declare what is wrong")
    _warn_of_rate(plan.rate_hz, recognizer.rate_hz)
    stream = RecordingStream(recognizer, plan.channels, plan.rate_hz)
    examination = examine(recognizer, plan)
    doubts: list[Doubt] | None = None  # until there is a window
    to_file = arguments.out not in (None, kind)
    with growing_file(Path(arguments.out)) if to_file else nullcontext(sys.stdout) as out:
        writer = RowWriter(out, kind)
        try:
            for chunk in chunks:
                examination.add(chunk)
                found = stream.push(chunk).rows()
                if found and doubts is None:
                    doubts = examination.doubts()
                    _confirm_doubts(STREAM, doubts, arguments.yes)
                writer.write({"file": "-", **row} for row in found)
        except KeyboardInterrupt:  # How a live recording usually ends.
            logger.info("interrupted: the recording ends here")
        found = stream.finish().rows()
        known = {(doubt.severity, doubt.kind) for doubt in doubts or ()}  # a question can grow into an error
        later = [doubt for doubt in examination.doubts() if (doubt.severity, doubt.kind) not in known]
        _confirm_doubts(STREAM, later, arguments.yes or doubts is not None)
        writer.write({"file": "-", **row} for row in found)


def _require_other_file(arguments: Namespace) -> None:
    """Refuse to write over what is read."""
    out = Path(arguments.out or "")
    for folder in filter(Path.is_dir, arguments.files):
        if out.suffix and out.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"--out {out}: lies in {folder}, which is read; name a file elsewhere")
    if not out.is_file():
        return
    read = [*arguments.files, arguments.model, *filter(None, [arguments.activities])]
    same = [str(path) for path in read if path.is_file() and path.samefile(out)]
    if arguments.follow and os.path.samestat(os.fstat(0), out.stat()):
        same.append("standard input")
    if same:
        raise InputError(f"--out {out}: is {same[0]} itself and would be replaced; name another file")


def _declared(arguments: Namespace) -> Declared:
    """Return what the flags say about the recordings."""
    columns = _pairs(arguments.columns, "--columns", "wrist.acc_x=ax,wrist.acc_y=ay")
    return Declared(
        rate_hz=arguments.rate_hz,
        units=_pairs(arguments.units, "--units", "acc=g,gyro=deg/s"),
        columns={channel: _added(column) for channel, column in columns.items()},
        time_column=arguments.time_column,
        time_unit=arguments.time_unit,
        seeks_time=not arguments.no_time_column,
        delimiter=_DELIMITERS.get(arguments.delimiter, arguments.delimiter),
        decimal=arguments.decimal,
        date_format=arguments.date_format,
        skip_lines=arguments.skip_lines,
        ignore=tuple(name.strip() for name in (arguments.ignore or "").split(",") if name.strip()),
    )


def _places(recognizer: "Recognizer", arguments: Namespace) -> dict[str, str]:
    """Return where devices are worn, by device; the key "" stands for all others."""
    text, flag, example = arguments.placement, "--placement", "wrist, or left watch=wrist,phone=thigh"
    if text is None:
        return {}
    if not recognizer.reads_any_device:
        raise InputError(
            f"{flag}: {recognizer.model.name} reads the devices that it was trained on, where they were worn then; "
            "leave it out, or use the shipped model `everyday`"
        )
    entries = [[part.strip() for part in entry.split("=", 1)] for entry in text.split(",")]
    pairs = [("", entry[0]) if len(entry) == 1 else (entry[0], entry[1]) for entry in entries]
    devices = [device for device, _ in pairs]
    bare = any(not part for entry in entries for part in entry)
    if bare or len(set(devices)) < len(devices):
        raise InputError(f"{flag}: {text!r} is not one place for each device; write {flag} {example}")
    return dict(pairs)


def _said_of_places(recognizer: "Recognizer") -> list[str]:
    """Return what was found out about where devices are worn, one line each."""
    said = [f"{device}: {line}" for device, line in recognizer.where_worn.items()]
    return [f"{line}; say it with --placement" if line.endswith(ANYWHERE) else line for line in said]


def _added(column: str) -> str | list[str]:
    """Return the columns that are to be added up, or the one there is."""
    parts = [part.strip() for part in column.split("++")]
    return parts if len(parts) > 1 else column


def _pairs(text: str | None, flag: str, example: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in (text or "").split(",") if entry.strip()]
    bad = [f"{key}{equals}{value}" for key, equals, value in pairs if not (equals and key.strip() and value.strip())]
    if bad:
        raise InputError(f"{flag}: {bad[0]!r} is no pair; write {flag} {example}")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _confirm(path: Path, plan: ReadingPlan, more: Sequence[str], yes: bool) -> None:
    """Say what was found; where something was guessed, ask, or insist on --yes where nobody can answer."""
    note(f"{path}:", *(f"  {finding}" for finding in (*plan.findings, *more)))
    if plan.certain or yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{path}: the lines above are guesses; add --yes if they are right, or declare what is wrong")
    if not said_yes("read it like this?"):
        raise InputError(f"{path}: not read; declare --columns, --units, --rate-hz or --time-column")


def _confirm_doubts(where: str, doubts: Sequence[Doubt], yes: bool) -> None:
    """Say what is doubtful about a recording before its labels; ask, or insist on --yes, where they would be wrong."""
    require_possible(doubts, where)
    for doubt in doubts:
        note(f"  {doubt}")
    question = next((doubt for doubt in doubts if doubt.severity == "question"), None)
    if yes or question is None:
        return
    if where == STREAM or not sys.stdin.isatty():
        raise InputError(f"{where}: {question.text}; or add --yes to go on all the same")
    if not said_yes("go on all the same?"):
        raise InputError(f"{where}: no labels; correct what is in question above")


def _warn_of_rate(rate_hz: float, wanted_hz: float) -> None:
    if rate_hz < 0.8 * wanted_hz:
        note(
            f"  note: the model knows motion at {wanted_hz:g} Hz; {rate_hz:g} Hz leave out what is fast, so labels can "
            "be wrong"
        )


def _say_account(account: Account) -> None:
    """Say what became of the rows; much of a recording cannot be lost without a word."""
    note(f"  {account}")
    if account.lost_much:
        part = account.n_left_out / account.rows
        note(f"  warning: {part:.0%} of the rows were left out; the labels are of the rest")


def _print_segments(path: Path, segments: Sequence["Segment"]) -> None:
    width = max(len(visible(segment.label)) for segment in segments)
    say(str(path))
    for segment in segments:
        span = f"{segment.start_s:9.1f} s to {segment.end_s:9.1f} s"
        sure = f"{100 * segment.probability:3.0f} %" if segment.label != UNKNOWN else ""
        known = "described" if segment.unseen else ""
        say(f"{span}  {visible(segment.label):{width}}  {sure}  {known}".rstrip())
