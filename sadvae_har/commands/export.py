"""The command `export`."""

import sys
from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from sadvae_har.commands import parser as cl

N_CHECKED = 500


@cl.command(
    "export",
    cl.model,
    cl.out("file to write, such as model.onnx", required=True),
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

    Windows go in, probabilities of all activities come out; the metadata of the file say how to feed it.
    """
    from feature_extraction.own_files.read import Declared, plan_reading, read_recording
    from feature_extraction.windows.stream import WindowStream
    from sadvae_har.recognition.onnx.export import compare, export_onnx, motion_windows
    from sadvae_har.recognition.recognizer import Recognizer

    recognizer = Recognizer.load(arguments.model)
    source, check = recognizer.source, arguments.check
    if check is None:
        windows, origin = motion_windows(source, N_CHECKED), "made-up motion; give --check RECORDING for a real one"
    else:
        plan = plan_reading(check, source.channels, Declared(recognizer.rate_hz))
        for finding in plan.findings:
            print(f"  {finding}", file=sys.stderr)
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
    print(f"file        {path}, {path.stat().st_size / 1e6:.2f} MB{', int8' if arguments.int8 else ''}")
    print(
        f"input       windows [n, {settings.window_samples}, {len(source.channels)}], {settings.rate_hz:g} Hz, SI units"
    )
    print(f"activities  {len(recognizer.activities)}, {described} of them by description")
    print(
        f"parity      {parity.n_windows} windows ({origin}): largest difference of a probability {parity.largest:.1e}, "
        f"same activity {parity.same_activity:.2%}, same verdict on unknown {parity.same_unknown:.2%}"
    )
    print(f"use         python docs/examples/onnx_numpy.py {path} recording.csv  # NumPy and onnxruntime alone")
