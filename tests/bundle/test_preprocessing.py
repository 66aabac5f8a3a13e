import keras
import numpy as np

from tlkeras.bundle.preprocessing import output_kind, preprocessing


def test_it_tells_what_to_do_before_and_what_the_file_does(model):
    spec = preprocessing(model, np.array([[3.0, -1.0, 0.0, 0.0]]), (0, 255))
    assert spec["input"] == {"shape": [12, 10, 3], "dtype": "float32", "value_range": [0.0, 255.0]}
    assert spec["output"] == {"kind": "logits", "classes": 4}
    assert spec["inside_the_file"] == [{"layer": "scaling", "class": "Rescaling", "scale": 1 / 127.5, "offset": -1}]
    assert "resize to 10 x 12 (width x height)" in " ".join(spec["before_the_file"])
    assert "proportions 10:12" in " ".join(spec["before_the_file"])


def test_features_need_nothing_before():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
    spec = preprocessing(model, model.predict(np.zeros((3, 5)), verbose=0), None)
    assert spec["before_the_file"] == [] == spec["inside_the_file"] and spec["input"]["value_range"] is None
    assert spec["output"] == {"kind": "probabilities", "classes": 2}


def test_the_kind_of_output_is_read_from_the_answers():
    assert output_kind(np.array([[0.2, 0.8], [0.5, 0.5005]])) == "probabilities"
    assert output_kind(np.array([[0.2, 0.8], [0.9, 0.9]])) == "scores"
    assert output_kind(np.array([[0.2, 0.8], [0.0, 1.01]])) == output_kind(np.array([[-0.01, 1.0]])) == "logits"
