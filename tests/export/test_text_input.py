import json

import keras
import numpy as np
import pytest

import tlkeras
from tests.layers.hub_models import data, hub_data, save_text
from tlkeras import cli
from tlkeras.backbones import from_hub, from_texts
from tlkeras.export import export_files, run_litert
from tlkeras.export.savedmodel import run_saved_model
from tlkeras.export.text_input import text_input
from tlkeras.export.tokenize_text import tokenize
from tlkeras.surgery import classifier

pytest.importorskip("tensorflow")
TEXTS = np.array([f"{word} {'very ' * count}good" for word in ("a", "not", "no", "the") for count in range(5)], object)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return classifier(from_texts(TEXTS, width=8, length=6), 3)


def test_the_file_takes_the_numbers_that_the_program_beside_it_makes(model, tmp_path):
    rows = export_files(model, tmp_path, formats=("savedmodel", "litert", "onnx"), samples=TEXTS)
    assert [row.get("begins_at") for row in rows] == [None, "tokens", "tokens"]
    assert [row["agreement"] for row in rows] == [1.0, 1.0, 1.0] and rows[0]["samples"] == 10
    tokens = json.loads((tmp_path / "tokens.json").read_text("utf-8"))
    numbers = np.array([tokenize(text, tokens) for text in TEXTS])
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(run_litert(tmp_path / "model_float32.tflite", numbers), expected, atol=1e-5)
    np.testing.assert_allclose(run_saved_model(tmp_path / "saved_model", TEXTS), expected, atol=1e-5)
    assert (tmp_path / "tokenize_text.py").exists()


def test_without_samples_texts_are_made_of_the_vocabulary(model, tmp_path):
    rows = export_files(model, tmp_path)
    assert [row["verified_on"] for row in rows] == ["random inputs"] * 2 and rows[1]["samples"] == 64
    made = text_input(model).made_up()
    known = set(model.get_layer("tokens").get_vocabulary())
    assert {word for text in made for word in text.split()} <= known
    export_files(model, tmp_path / "served", formats=("savedmodel",))
    assert [path.name for path in (tmp_path / "served").iterdir()] == ["saved_model"]


def test_a_text_embedding_stays_below_the_file(tmp_path):
    keras.utils.set_random_seed(0)
    model = classifier(from_hub(save_text(tmp_path / "text", tmp_path / "v.txt")), 2)
    texts = ["cat", "dog", "dog", "bird", "cat"]
    rows = export_files(model, tmp_path / "out", samples=texts)
    assert rows[1]["begins_at"] == "hub" and not (tmp_path / "out" / "tokens.json").exists()
    vectors = text_input(model).numbers(np.array(texts, object))
    found = run_litert(tmp_path / "out" / "model_float32.tflite", vectors)
    np.testing.assert_allclose(found, model.predict(np.array(texts, object), verbose=0), atol=1e-5)
    with pytest.raises(ValueError, match="`samples` must be given, texts .*'hub'"):
        export_files(model, tmp_path / "out")
    assert export_files(model, tmp_path / "s", formats=("savedmodel",))[0]["verified_on"] == "nothing"


def test_other_models_and_other_layers():
    numbers, text = keras.Input((3,)), keras.Input((), dtype="string")
    assert text_input(keras.Model(numbers, keras.layers.Dense(2)(numbers))) is None
    vectorizer = keras.layers.TextVectorization(
        vocabulary=["a"], standardize="lower", output_sequence_length=3, name="other"
    )
    model = keras.Model(text, keras.layers.Flatten()(keras.layers.Embedding(3, 2)(vectorizer(text))))
    cut = text_input(model)
    assert cut.begins_at == "other" and cut.tokens is None and cut.names == []
    with pytest.raises(ValueError, match=r"`samples` must be texts, at least two.*shape=\(1,\)"):
        cut.checked(["a"])
    nothing = keras.Model(text, keras.layers.Identity()(text))
    with pytest.raises(ValueError, match="must have a layer that makes numbers of its texts"):
        text_input(nothing)


def test_the_command_says_where_the_file_begins(model, tmp_path, capsys):
    model.save(tmp_path / "model.keras")
    lines = [json.dumps({"text": text}) + "\n" for text in TEXTS]
    (tmp_path / "target.jsonl").write_text("".join(lines), encoding="utf-8")
    command = ["export", str(tmp_path / "model.keras"), "--out", str(tmp_path / "out"), "--format", "litert"]
    assert cli.main([*command, "--samples", str(tmp_path / "target.jsonl"), "--quantize", "none,float16"]) == 0
    printed = capsys.readouterr().out
    assert "take the output of the layer 'tokens'; tokenize_text.py makes it of a text" in printed
    files = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))["files"]
    assert [file["begins_at"] for file in files] == ["tokens", "tokens"]
    assert cli.main([*command, "--samples", str(tmp_path / "target.jsonl"), "--quantize", "int8"]) == 2
    assert '"int8" needs a model with a float32 input' in capsys.readouterr().err


@data
def test_the_embedding_of_a_publisher(tmp_path):
    backbone = from_hub(hub_data("glove_50d_text_embedding"))
    model = classifier(backbone, 2, bottleneck=4)
    model.save(tmp_path / "model.keras")
    again = tlkeras.load(tmp_path / "model.keras")
    texts = np.array(["A good book.", "It broke after a week!", "", "ünknöwn"], object)
    expected = model.predict(texts, verbose=0)
    np.testing.assert_array_equal(again.predict(texts, verbose=0), expected)
    (row,) = export_files(again, tmp_path, formats=("litert",), samples=texts)
    assert row["begins_at"] == "hub" and text_input(again).above.input_shape == (None, 50)
