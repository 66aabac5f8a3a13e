"""Models that return a dict of outputs."""

import keras
import numpy as np
import pytest

from tlkeras.export import ExportMismatch, export_files, export_litert, run_litert, to_litert, to_onnx, verify_litert
from tlkeras.export.on_device_parts import parts_of
from tlkeras.export.reference import reference

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (60, 8, 8, 1)).astype("float32")


def several(**units):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    features = keras.layers.Dense(8, activation="relu", name="features")(x)
    return keras.Model(inputs, {name: keras.layers.Dense(width, name=name)(features) for name, width in units.items()})


@pytest.fixture(scope="module")
def model():
    """The outputs are not in the order of their names, nor is one like the other."""
    return several(parity=2, digit=10, bright=3)


def test_the_float_file_is_compared_output_by_output(model, tmp_path):
    labels = {"digit": RNG.integers(0, 10, 60)}
    facts = export_litert(model, tmp_path / "m.tflite", samples=IMAGES, labels=labels)
    assert facts["agreement"] == 1.0 and facts["max_abs_diff"] < 1e-4 and facts["latency_ms_median"] > 0
    assert sorted(facts["outputs"]) == ["bright", "digit", "parity"]
    predicted = model.predict(IMAGES, verbose=0)
    right = (predicted["digit"].argmax(-1) == labels["digit"]).mean()
    assert facts["outputs"]["digit"]["accuracy"] == pytest.approx(right)
    assert "accuracy" not in facts["outputs"]["parity"]
    found = run_litert(tmp_path / "m.tflite", IMAGES)
    widths = {name: values.shape[1] for name, values in found.items()}
    assert widths == {"parity": 2, "digit": 10, "bright": 3}
    for name, values in found.items():
        np.testing.assert_allclose(values, predicted[name], atol=1e-4)


@pytest.mark.slow
def test_int8_and_saved_model_of_all_outputs(model, tmp_path):
    rows = export_files(model, tmp_path, quantizations=("int8",), samples=IMAGES, min_agreement=0.8)
    assert [sorted(row["outputs"]) for row in rows] == [["bright", "digit", "parity"]] * 2
    assert rows[0]["max_abs_diff"] < 1e-4 and 0.8 <= rows[1]["agreement"] <= 1
    assert rows[1]["agreement"] == min(facts["agreement"] for facts in rows[1]["outputs"].values())
    assert sorted(np.r_[rows[0]["calibration_rows"], rows[0]["sample_rows"]]) == [*range(60)]


def test_a_mismatch_names_the_output(model, tmp_path):
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    other.get_layer("digit").bias.assign(np.arange(10.0))
    path = to_litert(other, tmp_path / "m.tflite")
    with pytest.raises(ExportMismatch, match="Output 'digit' of m.tflite does not give the answers"):
        verify_litert(model, path, IMAGES)
    fewer = to_litert(several(parity=2, digit=10), tmp_path / "fewer.tflite")
    with pytest.raises(ValueError, match=r"must have the outputs .*bright.* Received: ..digit., .parity..$"):
        verify_litert(model, fewer, IMAGES)


def test_what_is_for_one_output_is_refused_by_name(model, tmp_path):
    with pytest.raises(ValueError, match="`max_drop` holds for a model with one output.*Received: max_drop=3"):
        reference(model, IMAGES, max_drop=3)
    with pytest.raises(ValueError, match=r"`labels` must be a dict of labels of the outputs \['bright'.*\['size'\]"):
        reference(model, IMAGES, labels={"size": np.zeros(60, int)})
    with pytest.raises(ValueError, match="with one input and one output.*Received: .*outputs="):
        to_onnx(model, tmp_path / "m.onnx", samples=IMAGES)
    with pytest.raises(ValueError, match="with one input and one output"):
        parts_of(model, "head")
    inputs = keras.Input((8, 8, 1))
    listed = keras.Model(inputs, [keras.layers.Flatten()(inputs), keras.layers.Flatten()(inputs)])
    with pytest.raises(ValueError, match="one output, or a dict of outputs"):
        to_litert(listed, tmp_path / "m.tflite")
