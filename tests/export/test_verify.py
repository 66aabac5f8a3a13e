import keras
import numpy as np
import pytest

from tlkeras.export import ExportMismatch, export_litert, run_litert, to_litert, verify_litert
from tlkeras.export.reference import reference
from tlkeras.export.verify import write_saved_model


def test_float32_facts(model, images, tmp_path):
    facts = export_litert(model, tmp_path / "m.tflite", samples=images[0])
    assert facts["agreement"] == 1.0 and facts["max_abs_diff"] <= 1e-4
    assert facts["path"] == str(tmp_path / "m.tflite") and facts["samples"] == 300
    assert facts["bytes"] == (tmp_path / "m.tflite").stat().st_size
    assert 0 < facts["latency_ms_median"] < 100
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


def test_int8_agrees_on_samples_it_was_not_calibrated_on(model, images, tmp_path):
    facts = export_litert(
        model, tmp_path / "m.tflite", quantize="int8", calibration=images[0][:100], samples=images[0][100:]
    )
    assert facts["agreement"] >= 0.98 and facts["samples"] == 200
    assert 0 < facts["max_abs_diff"] < 1


def test_a_mismatch_names_both_numbers_and_keeps_the_old_file(model, images, tmp_path, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"old")
    other = keras.models.clone_model(model)
    content = to_litert(other, tmp_path / "other.tflite").read_bytes()
    (tmp_path / "other.tflite").unlink()
    monkeypatch.setattr("tlkeras.export.verify.convert", lambda *_, **__: content)
    with pytest.raises(ExportMismatch, match=r">= 0\.98 .* Received: agreement 0\.\d+, largest difference \d"):
        export_litert(model, path, samples=images[0])
    assert path.read_bytes() == b"old"
    path.unlink()
    with pytest.raises(ExportMismatch):
        export_litert(model, path, samples=images[0])
    assert not list(tmp_path.iterdir())


def test_equal_argmax_with_other_values_is_a_mismatch_for_float32(model, images, tmp_path):
    scaled = keras.Model(model.input, keras.layers.Rescaling(1.1)(model.output))
    path = to_litert(scaled, tmp_path / "m.tflite")
    assert verify_litert(model, path, images[0])["agreement"] == 1.0
    with pytest.raises(ExportMismatch, match="largest difference <="):
        verify_litert(model, path, images[0], max_diff=1e-3)


def test_nan_outputs_disagree(model, images, tmp_path):
    broken = keras.Model(model.input, model.output * np.float32("nan"))
    path = to_litert(broken, tmp_path / "m.tflite")
    with pytest.raises(ExportMismatch, match=r"agreement 0\.0000, largest difference inf"):
        verify_litert(model, path, images[0])


def test_quantised_input_and_output_are_converted(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    features = rng.normal(0, 3, (100, 6)).astype("float32")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model.export(str(tmp_path / "s"), verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "s"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in features)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    expected = model.predict(features, verbose=0)
    assert np.abs(run_litert(path, features) - expected).max() < 0.05 * np.abs(expected).max()


def test_bad_arguments(model, images, tmp_path):
    path = to_litert(model, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match=r"`min_agreement` must be in \(0, 1\]\. Received: 0"):
        verify_litert(model, path, images[0], min_agreement=0)
    with pytest.raises(ValueError, match=r"`max_drop` must be points .*Received: -1"):
        export_litert(model, path, samples=images[0], max_drop=-1)
    with pytest.raises(ValueError, match="share memory"):
        export_litert(model, path, quantize="int8", calibration=images[0][:60], samples=images[0][50:])
    with pytest.raises(ValueError, match="`samples` must fit the file's input"):
        run_litert(path, np.zeros((3, 4)))
    single = keras.Model(model.input, keras.layers.Dense(1)(model.output))
    with pytest.raises(ValueError, match="at least two classes"):
        verify_litert(single, path, images[0])


def test_a_saved_model_is_run_before_it_gets_its_name(model, images, tmp_path, monkeypatch):
    facts = write_saved_model(model, tmp_path / "s", reference(model, images[0], labels=images[1]))
    assert facts["agreement"] == 1.0 and facts["ece"] == pytest.approx(facts["model_ece"], abs=1e-4)
    monkeypatch.setattr("tlkeras.export.verify.run_saved_model", lambda path, samples: np.zeros((len(samples), 4)))
    with pytest.raises(ExportMismatch, match="^s does not give the answers"):
        write_saved_model(model, tmp_path / "s", reference(model, images[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    monkeypatch.undo()
    write_saved_model(model, tmp_path / "s", reference(model, images[0]))
