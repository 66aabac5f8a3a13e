import json

import keras
import pytest

from tlkeras.transfer import Stage, gradual_stages
from tlkeras.transfer.stage_folder import StageFolder


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("depth", -1, '`depth` must be "all", None or an integer >= 0'),
        ("depth", 1.0, '`depth` must be "all", None or an integer >= 0'),
        ("depth", "most", '`depth` must be "all", None or an integer >= 0'),
        ("epochs", 0, "`epochs` must be an integer >= 1"),
        ("epochs", True, "`epochs` must be an integer >= 1"),
        ("learning_rate", 0.0, "`learning_rate` must be a number > 0 or a Keras schedule"),
        ("learning_rate", "slow", "`learning_rate` must be a number > 0 or a Keras schedule"),
        ("backbone", 0, "`backbone` must be a number > 0"),
        ("decay", -0.5, "`decay` must be a number > 0"),
        ("decay", keras.optimizers.schedules.CosineDecay(0.1, 5), "`decay` must be a number > 0"),
    ],
)
def test_a_bad_stage_is_refused(name, value, rule):
    good = {"depth": 0, "epochs": 1, "learning_rate": 0.1}
    with pytest.raises(ValueError, match=f"{rule}. Received: "):
        Stage(**{**good, name: value})


def test_a_stage_is_json_with_its_schedule():
    stage = Stage("all", 2, keras.optimizers.schedules.CosineDecay(0.1, 5))
    config = json.loads(json.dumps(stage.get_config()))
    assert config["depth"] == "all" and config["learning_rate"]["config"]["decay_steps"] == 5


def test_gradual_stages_unfreeze_one_block_at_a_time():
    stages = gradual_stages(2, epochs=3, learning_rate=0.1)
    assert stages == [Stage(depth, 3, 0.1, decay=1 / 2.6) for depth in (0, 1, 2)]
    with pytest.raises(ValueError, match="`depth` must be an integer >= 0. Received: depth='all'"):
        gradual_stages("all", epochs=1, learning_rate=0.1)


def test_a_folder_of_another_run_or_of_other_stages_is_refused(tmp_path):
    StageFolder(tmp_path / "one", [{"depth": 0}])
    with pytest.raises(ValueError, match="`stages` must be those that the run in `directory` was started with"):
        StageFolder(tmp_path / "one", [{"depth": 1}])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state.json").write_text('{"epochs": 2}')
    with pytest.raises(ValueError, match="`directory` must be the folder of this run alone"):
        StageFolder(tmp_path / "other", [{"depth": 0}])


@pytest.mark.parametrize(
    ("epochs", "starts", "holder"),
    [(0, [0], 0), (1, [0], 0), (3, [0], 0), (3, [0, 3], 0), (4, [0, 3], 1), (5, [0, 3, 5], 1), (6, [0, 3, 5, 6], 2)],
)
def test_the_state_belongs_to_the_last_stage_that_trained(epochs, starts, holder):
    folder = StageFolder(None, [{}] * 3)
    folder.epochs, folder.starts = epochs, starts
    assert folder.holder == holder
