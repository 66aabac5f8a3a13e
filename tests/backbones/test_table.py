import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

import tlkeras
from tlkeras.backbones import from_table
from tlkeras.data import table

SOURCE = table(
    {"job": ["cook", "", "ärztin", "cook"], "age": [30, np.nan, 50, 100], "n": [1, 1, 1, 1], "code": [7, -1, 7, None]},
    types={"code": "integer"},
)
TARGET = table(
    {"job": ["smith", "", "cook"], "age": [np.nan, 30, 90], "n": [np.nan, 3, 1], "code": [8, None, 7]}, like=SOURCE
)


def encoded(rows):
    return from_table(SOURCE).predict(rows.inputs(), verbose=0)


def test_columns_stand_side_by_side_in_the_order_of_their_names():
    z = (np.array([30, 50, 50, 100]) - 57.5) / np.std([30, 50, 50, 100])
    expected = [  # age, missing | new, missing, -1, 7 | new, missing, cook, ärztin | n
        [z[0], 0, 0, 0, 0, 1, 0, 0, 1, 0, 0],
        [z[1], 1, 0, 0, 1, 0, 0, 1, 0, 0, 0],
        [z[2], 0, 0, 0, 0, 1, 0, 0, 0, 1, 0],
        [z[3], 0, 0, 1, 0, 0, 0, 0, 1, 0, 0],
    ]
    np.testing.assert_allclose(encoded(SOURCE), expected, atol=1e-6)


def test_what_the_source_lacks_is_zeros_and_a_missing_number_the_median():
    z = (np.array([50, 30, 90]) - 57.5) / np.std([30, 50, 50, 100])
    expected = [
        [z[0], 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],  # an unknown code and job
        [z[1], 0, 0, 1, 0, 0, 0, 1, 0, 0, 2],
        [z[2], 0, 0, 0, 0, 1, 0, 0, 1, 0, 0],
    ]
    np.testing.assert_allclose(encoded(TARGET), expected, atol=1e-6)


def test_one_column_and_one_of_strings():
    one = table({"job": ["a", "b"]})
    np.testing.assert_array_equal(from_table(one).predict(one.inputs(), verbose=0), [[0, 1, 0], [0, 0, 1]])


def test_the_file_holds_all_and_another_process_reads_it(tmp_path):
    model = tlkeras.surgery.classifier(from_table(SOURCE), 2, bottleneck=4)
    model.save(tmp_path / "model.keras")
    inputs = {name: keras.ops.convert_to_numpy(values) for name, values in TARGET.inputs().items()}
    (tmp_path / "inputs.pickle").write_bytes(pickle.dumps(inputs))
    code = f"""
import pickle, keras, numpy as np, tlkeras
model = keras.models.load_model({str(tmp_path / "model.keras")!r})
inputs = pickle.load(open({str(tmp_path / "inputs.pickle")!r}, "rb"))
inputs["job"] = keras.ops.convert_to_tensor(inputs["job"], "string")
np.save({str(tmp_path / "found.npy")!r}, model.predict(inputs, verbose=0))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), model.predict(TARGET.inputs(), verbose=0))


def test_above_the_cut_is_a_model_of_plain_numbers():
    model = tlkeras.surgery.classifier(from_table(SOURCE), 2, bottleneck=4)
    below, above = tlkeras.surgery.split(model, "encoded")
    rows = below.predict(TARGET.inputs(), verbose=0)
    assert rows.shape == (3, 11) and above.input.name == "encoded"
    np.testing.assert_allclose(above.predict(rows, verbose=0), model.predict(TARGET.inputs(), verbose=0), atol=1e-6)


@pytest.mark.parametrize("labels", [[0, 1, 0, 1]])
def test_a_dict_of_inputs_is_plain_inference(labels):
    model = tlkeras.surgery.classifier(from_table(SOURCE), 2)
    transfer = tlkeras.TransferModel(model, [])
    np.testing.assert_array_equal(
        transfer.predict(SOURCE.inputs(), verbose=0), model.predict(SOURCE.inputs(), verbose=0)
    )
    transfer.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = transfer.evaluate(SOURCE.inputs(), np.array(labels), verbose=0)
    transfer.fit(SOURCE.inputs(), np.array(labels), epochs=3, verbose=0)
    assert transfer.evaluate(SOURCE.inputs(), np.array(labels), verbose=0) < before
