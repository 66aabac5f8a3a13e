import json

import numpy as np

from tlkeras.bundle import About, write_bundle
from tlkeras.bundle.card import card


def test_it_says_what_the_run_was_and_how_well_it_did(bundle):
    text = (bundle / "README.md").read_text(encoding="utf-8")
    for line in ("# insects, version 1", "4 classes: ant, bee, wasp & co, </script>.", "- recipe: adapt_images",
                 "- which row ships: mcc", "- rows of the source: 120", "- seed: 3", "- backbone: somewhere/mobilenet",
                 "- licence of the backbone: unknown: ask the publisher", "| source only | 50.0 | – | – |",
                 "| **mcc** (this model) | 61.0 | 62.0 | 63.0 |", "The guard trusts mcc; mcc ships.",
                 "its numbers mean nothing", "`scaling` (Rescaling, scale 0.0078", "predict.py photo.jpg"):  # fmt: skip
        assert line in text, line
    assert "index.html" not in text and "/private" not in text
    for row in json.loads((bundle / "bundle.json").read_text())["files"]:
        assert f"| {row['file']} | {row['bytes']:,} |" in text or row["bytes"] < 1000


def test_of_a_lone_model_it_says_that_nothing_is_known(model, images, tmp_path):
    path = write_bundle(model, tmp_path / "x")
    text = (path / "README.md").read_text(encoding="utf-8")
    for line in ("4 classes: 0, 1, 2, 3.", "No accuracy was measured", "- unknown: the bundle was made of a model",
                 "on random inputs only", "`labels.txt` holds their numbers", "- backbone: unknown"):  # fmt: skip
        assert line in text, line


def test_an_oracle_alone_is_not_shown_and_many_classes_are_cut(bundle):
    facts = json.loads((bundle / "bundle.json").read_text())
    spec = json.loads((bundle / "preprocessing.json").read_text())
    about = About(metrics={"rows": {"a": {"target_accuracy_oracle": 0.9}}, "method": "a"})
    text = card(facts, about, labels=[f"c{index}" for index in range(40)], preprocessing=spec)
    assert "40 classes: c0, " in text and "c11, … (`labels.txt`)" in text and "c12" not in text
    assert "90.0" not in text and "No accuracy was measured" in text


def test_a_model_of_features_has_no_image_to_prepare(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax", name="answer")])
    samples = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
    path = write_bundle(model, tmp_path / "x", export={"samples": samples, "value_range": None})
    text = (path / "README.md").read_text(encoding="utf-8")
    assert "python predict.py inputs.npy" in text and "EXIF" not in text and "pillow" not in text
    assert "The output is probabilities" in text
