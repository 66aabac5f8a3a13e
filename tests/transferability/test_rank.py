import os
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

from tlkeras import cache, data, surgery
from tlkeras.transferability import h_score, leep, logme, nce, rank

DATA = os.environ.get("TLKERAS_DATA")


@pytest.fixture
def photos(tmp_path):
    """Three classes told apart by colour, 12 images each, of uneven noise."""
    random = np.random.default_rng(0)
    for name, colour in {"a": (160, 90, 90), "b": (90, 160, 90), "c": (90, 90, 160)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(12):
            pixels = np.clip(random.normal(colour, 30, (10, 10, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return data.image_folder(tmp_path / "photos", (10, 10))


def colours(size=10, channels=3):
    """A backbone whose features are the mean colours."""
    image = keras.Input((size, size, channels), name="image")
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="features")(image))


def test_scores_are_those_of_the_features(photos):
    [row] = rank({"colours": colours()}, photos)
    features = photos.images().astype("float32").mean((1, 2))
    assert row["logme"] == pytest.approx(logme(features, photos.labels), abs=1e-5)
    assert row["h_score"] == pytest.approx(h_score(features, photos.labels), abs=1e-5)
    assert row | {"logme": 0, "h_score": 0} == {
        "backbone": "colours", "logme": 0, "h_score": 0, "leep": None, "nce": None, "features": 3,
    }  # fmt: skip


def test_the_best_comes_first_and_each_sees_its_own_size(photos):
    rows = rank({"grey": colours(channels=1), "colours": colours(6), "any": colours(None)}, photos)
    assert [row["backbone"] for row in rows][-1] == "grey" and rows[0]["logme"] > rows[-1]["logme"] + 0.5
    assert {row["backbone"]: row["features"] for row in rows} == {"grey": 1, "colours": 3, "any": 3}
    rows = rank({"grey": colours(channels=1), "colours": colours(6)}, photos, metric="h_score")
    assert [row["backbone"] for row in rows] == ["colours", "grey"]


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_classifier_has_leep_and_nce(photos, activation):
    keras.utils.set_random_seed(0)
    backbone = colours()
    model = surgery.classifier(backbone, 5)
    model.get_layer("logits").set_weights([np.random.default_rng(1).normal(size=(3, 5)) / 20, np.zeros(5)])
    if activation:
        model = keras.Model(model.input, keras.layers.Softmax()(model.output))
    rows = rank({"backbone": backbone, "classifier": model}, photos, metric="leep")
    assert [row["backbone"] for row in rows] == ["classifier", "backbone"] and rows[1]["leep"] is None
    outputs = model.predict(photos.images().astype("float32"), verbose=0)
    probabilities = outputs if activation else np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    assert rows[0]["leep"] == pytest.approx(leep(probabilities, photos.labels), abs=1e-5)
    assert rows[0]["nce"] == pytest.approx(nce(outputs.argmax(1), photos.labels))
    assert rows[0]["logme"] == pytest.approx(rows[1]["logme"])


def test_a_directory_keeps_the_features(photos, tmp_path, capsys):
    first = rank({"colours": colours()}, photos, directory=tmp_path / "kept")
    capsys.readouterr()
    assert rank({"colours": colours()}, photos, directory=tmp_path / "kept") == first
    assert "found in" in capsys.readouterr().err
    backbone = colours()
    rank({"colours": backbone}, photos, directory=tmp_path / "shared")
    capsys.readouterr()
    cache.features(backbone, photos, directory=tmp_path / "shared")
    assert "found in" in capsys.readouterr().err


def test_bad_input(photos):
    with pytest.raises(ValueError, match="`metric` must be one of logme, h_score, leep, nce. Received: metric='acc'"):
        rank({"colours": colours()}, photos, metric="acc")
    with pytest.raises(ValueError, match="leep and nce need a classifier. Received: metric='nce', backbones=\\['col"):
        rank({"colours": colours()}, photos, metric="nce")
    with pytest.raises(ValueError, match="`backbones` must have one at least"):
        rank({}, photos)
    text = keras.Input((7,))
    with pytest.raises(ValueError, match="take images and have a layer `features`. Received: 'text'"):
        rank({"text": keras.Model(text, keras.layers.Dense(2, name="features")(text))}, photos)
    with pytest.raises(ValueError, match="Received: 'layer'"):
        rank({"layer": keras.layers.Dense(3)}, photos)
    with pytest.raises(ValueError, match="at least two classes"):
        rank({"colours": colours()}, photos.subset(photos.labels == 1))


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="TLKERAS_DATA is not set: no sign digits and no MobileNetV2")
def test_logme_ranks_as_a_linear_probe_does(tmp_path):
    pytest.importorskip("tensorflow")
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from tlkeras import backbones

    keras.utils.set_random_seed(0)
    models = {
        "untrained": backbones.from_applications("MobileNetV2", weights=None, input_shape=(96, 96, 3), alpha=0.35),
        "glyphs": backbones.from_hub(pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"),
        "imagenet": backbones.from_hub(pathlib.Path(DATA, "hub", "mobilenet_v2_035_224_feature_vector")),
    }
    folder = data.image_folder(pathlib.Path(DATA, "sign_digits"), (96, 96))
    folder = folder.subset(data.few_per_class(folder.labels, 25))
    ranked = [row["backbone"] for row in rank(models, folder, directory=tmp_path)]
    accuracy = {}
    train, test = data.stratified_split(folder.labels, (0.7, 0.3))
    for name, model in models.items():
        features = cache.features(model, folder.shaped(model.input.shape[1:]), directory=tmp_path)  # those of `rank`
        scaled = StandardScaler().fit(features[train]).transform(features)
        probe = LogisticRegression(C=0.1, max_iter=500).fit(scaled[train], folder.labels[train])
        accuracy[name] = probe.score(scaled[test], folder.labels[test])
    assert ranked == sorted(accuracy, key=accuracy.get, reverse=True)
