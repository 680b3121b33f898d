import pytest

from sadvae_har.method.schedules import learning_rate_factor, ramp


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 0.0),
        (0.025, 0.5),
        (0.05, 1.0),
        (0.05 + 0.95 / 3, 0.75),  # (1 + cos 60°) / 2
        (0.525, 0.5),
        (0.05 + 0.95 * 2 / 3, 0.25),
        (1.0, 0.0),
    ],
)
def test_learning_rate_rises_then_falls_as_a_cosine(progress: float, expected: float) -> None:
    assert learning_rate_factor(progress) == pytest.approx(expected, abs=1e-12)


def test_learning_rate_peaks_where_warm_up_ends() -> None:
    values = [learning_rate_factor(k / 100, warm_up=0.2) for k in range(101)]
    assert values.index(max(values)) == 20
    assert values[:21] == sorted(values[:21]) and values[20:] == sorted(values[20:], reverse=True)
    assert min(values) >= 0 and max(values) == 1


@pytest.mark.parametrize(
    ("progress", "until", "expected"),
    [(0.0, 0.25, 0.0), (0.125, 0.25, 0.5), (0.25, 0.25, 1.0), (0.9, 0.25, 1.0), (0.5, 1.0, 0.5), (1.0, 1.0, 1.0)],
)
def test_ramp_rises_to_one_and_stays(progress: float, until: float, expected: float) -> None:
    assert ramp(progress, until) == pytest.approx(expected)
