import numpy as np
import pytest

from tlkeras.bundle.answers import answers_of, departure, measured, not_run

ANSWERS = np.eye(4, dtype="float32")[np.arange(20) % 4] * 2


@pytest.mark.parametrize("name", ["model_float32.tflite", "model_trainable.tflite", "model.onnx", "saved_model"])
def test_each_file_is_run_by_its_own_runtime(bundle, model, images, name):
    inputs = images[0][:5].astype("float32")
    assert not_run(bundle / name) == ""
    np.testing.assert_allclose(answers_of(bundle / name, inputs), model.predict(inputs, verbose=0), atol=1e-4)


def test_c_source_is_not_run(bundle):
    assert "Micro" in not_run(bundle / "model_int8.c")


def test_a_saved_model_that_touches_the_host_is_not_run(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda x: x + tf.io.decode_raw(tf.io.read_file("/etc/hostname"), tf.uint8)[0], [
        tf.TensorSpec((None, 2), tf.uint8)])  # fmt: skip
    tf.saved_model.save(module, str(tmp_path / "saved_model"), signatures=module.serve.get_concrete_function())
    assert "it touches the host: ReadFile" in not_run(tmp_path / "saved_model")


def test_what_was_measured_is_no_departure_and_one_sample_may_turn():
    record = measured(ANSWERS, ANSWERS)
    assert record == {"stored_agreement": 1.0, "stored_max_abs_diff": 0.0}
    assert departure(ANSWERS, ANSWERS, record) == ""
    turned = ANSWERS.copy()
    turned[0] = [1.9995, 2.0, 0, 0]
    wide = {"stored_agreement": 1.0, "stored_max_abs_diff": 2.0}
    assert departure(turned, ANSWERS, wide) == ""
    turned[1] = [2.0, 1.9995, 0, 0]
    assert departure(turned, ANSWERS, wide).startswith("agreement 0.9000 and largest difference 2;")


def test_the_difference_may_grow_by_half_and_a_thousandth_of_the_largest_answer():
    record = {"stored_agreement": 1.0, "stored_max_abs_diff": 0.1}
    most = 1.5 * 0.1 + 1e-3 * 2
    assert departure(ANSWERS + np.float32(0.99 * most), ANSWERS, record) == ""
    assert "written with 1.0000 and 0.1" in departure(ANSWERS + np.float32(1.01 * most), ANSWERS, record)


def test_other_shapes_and_what_is_not_finite_are_departures():
    record = measured(ANSWERS, ANSWERS)
    assert "(19, 4)" in departure(ANSWERS[1:], ANSWERS, record)
    assert "finite: False" in departure(np.where(ANSWERS > 1, np.nan, ANSWERS), ANSWERS, record)
