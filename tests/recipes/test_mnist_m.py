import json
import sys

import keras
import numpy as np
import pytest

from recipes.benchmarks import mnist_m
from recipes.benchmarks.suites import Domains, Suite


@pytest.fixture
def suite(monkeypatch):
    """Squares of ten brightnesses, 128 in each domain, and a network with one convolution."""
    labels = np.arange(128) % 10
    images = np.repeat(25.0 * labels + 10, 28 * 28 * 3).reshape(-1, 28, 28, 3).astype("uint8")

    def model(width):
        inputs = keras.Input((28, 28, 3))
        x = keras.layers.Rescaling(1 / 255)(inputs)
        x = keras.layers.Flatten()(keras.layers.AveragePooling2D(14)(x))
        x = keras.layers.Dense(width, activation="relu")(x)
        return keras.Model(inputs, keras.layers.Dense(10, name="logits")(x))

    domains = Domains((images, labels), images, (images, labels), model)
    short = Suite(pairs=(("mnist", "mnist_m"),), load=lambda *names: domains, steps=0, epochs=0, note="Squares, grey.")
    monkeypatch.setitem(mnist_m.SUITES, "mnist_m", short)
    monkeypatch.setattr(mnist_m, "EPOCHS", 2)
    monkeypatch.setattr(mnist_m, "EVERY", 1)
    monkeypatch.setattr(mnist_m, "SEEDS", (1,))
    return domains


def call(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["mnist_m.py", "--data", "", "--out", str(tmp_path)])
    mnist_m.main()
    return (tmp_path / "mnist_m.md").read_text()


def test_both_rows_have_as_many_steps_and_what_is_there_is_not_run_again(suite, monkeypatch, tmp_path):
    text = call(monkeypatch, tmp_path)
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in text.splitlines() if line.startswith("| ")}
    assert rows["steps"][:3] == ["2", "4", "6"] and rows["steps"][3].startswith("8")
    assert len(rows["source only"]) == len(rows["SHOT"]) == 4
    assert "MNIST-M made of others, 1 seeds" in text
    monkeypatch.setattr(mnist_m, "ROWS", dict.fromkeys(mnist_m.ROWS))
    assert call(monkeypatch, tmp_path) == text


def test_the_gain_is_that_of_the_last_step_in_the_worst_seed_too(tmp_path):
    facts = {"commit": "abc", "versions": {"keras": "3"}}
    runs = {
        "source only": [{"curve": [0.5, 0.6], **facts}, {"curve": [0.5, 0.7], **facts}],
        "SHOT": [{"curve": [0.3, 0.8], **facts}, {"curve": [0.3, 0.75], **facts}],
    }
    text = mnist_m.page(runs, 780)
    assert "+12.5 points from source\nonly, in the worst seed +5.0." in text and "| steps | 780 | 1560 |" in text
    assert "| SHOT | 30.0 ± 0.0 | 77.5 ± 3.5 |" in text


def test_shot_leaves_the_classifier_of_its_source(suite):
    keras.utils.set_random_seed(0)
    model = mnist_m.bottlenecked(suite)
    mnist_m.train_on_source(model, suite, 0, 4, 1)
    before = [json.dumps(weight.numpy().tolist()) for weight in model.get_layer("logits").weights]
    assert len(mnist_m.adapt(model, suite, 0)) == 2
    assert before == [json.dumps(weight.numpy().tolist()) for weight in model.get_layer("logits").weights]
