"""Teach a trained model an activity by describing it, and see what it gains and loses by that.

    python docs/examples/new_activity.py [MODEL]

MODEL is the folder of a run on `watch`, split `random-1`, or its model file; without it, the run is made. Forward
elevation and internal rotation of the shoulder are unseen in that split: the model was trained without any recording
of them.
"""

# %% A model that knows five exercises of the shoulder from recordings, and nothing else.
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sadvae_har import Config, Locations, Recognizer, find_split, get_dataset, prepare, run
from sadvae_har.evaluation.metrics import gzsl_scores

if len(sys.argv) > 1:
    model = Path(sys.argv[1])
else:
    model = run(Config(dataset="watch", split="random-1"), Locations())[0].path
recognizer = Recognizer.load(model)
split = find_split("watch", "random-1")
for name in split.unseen:
    recognizer.remove_activity(name)
print("trained on:", ", ".join(recognizer.names))

# %% Windows of people whom it never met.
windows = prepare("watch")
rows = np.isin(windows.subjects, split.test_subjects)
samples, labels = windows.samples[rows], windows.labels[rows]


def accuracies() -> tuple[float, float, float]:
    """Return S, U and H of the test windows with the present list of activities, and print them."""
    prediction = recognizer.predict(samples)
    seen, unseen, harmonic = gzsl_scores(labels, prediction.activity, split.seen, split.unseen)
    print(f"S {100 * seen:5.1f}   U {100 * unseen:5.1f}   H {100 * harmonic:5.1f}")
    return seen, unseen, harmonic


# %% Before: it cannot name what is not on its list, so U is 0.
before = accuracies()

# %% A sentence each. The first loads the text model; after that it takes a moment. Nothing is trained.
descriptions = {
    "forward elevation": "A person lifts a straight arm slowly forward and up over the head, and lowers it again.",
    "internal rotation": (
        "A person holds the elbow bent at the side and pulls a resistance band inward, turning the forearm towards the "
        "belly and slowly back out."
    ),
}
seconds = []
for name, sentence in descriptions.items():
    start = time.perf_counter()
    added = recognizer.add_activity(name, sentence)
    seconds.append(time.perf_counter() - start)
    print(f"{added.name}: {1000 * seconds[-1]:.0f} ms")

# %% After: U is what the sentences are worth. S falls a little: windows of trained activities can be mistaken now.
after_sentences = accuracies()

# %% Measurable attributes from 0 to 1 were predicted from the sentence. Look at them; `kinematics=...` puts them right.
predicted = recognizer.activities[-2].kinematics
print({attribute: round(value, 2) for attribute, value in predicted.items() if value > 0.3})

# %% More views say more: what a sensor at the wrist feels, ten ways to say it, and attributes written by hand.
for name in descriptions:
    recognizer.remove_activity(name)
    views = asdict(get_dataset("watch").class_list().descriptions[name])
    del views["name"]
    recognizer.add_activity(name, {**views, "paraphrases": list(views["paraphrases"])})
after_all_views = accuracies()

# %% Why one window got its label.
explanation = recognizer.explain(samples[labels == "forward elevation"][0])
print(f"{explanation.label}: taken for {explanation.activity}, runner-up {explanation.rival}")
for evidence in explanation.evidence[:3]:
    print(f"  {evidence.attribute:24} measured {evidence.measured:.2f}, described {evidence.written:.2f}")
