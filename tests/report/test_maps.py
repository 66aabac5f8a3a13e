import numpy as np
import pytest

from tlkeras.report import feature_map
from tlkeras.report.maps import PER_DOMAIN, project


def clusters(count, shift=0.0):
    rng = np.random.default_rng(0)
    classes = np.arange(count) % 3
    return (rng.normal(0, 0.1, (count, 8)) + 4 * np.eye(8)[classes] + shift).astype("float32"), classes


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_classes_that_are_apart_stay_apart(method):
    features, classes = clusters(90)
    points = project(features, method=method)
    centres = np.stack([points[classes == index].mean(0) for index in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=-1).argmin(1)
    assert points.shape == (90, 2) and (nearest == classes).all()
    np.testing.assert_array_equal(points, project(features, method=method))


def test_a_panel_a_model_with_both_domains():
    domains = {"source": clusters(PER_DOMAIN + 50), "target": (clusters(40, shift=9.0)[0], None)}
    figure = feature_map({"before": domains, "after": domains}, method="pca", class_names=["a", "b", "c"])
    assert [axis.get_title() for axis in figure.axes] == ["before", "after"]
    source, target = figure.axes[0].collections
    assert len(source.get_offsets()) == PER_DOMAIN and len(target.get_offsets()) == 40
    assert len(np.unique(source.get_edgecolors(), axis=0)) == 3 and len(source.get_facecolors()) == 0
    assert len(np.unique(target.get_facecolors(), axis=0)) == 1
    gap = np.linalg.norm(source.get_offsets().mean(0) - target.get_offsets().mean(0))
    assert gap > 9  # one projection for both domains: the shift shows
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["source", "target", "a", "b", "c"]


def test_bad_input_is_refused():
    domains = {"source": clusters(20)}
    for panels, method in (
        ({}, "pca"),
        ({"a": domains}, "umap"),
        ({"a": {"source": (np.full((9, 2), np.nan), None)}}, "pca"),
    ):
        with pytest.raises(ValueError, match="Received"):
            feature_map(panels, method=method)
