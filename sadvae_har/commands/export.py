"""The command `export`."""

from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_writable
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import note, say

if TYPE_CHECKING:
    from sadvae_har.recognition.recognizer import Recognizer

N_CHECKED = 500


@cl.command(
    "export",
    cl.model,
    cl.out("file to write, such as model.onnx", required=True),
    cl.option("--no-gyroscope", action="store_true", help="of a model of any device: for one without a gyroscope"),
    cl.option("--placement", default=None, help="of a model of any device: where it is worn (default: anywhere)"),
    cl.option("--int8", action="store_true", help="8-bit integers for the large matrices: smaller, less exact"),
    cl.option(
        "--check",
        type=Path,
        default=None,
        help="recording at the model's rate with units in its column names (default: made-up motion)",
    ),
    example="resources/runs/quickstart --out model.onnx",
)
def export(arguments: Namespace) -> None:
    """Write a trained model as one ONNX file that needs no Python, and compare it with the model.

    Windows go in, probabilities of all activities come out; the metadata of the file say how to feed it. Of a model
    that reads any device the file reads one.
    """
    from feature_extraction.own_files.read import Declared, plan_reading, read_recording
    from feature_extraction.windows.stream import WindowStream
    from sadvae_har.recognition.onnx.export import compare, export_onnx, motion_windows
    from sadvae_har.recognition.recognizer import Recognizer

    require_writable(arguments.out)
    recognizer = _of_one_device(Recognizer.load(arguments.model), arguments)
    source, check = recognizer.source, arguments.check
    if check is None:
        windows, origin = motion_windows(source, N_CHECKED), "made-up motion; give --check RECORDING for a real one"
    else:
        plan = plan_reading(check, source.channels, Declared(recognizer.rate_hz))
        note(*(f"  {finding}" for finding in plan.findings))
        stream = WindowStream(plan.channels, plan.rate_hz, source.channels, source.settings)
        windows, origin = stream.cut(read_recording(check, plan)).samples, str(check)
        if not len(windows):
            raise InputError(
                f"--check: {check} is shorter than a window of {recognizer.window_s:g} s; name a longer one"
            )
    path = export_onnx(recognizer, arguments.out, arguments.int8)
    parity = compare(recognizer, path, windows)
    described = sum(not entry.seen for entry in recognizer.activities)
    settings = source.settings
    say(f"file        {path}, {path.stat().st_size / 1e6:.2f} MB{', int8' if arguments.int8 else ''}")
    say(
        f"input       windows [n, {settings.window_samples}, {len(source.channels)}], {settings.rate_hz:g} Hz, SI units"
    )
    say(f"activities  {len(recognizer.activities)}, {described} of them by description")
    say(
        f"parity      {parity.n_windows} windows ({origin}): largest difference of a probability {parity.largest:.1e}, "
        f"same activity {parity.same_activity:.2%}, same verdict on unknown {parity.same_unknown:.2%}"
    )
    say(f"use         python docs/examples/onnx_numpy.py {path} recording.csv  # NumPy and onnxruntime alone")


def _of_one_device(recognizer: "Recognizer", arguments: Namespace) -> "Recognizer":
    """Return what is exported of a model of any device: one, as it was declared."""
    if recognizer.reads_any_device:
        kept = [c for c in recognizer.channels if not (arguments.no_gyroscope and c.quantity == "gyro")]
        return recognizer.reading(kept, "", {"": arguments.placement} if arguments.placement else {})
    if arguments.no_gyroscope or arguments.placement:
        flag = "--no-gyroscope" if arguments.no_gyroscope else "--placement"
        raise InputError(f"{flag}: {recognizer.model.name} reads the devices it was trained on; leave it out")
    return recognizer
