import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="LiteRT needs TensorFlow")

from tests.cache.models import expected, frozen_model, images
from tests.layers.hub_models import data, hub_data
from tlkeras.cache import litert_pass
from tlkeras.cache.litert_pass import LiteRTPass
from tlkeras.cache.passes import _closeness, keras_pass


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_features_of_keras_in_the_order_of_the_rows(tmp_path, count):
    model, rows = frozen_model(), images(count)
    found = LiteRTPass(model, tmp_path / "model.tflite")(rows)
    np.testing.assert_allclose(found, expected(model, rows), rtol=1e-4, atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


def test_a_large_model_gets_one_interpreter(tmp_path, monkeypatch):
    monkeypatch.setattr(litert_pass, "MOST_BYTES", 10)
    model, rows = frozen_model(), images(5)
    single = LiteRTPass(model, tmp_path / "model.tflite")
    assert single.interpreters == 1
    np.testing.assert_allclose(single(rows), expected(model, rows), rtol=1e-4, atol=1e-3)


@data
@pytest.mark.exhaustive
def test_a_real_hub_backbone(tmp_path):
    import tlkeras

    model = tlkeras.backbones.from_hub(hub_data("mobilenet_v2_035_224_feature_vector"))
    rows = images(4, size=224)
    cosine, difference = _closeness(keras_pass(model)(rows), LiteRTPass(model, tmp_path / "model.tflite")(rows))
    assert cosine > 0.999999 and difference < 1e-4
