"""What a recogniser says about a recording: every window, the segments they form, and rows to write down.

Axis legend: n windows in order of time, A activities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sadvae_har.segments import Segment, segments

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Prediction:
    """Predictions of windows.

    Attributes:
        start_s: Start of each window in the recording [n].
        end_s: End of each window [n].
        piece: Contiguous piece of the recording that it lies in [n].
        labels: Activity of each window, or `unknown`, [n].
        probability: Probability of the likeliest activity, also where the label is `unknown`, [n].
        unseen: Whether that activity is known by its description only [n].
        strangeness: How unlike all trained windows it is, in standard deviations [n].
        activities: Names of all activities, A.
        probabilities: Of all activities [n, A].
    """

    start_s: np.ndarray
    end_s: np.ndarray
    piece: np.ndarray
    labels: np.ndarray
    probability: np.ndarray
    unseen: np.ndarray
    strangeness: np.ndarray
    activities: tuple[str, ...]
    probabilities: np.ndarray

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.labels)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Stretches of one activity, smoothed over neighbouring windows."""
        return tuple(segments(self.start_s, self.end_s, self.labels, self.probability, self.unseen, self.piece))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per window, of plain values."""
        return [
            {
                "start_s": round(float(self.start_s[k]), 3),
                "end_s": round(float(self.end_s[k]), 3),
                "label": str(self.labels[k]),
                "probability": round(float(self.probability[k]), 4),
                "unseen": bool(self.unseen[k]),
                "strangeness": round(float(self.strangeness[k]), 3),
            }
            for k in range(len(self))
        ]
