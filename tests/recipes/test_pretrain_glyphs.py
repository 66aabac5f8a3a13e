import itertools
import json
import os
import signal
import sys
import time

import numpy as np
import pytest

from recipes.common.harness import run_recipe
from recipes.pretrain_glyphs import Flags, batches, run
from tests.recipes.processes import ROOT, finish, start
from tlkeras.layers import HubLayer


def test_a_resumed_run_sees_the_batches_that_were_left():
    x, y = np.arange(20), np.arange(20) % 3
    whole = list(itertools.islice(batches(x, y, 4, 7, 0), 15))
    rest = list(itertools.islice(batches(x, y, 4, 7, 1), 10))
    np.testing.assert_array_equal([rows for rows, _ in whole[5:]], [rows for rows, _ in rest])
    for epoch in range(3):
        assert sorted(np.concatenate([rows for rows, _ in whole[5 * epoch :][:5]])) == list(range(20))
    assert all((rows % 3 == labels).all() for rows, labels in whole)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"images": 100}, {"batch_size": 0}])
def test_flags_that_leave_nothing_to_train_are_refused(wrong):
    with pytest.raises(ValueError, match="Received: epochs="):
        Flags(**wrong)


@pytest.fixture
def here(monkeypatch):
    """Runs the recipe in this process, which has imported TensorFlow already."""

    def recipe(*arguments):
        monkeypatch.setattr(sys, "argv", ["pretrain_glyphs.py", *map(str, arguments)])
        run_recipe("pretrain_glyphs", "", Flags, run)

    return recipe


@pytest.mark.slow
def test_it_writes_into_out_and_leaves_the_shipped_backbone(tmp_path, here):
    shipped = ROOT / "saved_models" / "glyphs"
    before = {path: path.read_bytes() for path in shipped.rglob("*") if path.is_file()}
    here("--smoke", "--out", tmp_path / "run")
    assert {path: path.read_bytes() for path in shipped.rglob("*") if path.is_file()} == before
    metrics, config = (json.loads((tmp_path / "run" / f"{name}.json").read_text()) for name in ("metrics", "config"))
    written = HubLayer(tmp_path / "run" / "glyphs", trainable=True)
    assert metrics["backbone_fingerprint"] == config["backbone_fingerprint"] == written.fingerprint
    assert written(np.zeros((2, 8, 8, 1), "float32")).shape == (2, 128)
    assert {"recipe", "seed", "seconds", "accuracy_unseen_fonts", "bytes", "sha256"} <= set(metrics)
    assert (tmp_path / "run" / "glyphs" / "saved_model.pb").stat().st_size < metrics["bytes"]


@pytest.mark.exhaustive
def test_a_killed_run_resumes_to_the_same_network(tmp_path, here):
    flags = ("--images", 512, "--epochs", 3)
    here(*flags, "--out", tmp_path / "whole")
    process = start("pretrain_glyphs", *flags, "--out", tmp_path / "killed", start_new_session=True)
    while not list((tmp_path / "killed").glob("checkpoints/**/state.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    finish("pretrain_glyphs", *flags, "--out", tmp_path / "killed", "--resume")
    layers = [HubLayer(tmp_path / name / "glyphs") for name in ("whole", "killed")]
    for first, second in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)
