import keras
import numpy as np
import pytest

from recipes.common.augmented_batches import AugmentedBatches
from recipes.common.finetuning import check, train
from recipes.common.plan import Plan
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras import surgery
from tlkeras.backbones import blocks, from_handle
from tlkeras.data import image_folder

GLYPHS = str(ROOT / "saved_models" / "glyphs")
SMALL = "applications:MobileNetV2?alpha=0.35&weights=None"
SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return image_folder(write_photos(tmp_path_factory.mktemp("photos"), {"left": 6, "top": 6}), SHAPE[:2])


def planned(tmp_path, **changes):
    return Plan(SMALL, tmp_path / "cache", 3, SHAPE, head_epochs=2, epochs=2, rate=1e-3, batch_size=4, **changes)


def untrained():
    keras.utils.set_random_seed(3)
    return surgery.classifier(from_handle(SMALL, input_shape=SHAPE), 2)


def moved(model, before):
    """Returns the names of the blocks with a weight that differs, and of those with moved BatchNorm averages."""
    trained, norms = [], []
    for block, old in zip(blocks(model), blocks(before), strict=True):
        differs = {
            new.path: not np.array_equal(new, was) for new, was in zip(block.variables, old.variables, strict=True)
        }
        trained += [block.name] if any(value for path, value in differs.items() if "moving" not in path) else []
        norms += [block.name] if any(value for path, value in differs.items() if "moving" in path) else []
    return trained, norms


def test_a_cut_model_is_trained_whole_and_only_above_the_cut(images, tmp_path):
    model, histories = train(planned(tmp_path, depth=2), images, tmp_path, "fine-tuned")
    assert moved(model, untrained()) == (["block_16", "Conv_1"], [])
    assert {name: len(history["loss"]) for name, history in histories.items()} == {"head": 2, "depth 2": 2}
    frozen, rest = surgery.split(model, 2)
    pixels = images.images()
    np.testing.assert_allclose(model.predict(pixels), rest.predict(frozen.predict(pixels)), atol=1e-6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(images.labels, model.predict(pixels))) < histories["head"]["loss"][0]


def test_a_row_that_is_done_is_not_trained_again(images, tmp_path):
    first, before = train(planned(tmp_path, depth=1), images, tmp_path, "fine-tuned")
    second, after = train(planned(tmp_path, depth=1), images, tmp_path, "fine-tuned")
    assert before == after
    for new, old in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("augment", [0, 2])
def test_an_interrupted_row_sees_the_batches_that_were_left(images, tmp_path, monkeypatch, augment):
    class Stop(keras.callbacks.Callback):
        def __init__(self, place, **arguments):
            super().__init__()
            self.deep = place.name == "fine-tuned"

        def on_epoch_begin(self, epoch, logs=None):
            if self.deep and epoch == 2:
                raise KeyboardInterrupt

    grey = images.shaped((8, 8, 1))
    plan = Plan(GLYPHS, tmp_path / "cache", depth=2, head_epochs=1, epochs=3, batch_size=4, augment=augment)
    whole, _ = train(plan, grey, tmp_path / "whole", "fine-tuned")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.callbacks, "TensorBoard", Stop)
        train(plan, grey, tmp_path / "run", "fine-tuned")
    resumed, _ = train(plan, grey, tmp_path / "run", "fine-tuned")
    for new, old in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)


def test_rows_beside_each_other_share_the_head(images, tmp_path):
    train(planned(tmp_path), images, tmp_path, "a/frozen")
    stamp = (tmp_path / "checkpoints" / "a" / "head" / "state.json").stat().st_mtime_ns
    train(planned(tmp_path, depth=1), images, tmp_path, "a/fine-tuned")
    assert (tmp_path / "checkpoints" / "a" / "head" / "state.json").stat().st_mtime_ns == stamp


def test_rows_are_the_rows_that_train(images, tmp_path):
    rows = np.flatnonzero(images.labels == 1)
    model, _ = train(planned(tmp_path), images, tmp_path, "frozen", rows)
    logits = model.predict(images.images())
    assert (logits[:, 1] > logits[:, 0]).all()


def test_stochnorm_moves_the_averages_of_the_trained_blocks(images, tmp_path):
    model, _ = train(planned(tmp_path, depth=1, method="stochnorm"), images, tmp_path, "stochnorm")
    assert moved(model, untrained()) == (["Conv_1"], ["Conv_1"])


def test_batchnorm_is_frozen_unless_asked_for(images, tmp_path):
    model, _ = train(planned(tmp_path, depth=1, train_bn=True), images, tmp_path, "fine-tuned")
    assert moved(model, untrained()) == (["Conv_1"], ["Conv_1"])


def test_low_rank_updates_end_up_in_the_saved_kernels(images, tmp_path):
    model, _ = train(planned(tmp_path, depth=1, method="lora"), images, tmp_path, "lora")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pixels = images.images()
    np.testing.assert_allclose(loaded.predict(pixels), model.predict(pixels), atol=1e-5)
    assert not np.array_equal(loaded.get_layer("Conv_1").kernel, untrained().get_layer("Conv_1").kernel)


@pytest.mark.exhaustive
def test_from_scratch_everything_trains(images, tmp_path):
    plan = Plan(SMALL, tmp_path / "cache", 3, SHAPE, "all", head_epochs=0, epochs=1, rate=1e-3, scratch=True)
    model, histories = train(plan, images, tmp_path, "from_scratch")
    names = [block.name for block in blocks(model)]
    assert moved(model, untrained()) == (names, names) and list(histories) == ["depth all"]


@pytest.mark.parametrize("method", ["l2sp", "delta", "bss", "bituning", "distillation"])
@pytest.mark.parametrize("handle", [GLYPHS, SMALL])
def test_the_penalties_take_both_kinds_of_backbones(method, handle):
    backbone = from_handle(handle, input_shape=None if handle == GLYPHS else SHAPE)
    before = backbone.fingerprint
    check([Plan(handle, "cache", depth=2, method=method)], backbone)
    assert backbone.fingerprint == before


def test_what_does_not_fit_is_named_before_training_and_leaves_the_backbone():
    backbone = from_handle(GLYPHS)
    before = backbone.fingerprint
    wrong = [Plan(GLYPHS, "cache", depth=1, method=method) for method in ("stochnorm", "l2sp", "lora")]
    with pytest.raises(ValueError, match="(?s)not take stochnorm at depth 1: .*HubLayer.*not take lora at depth 1: "):
        check(wrong, backbone)
    with pytest.raises(ValueError, match="not take none at depth 5, bss at depth 5: `depth` must be .* in 0..4"):
        check([Plan("", "", depth=5), Plan("", "", depth=5, method="bss")], backbone)
    small = from_handle(SMALL, input_shape=SHAPE)
    check([Plan(SMALL, "cache", depth=2, method=method) for method in ("lora", "stochnorm", "none")], small)
    assert backbone.fingerprint == before and not any(getattr(layer, "lora_enabled", False) for layer in small.layers)


def test_augmented_batches_depend_on_seed_and_epoch_alone(images):
    def batch(seed, epoch):
        return AugmentedBatches(images, 4, seed=seed, first_epoch=epoch)[0][0]

    np.testing.assert_array_equal(batch(0, 1), batch(0, 1))
    assert np.abs(batch(0, 1) - batch(0, 2)).max() > 1 and np.abs(batch(0, 1) - batch(1, 1)).max() > 1
    assert batch(0, 0).shape == (4, 32, 32, 3)


def test_distillation_follows_the_head_just_trained_and_ships_no_teacher(images, tmp_path):
    plan = Plan(GLYPHS, tmp_path / "cache", depth=1, method="distillation", head_epochs=1, epochs=2, batch_size=12)
    model, histories = train(plan, images.shaped((8, 8, 1)), tmp_path, "distillation")
    terms = histories["depth 1"]["logitdistillation"]
    assert terms[0] == pytest.approx(0, abs=1e-5) and terms[1] > 0
    assert not any("teacher" in variable.path for variable in model.weights)
