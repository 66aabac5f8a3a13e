import keras
import numpy as np
import pytest

from tests.cache.models import images
from tlkeras.cache.augmentation import Augmentation


def layers(seed=None):
    return keras.Sequential([keras.layers.RandomFlip(seed=seed), keras.layers.RandomBrightness(0.5, seed=seed)])


def shifted(rows, seed):
    return rows + np.random.default_rng(seed).integers(0, 9, (len(rows), 1, 1, 1), "uint8")


shifted.fingerprint = "shifted 1"


def test_without_augmentation_the_rows_pass():
    rows = images(3)
    assert Augmentation(None, None)(rows, 5) is rows
    assert Augmentation(None, None).copies == 1


@pytest.mark.parametrize("make", [layers, lambda: keras.layers.RandomFlip(), lambda: shifted])
def test_what_is_drawn_depends_on_the_number_of_the_chunk_alone(make):
    rows = images(8)
    first, second = Augmentation(make(), 3), Augmentation(make(), 3)
    first(rows, 0), first(rows, 1)  # a resumed run has not drawn these
    np.testing.assert_array_equal(first(rows, 2), second(rows, 2))
    assert (first(rows, 2) != first(rows, 3)).any() and (first(rows, 2) != rows).any()


def test_each_generator_draws_by_itself():
    class Difference(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = keras.random.SeedGenerator(1), keras.random.SeedGenerator(1)

        def call(self, rows):
            return (
                rows
                + keras.random.normal((2, 6, 6, 3), seed=self.first)
                - keras.random.normal((2, 6, 6, 3), seed=self.second)
            )

    drawn = Augmentation(Difference(), 1)(images(2), 0) - images(2)
    assert np.std(drawn) == pytest.approx(np.sqrt(2), rel=0.2)


def test_the_layer_keeps_its_own_random_state():
    layer = layers()
    before = [keras.ops.convert_to_numpy(state) for state in layer.variables]
    Augmentation(layer, 2)(images(4), 0)
    for state, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(state, value)


@pytest.mark.parametrize(
    "make", [layers, lambda: keras.Sequential([layers()]), lambda: keras.layers.Pipeline(layers().layers)]
)
def test_a_layer_that_was_called_is_still_the_same(make):
    layer = make()
    first = Augmentation(layer, 2)
    first(images(4), 0)
    assert Augmentation(layer, 2).fingerprint == first.fingerprint


def test_fingerprints():
    assert Augmentation(layers(), 2).fingerprint == Augmentation(layers(), 2).fingerprint
    others = [layers(seed=1), keras.layers.RandomFlip("horizontal"), keras.layers.RandomFlip("vertical"), shifted]
    assert len({Augmentation(augment, 2).fingerprint for augment in [layers(), *others]}) == 5


@pytest.mark.parametrize(("copies", "augment"), [(2, None), (None, shifted), (0, shifted), (1.5, shifted)])
def test_copies_and_augment_come_together(copies, augment):
    with pytest.raises(ValueError, match="`copies` .* and `augment` must be given together.*Received: copies="):
        Augmentation(augment, copies)


@pytest.mark.parametrize("augment", [lambda rows, seed: rows, "flip", 3])
def test_a_function_needs_a_name_for_what_it_does(augment):
    with pytest.raises(TypeError, match=r"attribute `fingerprint`.*Received: "):
        Augmentation(augment, 2)


def test_the_shape_stays():
    with pytest.raises(
        ValueError, match=r"`augment` must keep the shape of the rows, \(3, 6, 6, 3\). Received: \(3, 4"
    ):
        Augmentation(keras.layers.CenterCrop(4, 4), 1)(images(3), 0)
