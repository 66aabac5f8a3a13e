import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats

from tlkeras.ops import distillation

STUDENT, TEACHER = np.random.default_rng(0).normal(0, 3, (2, 6, 4)).astype("float32")


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation_equals_scipy(temperature):
    taught, learned = (scipy.special.softmax(z / temperature, axis=1) for z in (TEACHER, STUDENT))
    expected = temperature**2 * scipy.stats.entropy(taught, learned, axis=1).mean()
    received = distillation(keras.ops.convert_to_tensor(STUDENT), keras.ops.convert_to_tensor(TEACHER), temperature)
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)
