import keras
import numpy as np
import pytest

from tlkeras.layers import SpecAugment

ROWS = np.random.default_rng(0).normal(size=(64, 20, 12)).astype("float32")
NOTHING = {"shift": 0, "gain": 0.0, "time_mask": 0, "pitch_mask": 0}


def augmented(rows=ROWS, **changes):
    return keras.ops.convert_to_numpy(SpecAugment(**NOTHING | changes, seed=1)(rows, training=True))


def test_nothing_happens_outside_training_or_where_nothing_is_asked_for():
    np.testing.assert_array_equal(SpecAugment(seed=0)(ROWS), ROWS)
    np.testing.assert_array_equal(augmented(), ROWS)


def test_each_row_is_shifted_by_its_own_number_of_frames():
    found, shifts = augmented(shift=3), []
    for row, shifted in zip(ROWS, found, strict=True):
        frames = {step: row[np.clip(np.arange(20) + step, 0, 19)] for step in range(-3, 4)}
        [step] = [step for step, wanted in frames.items() if np.array_equal(wanted, shifted)]
        shifts.append(step)
    assert set(shifts) == set(range(-3, 4))


def test_the_gain_is_one_number_a_row_and_leaves_the_floor():
    rows = np.abs(ROWS) + 1
    rows[:, :5] = -9.0  # silence
    found = augmented(rows, gain=2.0)
    gains = found[:, 10] - rows[:, 10]
    np.testing.assert_allclose(gains, np.repeat(gains[:, :1], 12, axis=1), atol=1e-5)
    assert gains.min() < -1.5 and gains.max() > 1.5 and np.abs(gains).max() <= 2
    louder = gains[:, 0] > 0
    np.testing.assert_array_equal(found[~louder][:, :5], -9.0)
    np.testing.assert_allclose(found[louder][:, :5] - gains[louder][:, :1, None], -9.0, atol=1e-5)


@pytest.mark.parametrize(("axis", "mask"), ((1, "time_mask"), (2, "pitch_mask")))
def test_a_band_of_each_row_is_hidden_behind_its_mean(axis, mask):
    found = augmented(**{mask: 4})
    hidden = (found != ROWS).all(axis=3 - axis)  # (rows, places)
    widths = hidden.sum(axis=1)
    assert set(widths) == set(range(5))
    for row, places in enumerate(hidden):
        assert (np.diff(np.flatnonzero(places)) == 1).all()
        left, wanted = (rows[row] if axis == 1 else rows[row].T for rows in (found, ROWS))
        np.testing.assert_allclose(left[places], ROWS[row].mean(), atol=1e-5)
        np.testing.assert_array_equal(left[~places], wanted[~places])
    assert hidden[:, 0].any() and hidden[:, -1].any()


def test_a_seed_draws_the_same_again_and_a_file_keeps_the_arguments(tmp_path):
    first, second = SpecAugment(seed=5), SpecAugment(seed=5)
    once = keras.ops.convert_to_numpy(first(ROWS, training=True))
    np.testing.assert_array_equal(once, second(ROWS, training=True))
    assert not np.array_equal(once, first(ROWS, training=True))
    inputs = keras.Input((20, 12))
    keras.Model(inputs, SpecAugment(2, gain=0.5, time_mask=3, pitch_mask=1, masks=2, seed=4, name="a")(inputs)).save(
        tmp_path / "model.keras"
    )
    again = keras.models.load_model(tmp_path / "model.keras").get_layer("a")
    found = {name: again.get_config()[name] for name in ("shift", "gain", "time_mask", "pitch_mask", "masks", "seed")}
    assert found == {"shift": 2, "gain": 0.5, "time_mask": 3, "pitch_mask": 1, "masks": 2, "seed": 4}


@pytest.mark.parametrize("changes", ({"shift": -1}, {"shift": 1.5}, {"gain": -0.1}, {"masks": True}))
def test_arguments_out_of_range(changes):
    with pytest.raises(ValueError, match=f"`{next(iter(changes))}` must be >= 0"):
        SpecAugment(**changes)


@pytest.mark.parametrize("shape", ((2, 20), (2, 5, 12), (2, 20, 3)))
def test_spectrograms_that_do_not_hold_the_masks(shape):
    with pytest.raises(ValueError, match="takes \\(batch, frames, mels\\)"):
        SpecAugment()(np.zeros(shape, "float32"))
