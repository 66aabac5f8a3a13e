import pytest

from tlkeras.tuning.front import front_of
from tlkeras.tuning.record import Record


def records_of(*points):
    return [Record(i, {}, "done", score, figures={"bytes": cost}) for i, (score, cost) in enumerate(points)]


@pytest.mark.parametrize(
    ("points", "front"),
    [
        (((0.5, 10), (0.7, 20), (0.6, 30), (0.9, 40)), [0, 1, 3]),  # the third is dearer and worse than the second
        (((0.9, 40), (0.5, 10)), [1, 0]),
        (((0.5, 10), (0.5, 20)), [0]),  # as high for less
        (((0.5, 10), (0.6, 10)), [1]),  # higher for as little
        (((0.5, 10), (0.5, 10)), [0, 1]),
        (((-0.2, 10), (-0.1, 10)), [1]),
        ((), []),
    ],
)
def test_the_front_is_what_no_other_beats(points, front):
    assert [record.trial for record in front_of(records_of(*points), "bytes")] == front


def test_what_failed_is_on_no_front():
    assert front_of([Record(0, {}, "failed", reason="diverged"), Record(1, {})], "bytes") == []
