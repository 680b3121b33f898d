"""What the gate does in generalised zero-shot recognition, on the saved results of one run.

    python docs/examples/gzsl_explained.py [RUN]

RUN is the folder of a finished run; without it, one is made on `watch`. The numbers are of test windows, to look at:
the run itself chose its threshold on inner folds of seen classes.
"""

# %% A run leaves its test windows' scores behind.
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from feature_extraction.storage.files import read_npz
from sadvae_har import Config, Locations, run
from sadvae_har.evaluation.metrics import auroc, ausuc, gzsl_scores, seen_unseen_curve

if len(sys.argv) > 1:
    folder = Path(sys.argv[1])
else:
    folder = run(Config(dataset="watch", split="random-1"), Locations())[0].path
saved = read_npz(folder / "predictions.npz")
classes = [*saved["seen"], *saved["unseen"]]
n_seen = len(saved["seen"])
labels = np.array([classes.index(name) for name in saved["gzsl_labels"]])
scores, p_unseen, threshold = saved["gzsl_scores"], saved["gate_p_unseen"], float(saved["gate_threshold"])
print(f"{len(labels)} test windows of {n_seen} seen and {len(classes) - n_seen} unseen classes")

# %% The gate gives every window a probability that its class is unseen. Good gates keep the two kinds apart.
for kind, rows in (("seen", labels < n_seen), ("unseen", labels >= n_seen)):
    print(f"windows of {kind} classes: median p_unseen {np.median(p_unseen[rows]):.2f}")
print(f"chance that an unseen window gets the higher one (AUROC): {auroc(labels >= n_seen, p_unseen):.2f}")


# %% Beyond the threshold a window goes to the unseen classes, below it to the seen ones. Moving it trades S for U.
def at_threshold(value: float) -> tuple[float, float, float]:
    """Return S, U and H of the test windows when the gate sends windows beyond `value` to the unseen classes."""
    best_seen, best_unseen = scores[:, :n_seen].argmax(1), n_seen + scores[:, n_seen:].argmax(1)
    predicted = np.where(p_unseen > value, best_unseen, best_seen)
    return gzsl_scores(labels, predicted, range(n_seen), range(n_seen, len(classes)))


table = {value: at_threshold(value) for value in (-1.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)}
print("threshold      S      U      H")
for value, accuracies in table.items():
    print(f"{value:9.1f}  " + "  ".join(f"{100 * accuracy:5.1f}" for accuracy in accuracies))
chosen = at_threshold(threshold)
print(f"{threshold:9.2f}  " + "  ".join(f"{100 * accuracy:5.1f}" for accuracy in chosen) + "  <- chosen on inner folds")

# %% Calibrated stacking needs no gate: a bias is taken off all seen scores. It, too, trades S for U.
stacked_seen, stacked_unseen = seen_unseen_curve(scores, labels, n_seen)
print(f"area under the curve of all biases (AUSUC): {ausuc(stacked_seen, stacked_unseen):.2f}")

# %% Both curves in one figure: the higher, the better.
gate_curve = np.array([at_threshold(value) for value in np.linspace(-0.01, 1, 102)])
figure = go.Figure()
figure.add_scatter(x=100 * gate_curve[:, 1], y=100 * gate_curve[:, 0], mode="lines", name="gate, every threshold")
figure.add_scatter(x=100 * stacked_unseen, y=100 * stacked_seen, mode="lines", name="calibrated stacking, every bias")
figure.add_scatter(x=[100 * chosen[1]], y=[100 * chosen[0]], mode="markers", name="in use", marker={"size": 12})
figure.update_layout(xaxis_title="unseen accuracy U (%)", yaxis_title="seen accuracy S (%)", template="simple_white")
page = Path("gzsl_explained.html")
figure.write_html(page)
print(f"figure: {page.resolve()}")
