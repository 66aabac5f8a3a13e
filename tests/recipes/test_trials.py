import dataclasses

import numpy as np
import pytest

from recipes import adapt_images
from recipes.common.image_task import ImageTask
from recipes.common.trials import TaskTrials
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras.tuning import TrialStopped
from tlkeras.tuning.recipe import Recipe


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    write_photos(folder / "studio", {"left": 20, "top": 15, "middle": 10})
    write_photos(folder / "street", {"left": 8, "top": 8, "middle": 8}, seed=1)
    return adapt_images.Flags(
        source=str(folder / "studio"), target=str(folder / "street"), test=str(folder / "street"),
        backbone=str(ROOT / "saved_models" / "glyphs"), method="mcc", steps=40, epochs=4, batch_size=8, bottleneck=16,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trials(flags, tmp_path_factory):
    return TaskTrials(ImageTask(flags, tmp_path_factory.mktemp("search")), "information_maximization")


def passes(trials):
    """Returns how many sets of features were computed."""
    return len(list(trials.task.folder.glob("*.npy")))


def test_a_trial_is_scored_and_repeats(flags, trials):
    found = trials(flags, 0)
    assert set(found) == {
        "score", "epoch", "target_accuracy_last", "target_accuracy_selected", "target_accuracy_oracle"
    }  # fmt: skip
    assert 0 < found["score"] <= np.log(3) and found["epoch"] in (1, 2, 3, 4)
    assert found["target_accuracy_oracle"] >= found["target_accuracy_selected"] > 0.5
    assert trials(flags, 0) == found and trials(flags, 1) != found


def test_a_smoke_test_takes_two_steps(flags, trials):
    assert trials(dataclasses.replace(flags, smoke=True), 0)["epoch"] == 1


def test_the_backbone_runs_once_for_all_trials(flags, trials):
    before = passes(trials)
    trials(dataclasses.replace(flags, rate=0.02, dropout=0.5, bottleneck=32, batch_size=12, method="dann"), 0)
    assert passes(trials) == before == 2  # the target and the test images are the same files


@pytest.mark.slow
def test_the_flags_of_a_search_change_the_model(flags, trials):
    found = trials(flags, 0)["score"]
    for change in ({"weight": 0.1}, {"dropout": 0.5}, {"rate": 0.02}):
        assert trials(dataclasses.replace(flags, **change), 0)["score"] != found


def test_a_block_of_the_backbone_trains(flags, trials):
    assert np.isfinite(trials(dataclasses.replace(flags, depth="1", steps=4, epochs=2), 0)["score"])


def test_a_trial_that_diverges_ends_early(flags, trials):
    with pytest.raises((TrialStopped, ValueError), match="diverged"):
        trials(dataclasses.replace(flags, rate=1e12), 0)


def test_a_trial_that_predicts_one_class_ends_early(flags, trials):
    with pytest.raises(TrialStopped, match=r"collapsed after epoch 4.*predicts 1 of 3"):
        trials(dataclasses.replace(flags, rate=1e-12, method="mcc", steps=8), 3)


def test_what_does_not_fit_the_images_is_said(flags, trials):
    with pytest.raises(ValueError, match="45 images, batch size 64"):
        trials(dataclasses.replace(flags, batch_size=64), 0)
    with pytest.raises(ValueError, match="`depth` must be"):
        trials(dataclasses.replace(flags, depth="9"), 0)


def test_every_epoch_is_reported_and_a_trial_that_lags_behind_ends(flags, trials):
    told = []
    found = trials(flags, 0, lambda epoch, score: told.append((epoch, score)))
    assert [epoch for epoch, _ in told][-1] == 3 and found["score"] == max(score for _, score in told)

    def report(epoch, score):
        raise TrialStopped(f"pruned after epoch {epoch + 1}")

    with pytest.raises(TrialStopped, match="pruned after epoch"):
        trials(flags, 0, report)


@pytest.mark.exhaustive
def test_the_bytes_are_those_of_the_file_that_ships(flags, tmp_path):
    measured = TaskTrials(ImageTask(flags, tmp_path / "search"), "information_maximization", against="bytes")
    found = {}
    for width in (16, 32):
        given = dataclasses.replace(flags, method="coral", rate=0.01, bottleneck=width)
        found[width] = measured(given, 0)["bytes"]
        again = dataclasses.replace(given, dropout=0.2)
        assert measured(again, 0)["bytes"] == found[width] and len(measured.costs) == len(found)
    features = measured.task.features[0][0].shape[1]
    more = 4 * 16 * (features + 1 + 3)  # weights and bias of the bottleneck, and of three logits, in float32
    assert found[32] - found[16] == pytest.approx(more, abs=200)  # BatchNorm is folded into the layer before it


def test_the_latency_is_that_of_the_file(flags, tmp_path):
    measured = TaskTrials(ImageTask(flags, tmp_path), "information_maximization", against="latency")
    assert 0.001 < measured(flags, 0)["latency"] < 1000


def test_an_objective_of_source_rows_holds_some_out(flags, tmp_path):
    held = TaskTrials(ImageTask(flags, tmp_path), "source_accuracy")
    assert len(held.held) == 9 and not set(held.held) & set(held.trained)
    assert 0.5 < held(flags, 0)["score"] <= 1


def test_what_the_recipe_declares_can_be_searched(flags):
    recipe = Recipe(ROOT / "recipes" / "adapt_images.py")
    arguments = ["--source", flags.source, "--target", flags.target, "--steps", "40", "--epochs", "4"]
    found = recipe.flags(arguments, recipe.space)
    assert recipe.objectives[0] == "information_maximization" and set(recipe.space) <= set(vars(found))
    third = recipe.with_values(found, {"rate": 0.1}, 0.25)
    assert (third.steps, third.epochs, third.rate) == (10, 1, 0.1)
