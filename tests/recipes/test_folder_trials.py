import dataclasses
import pathlib

import pytest

from recipes import image_folder
from recipes.common.finetuning import train
from recipes.common.scoring import accuracy
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras.tuning import TrialStopped
from tlkeras.tuning.recipe import Recipe


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    data = write_photos(tmp_path_factory.mktemp("photos"), {"left": 20, "top": 15, "middle": 15})
    return image_folder.Flags(
        data=str(data), backbone=str(ROOT / "saved_models" / "glyphs"), depth="0", head_epochs=6, epochs=3,
        batch_size=8, head_rate=0.01,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trials(flags, tmp_path_factory):
    return image_folder.trials(flags, tmp_path_factory.mktemp("search"), "held_out_accuracy")


def test_a_trial_is_scored_on_images_that_it_was_not_trained_on(flags, trials):
    found = trials(flags, 0)
    assert found["score"] > 0.5 and len(trials.parts[1]) == 7 and not set(trials.parts[0]) & set(trials.parts[1])
    assert trials(flags, 0) == found
    left = {path.name for path in pathlib.Path(trials.folder).iterdir()}
    assert left == {"cache"} and len(list(trials.folder.glob("cache/*.npy"))) == 1


def test_every_epoch_is_reported_that_of_the_head_first(flags, trials):
    told = []
    found = trials(flags, 0, lambda epoch, score: told.append((epoch, score)))
    assert [epoch for epoch, _ in told] == [0, 1, 2, 3, 4, 5] and found["score"] == told[-1][1]
    told.clear()
    deep = dataclasses.replace(flags, depth="1", head_epochs=2, epochs=1)
    score = trials(deep, 0, lambda epoch, score: told.append((epoch, score)))["score"]
    assert [epoch for epoch, _ in told] == [0, 1, 2] and told[-1][1] == score


@pytest.mark.parametrize("change", [{}, {"depth": "1"}, {"augment": 2}])
def test_what_an_epoch_logs_is_the_accuracy_of_the_whole_model(change, flags, trials, tmp_path):
    given = dataclasses.replace(flags, head_epochs=2, epochs=1, **change)
    held = trials.parts[1]
    plan = dataclasses.replace(trials.plan_of(given, trials.shape, 0), scored=held)
    model, histories = train(plan, trials.images, tmp_path, "trial", trials.parts[0])
    expected = accuracy(model, trials.images[held], trials.images.labels[held])
    assert list(histories.values())[-1]["val_accuracy"][-1] == pytest.approx(expected)


@pytest.mark.slow
def test_a_trial_that_diverges_ends_with_its_epoch(flags, trials):
    with pytest.raises(TrialStopped, match="diverged: .* after epoch [12]$"):
        trials(dataclasses.replace(flags, head_rate=1e38, head_epochs=200), 0)


def test_a_depth_must_be_one(flags, trials):
    with pytest.raises(ValueError, match="`--depth` must be searched, or be a number"):
        trials(dataclasses.replace(flags, depth="search"), 0)
    with pytest.raises(ValueError, match="none at depth 9"):
        trials(dataclasses.replace(flags, depth="9"), 0)


def test_what_the_recipe_declares_can_be_searched(flags):
    recipe = Recipe(ROOT / "recipes" / "image_folder.py")
    space = {name: recipe.space[name] for name in recipe.space if name != "method"}  # which needs a depth above 0
    found = recipe.flags(["--data", flags.data], space)
    third = recipe.with_values(found, {"rate": 0.01}, 1 / 3)
    assert (recipe.epochs(found), third.head_epochs, third.epochs, third.rate) == (15, 10, 5, 0.01)
