import numpy as np
import pytest

from tlkeras.export.representative import representative_rows

CLASSES = np.repeat([0, 1, 2], [80, 15, 5])


def test_classes_take_turns_until_one_runs_out():
    chosen = representative_rows(np.eye(4)[CLASSES], count=36, seed=3)
    assert np.bincount(CLASSES[chosen]).tolist() == [16, 15, 5]
    assert len(set(chosen)) == 36 and (np.diff(chosen) > 0).all()
    assert np.bincount(CLASSES[representative_rows(np.eye(4)[CLASSES], count=9)]).tolist() == [3, 3, 3]


def test_the_seed_decides_and_half_is_left():
    answers = np.eye(3)[CLASSES]
    assert (representative_rows(answers, seed=1) == representative_rows(answers, seed=1)).all()
    assert (representative_rows(answers, count=20, seed=1) != representative_rows(answers, count=20, seed=2)).any()
    assert len(representative_rows(answers)) == 50 and len(representative_rows(answers[:2])) == 1


def test_of_several_answers_a_sample_their_mean_counts():
    answers = np.zeros((4, 2, 2))
    answers[:3, :, 0] = answers[3, :, 1] = 1
    assert 3 in representative_rows(answers, count=2)


@pytest.mark.parametrize(("rows", "count"), [(1, 5), (4, 0)])
def test_nothing_to_draw(rows, count):
    with pytest.raises(ValueError, match="Received"):
        representative_rows(np.zeros((rows, 2)), count=count)
