import keras
import numpy as np

from tlkeras.transfer import TokenAccuracy

LOGITS = np.eye(3)[[[0, 1, 2, 0], [2, 2, 0, 0]]]
LABELS = np.array([[0, 1, 0, -1], [2, 1, -1, -1]])


def test_tokens_labelled_minus_one_do_not_count():
    accuracy = TokenAccuracy()
    accuracy.update_state(LABELS, LOGITS)
    assert float(accuracy.result()) == np.float32(3 / 5)


def test_weights_are_of_rows_or_of_tokens():
    accuracy = TokenAccuracy()
    accuracy.update_state(LABELS, LOGITS, sample_weight=np.array([1.0, 0.0]))
    assert float(accuracy.result()) == np.float32(2 / 3)
    accuracy.reset_state()
    accuracy.update_state(LABELS, LOGITS, sample_weight=np.array([[0, 1, 1, 1], [0, 0, 1, 1]]))
    assert float(accuracy.result()) == 0.5


def test_it_is_made_anew_of_its_config():
    config = keras.saving.serialize_keras_object(TokenAccuracy(name="right"))
    assert keras.saving.deserialize_keras_object(config).name == "right"
