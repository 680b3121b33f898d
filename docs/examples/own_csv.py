"""From a CSV file of one's own to activities: a whole file at once, then the same samples as they arrive.

    python docs/examples/own_csv.py [MODEL [CSV]]

MODEL is a model file or the folder of a run; without it, one is trained on the recordings of the watch (`watch`).
CSV is where to leave the recording that is made here; without it, nothing is left.
"""

# %% A trained model says what it reads.
import sys
import tempfile
from pathlib import Path

import numpy as np

from sadvae_har import (
    Config,
    Declared,
    Locations,
    Recognizer,
    Recording,
    RecordingStream,
    get_dataset,
    plan_reading,
    predict_file,
    read_recording,
    run,
)
from sadvae_har.recognition.prediction import join

if len(sys.argv) > 1:
    model = Path(sys.argv[1])
else:
    model = run(Config(dataset="watch", split="random-1"), Locations())[0].path
recognizer = Recognizer.load(model)
print(f"{recognizer.window_s:g} s at {recognizer.rate_hz:g} Hz of {', '.join(c.name for c in recognizer.channels)}")

# %% A recording as a logger writes it: three exercises, time stamps in milliseconds, acceleration in g.
names = ("pendulum", "external rotation", "forward elevation")
recordings = [item for item in get_dataset("watch").read() if isinstance(item, Recording)]
parts = [next(item for item in recordings if item.label == name).samples[: 30 * 50] for name in names]
samples = np.concatenate(parts)
stamps_ms = np.arange(len(samples)) * 20
folder = tempfile.TemporaryDirectory()
path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder.name) / "watch.csv"
header = "t_ms,ax [g],ay [g],az [g],gx [rad/s],gy [rad/s],gz [rad/s]"
np.savetxt(path, np.column_stack([stamps_ms, samples]), "%.6g", delimiter=",", header=header, comments="")

# %% How the file is read is worked out from names, units and time stamps. Look at it before believing the results.
plan = plan_reading(path, recognizer.channels, Declared())
print("\n".join(plan.findings))

# %% The whole file: samples are resampled, cut into windows and recognised.
prediction = predict_file(recognizer, path)
segments = prediction.segments
for segment in segments:
    print(f"{segment.start_s:6.1f} s to {segment.end_s:6.1f} s  {segment.label}")

# %% The same samples as they arrive, a second at a time: windows come out as soon as they are final, and are the same.
stream = RecordingStream(recognizer, plan.channels, plan.rate_hz)
rows = np.concatenate(list(read_recording(path, plan)))
arrived = []
for start in range(0, len(rows), 50):
    new = stream.push(rows[start : start + 50])
    arrived.append(new)
    for row in new.rows():
        print(f"after {start / 50 + 1:3.0f} s: {row['start_s']:5.1f} s to {row['end_s']:5.1f} s  {row['label']}")
streamed = join([*arrived, stream.finish()])
print(f"{len(streamed)} windows, the same labels: {bool((streamed.labels == prediction.labels).all())}")
folder.cleanup()
