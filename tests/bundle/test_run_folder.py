import json

import pytest

from tlkeras.bundle.run_folder import model_file, read_run


def test_a_run_gives_its_model_and_what_was_written_of_it(tmp_path):
    (tmp_path / "model.keras").touch()
    (tmp_path / "metrics.json").write_text(json.dumps({"class_names": ["a", "b"], "seed": 1}))
    (tmp_path / "config.json").write_text(json.dumps({"flags": {"smoke": True}}))
    assert model_file(tmp_path) == model_file(tmp_path / "model.keras") == tmp_path / "model.keras"
    about = read_run(tmp_path)
    assert about.class_names == ["a", "b"] and about.metrics["seed"] == 1 and about.config == {"flags": {"smoke": True}}


def test_of_several_seeds_one_is_to_be_named(tmp_path):
    (tmp_path / "config.json").write_text('{"flags": {}, "seeds": [0, 1]}')
    for seed in (1, 0):
        (tmp_path / f"seed_{seed}").mkdir()
        (tmp_path / f"seed_{seed}" / "model.keras").touch()
    with pytest.raises(ValueError, match=rf"one model a seed: {tmp_path}/seed_0, {tmp_path}/seed_1"):
        model_file(tmp_path)
    assert read_run(tmp_path / "seed_1").config["seeds"] == [0, 1]


def test_a_lone_file_tells_nothing_and_a_missing_one_is_named(tmp_path):
    assert read_run(tmp_path / "model.keras").metrics == {} and read_run(tmp_path / "m.keras").class_names is None
    with pytest.raises(ValueError, match="`model` must be a .keras file or the folder of a run.*Received: .*none$"):
        model_file(tmp_path / "none")


@pytest.mark.parametrize(("text", "found"), [("{", "Received: Expecting"), ("[]", "Received: list")])
def test_a_broken_file_of_a_run_is_named(tmp_path, text, found):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=rf"metrics.json must be.*{found}"):
        read_run(tmp_path)
