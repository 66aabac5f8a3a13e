import sys

import numpy as np
import pytest

from recipes.benchmarks import pacs_features
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras.backbones import from_handle
from tlkeras.data import image_folder

GLYPHS = str(ROOT / "saved_models" / "glyphs")


def write(monkeypatch, data, out):
    monkeypatch.setattr(sys, "argv", ["pacs_features.py", "--data", str(data), "--backbone", GLYPHS, "--out", str(out)])
    pacs_features.main()


def test_a_file_a_domain(monkeypatch, tmp_path):
    for seed, domain in enumerate(pacs_features.DOMAINS):
        write_photos(tmp_path / "data" / "pacs" / domain, {"left": 3, "top": 2 + seed}, seed)
    write(monkeypatch, tmp_path / "data", tmp_path / "out")
    backbone = from_handle(GLYPHS)
    for seed, domain in enumerate(pacs_features.DOMAINS):
        images = image_folder(tmp_path / "data" / "pacs" / domain, backbone.input_size, channels=1)
        with np.load(tmp_path / "out" / f"{domain}.npz") as found:
            assert found["features"].dtype == "float32" and list(found["class_names"]) == ["left", "top"]
            assert found["labels"].tolist() == [0] * 3 + [1] * (2 + seed)
            np.testing.assert_allclose(
                found["features"], backbone.predict(images.images(), verbose=0), rtol=1e-3, atol=1e-4
            )


def test_domains_must_have_the_same_classes(monkeypatch, tmp_path):
    for domain, other in zip(pacs_features.DOMAINS, ("top", "middle", "top"), strict=True):
        write_photos(tmp_path / "data" / "pacs" / domain, {"left": 2, other: 2})
    with pytest.raises(ValueError, match="top"):
        write(monkeypatch, tmp_path / "data", tmp_path / "out")
