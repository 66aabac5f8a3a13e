import csv
import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from recipes import tabular_shift
from recipes.common import class_shares, compare_report
from recipes.common.harness import run_recipe
from recipes.common.table_flags import Flags
from recipes.common.table_groups import load_groups
from recipes.common.table_task import TableTask
from tlkeras import methods
from tlkeras.data import table

FAST = ("--steps", 40, "--epochs", 2, "--batch-size", 16)


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tabular_shift.py", *map(str, arguments)])
        return run_recipe("tabular_shift", "Tables.", tabular_shift.Flags, tabular_shift.run,
                          compare_report.summarize)  # fmt: skip

    return call


def write(path, rows, seed, outcome=True):
    """A table of numbers, names and codes, some missing; the outcome is age above 50, or a baker."""
    draw = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "age", "job", "site", *(["outcome"] if outcome else [])])
        for index in range(rows):
            age, job = draw.normal(50, 15), draw.choice(["cook", "baker", ""] + ["smith"] * seed)
            told = "" if draw.random() < 0.1 else f"{age:.1f}"
            label = ["yes"] if age > 50 or job == "baker" else ["no"]
            writer.writerow([f"p{index}", told, job, draw.integers(3), *(label if outcome else [])])
    return path


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "a.csv", 150, 0), write(tmp_path / "b.csv", 90, 1)


@pytest.mark.slow
def test_two_files_of_every_kind_of_column(recipe, files, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe("--source", files[0], "--target", files[1], "--label", "outcome", "--ignore", "id", "--types",
                       "site:integer", "--prior", "mlls", *FAST, "--out", out)  # fmt: skip
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert (metrics["n_source"], metrics["n_target"], metrics["class_names"]) == (120, 90, ["no", "yes"])
    assert metrics["columns"] == {"age": "float", "job": "string", "site": "integer"}
    assert any("smith" in note for note in metrics["notes"])
    assert list(metrics["rows"]) == ["source only", "domain_weights"]
    assert metrics["source_only"]["target_accuracy_last"] > 0.8
    assert 0 < metrics["weights"]["effective_rows"] <= 120
    for file in (*metrics["exports"], metrics["export"]):
        assert pathlib.Path(file["path"]).stat().st_size == file["bytes"] and file["agreement"] > 0.9
    assert (out / "encoding.json").is_file() and (out / "encode_table.py").is_file()
    source = table(files[0], label="outcome", ignore=["id"], types={"site": "integer"})
    target = table(files[1], like=source)
    model = keras.models.load_model(out / "model.keras")
    assert model.layers[-1].name == "prior_correction"
    shipped = np.mean(model.predict(target.inputs(), verbose=0).argmax(axis=1) == target.labels)
    if metrics["ships"] == "source only":
        assert shipped == metrics["class_shares"]["mlls"]["target_accuracy"]
    page = (out / "report.html").read_text()
    assert "Class shares of the target" in page and "Is the adapted model to be trusted?" in page


@pytest.mark.slow
def test_a_target_without_labels_is_not_scored(recipe, files, tmp_path):
    target = write(tmp_path / "c.csv", 60, 2, outcome=False)
    [metrics] = recipe("--source", files[0], "--target", target, "--label", "outcome", "--ignore", "id", "--smoke",
                       "--out", tmp_path / "run")  # fmt: skip
    assert "target_accuracy_last" not in metrics["adapted"] and "target" not in metrics["class_shares"]


def test_a_table_is_divided_by_a_column_or_by_the_classes():
    source, target = load_groups(Flags(strength=2.0), seed=0)
    texture = source.columns["mean_texture"].mean(), target.columns["mean_texture"].mean()
    assert len(source) + len(target) == 569 and texture[1] > texture[0] + 2
    again = load_groups(Flags(strength=2.0), seed=0)[1]
    assert np.array_equal(again.labels, target.labels) and len(load_groups(Flags(), seed=1)[1]) != len(target)
    source, target = load_groups(Flags(shift="label", strength=2.0), seed=0)
    odds = [found.labels.mean() / (1 - found.labels.mean()) for found in (source, target)]
    assert source.class_names == ("benign", "malignant") and len(source) == 284
    assert np.log(odds[1] / odds[0]) == pytest.approx(2.0, abs=0.3)
    fewer = load_groups(Flags(shift="label", strength=-2.0), seed=0)[1]
    assert fewer.labels.mean() < 0.15 and set(map(tuple, fewer.inputs()["mean_area"].tolist()))


def test_weights_are_judged_by_the_columns_and_nothing_else_tells_the_domains():
    flags = Flags(weight=3.0)
    way = flags.way(["domain_weights"])
    [term] = way.terms()
    assert (term.tap, term.weight, way.domain_norms, way.bottleneck) == ("features", 3.0, False, 0)
    [term] = Flags(method="mcc", bottleneck=8).way(["mcc"]).terms()
    assert isinstance(term, methods.MCC)


def test_held_out_rows_are_not_trained_on():
    source, target = load_groups(Flags(), seed=0)
    task = TableTask(source, target)
    rows = [set(map(tuple, np.stack([*found.columns.values()], axis=1).tolist())) for found in (task.source, task.held)]
    assert not rows[0] & rows[1] and len(task.source) + len(task.held) == len(source)
    assert len(task.held) == round(0.2 * len(source)) or abs(len(task.held) - 0.2 * len(source)) < 2


def test_numbers_to_predict_have_no_class_shares():
    source, target = load_groups(Flags(source="diabetes"), seed=0)
    task = TableTask(source, target)
    assert source.labels.dtype == np.float32 and target.columns["age"].mean() > source.columns["age"].mean() + 5
    assert (task.problem.measure, task.names, task.held) == ("mean_absolute_error", ("label",), None)
    flags = Flags(source="diabetes")
    values = task.whole(flags, flags.way(["domain_weights"])).predict(target.inputs(), verbose=0)
    assert abs(values.mean() - source.labels.mean()) < 2 * source.labels.std(), "in the units of the labels"
    with pytest.raises(ValueError, match="`--shift label` must be of classes. Received: --source diabetes"):
        load_groups(Flags(source="diabetes", shift="label"), seed=0)
    with pytest.raises(ValueError, match="`--prior` must be of classes. Received: --prior mlls"):
        load_groups(Flags(source="diabetes", prior="mlls"), seed=0)


def test_class_shares_are_found_and_a_classifier_that_says_one_thing_is_told():
    inputs = keras.Input((1,), name="encoded")
    line = keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant([[-1.0, 1.0]]), name="logits")(inputs)
    part = keras.Model(inputs, line)
    draw = np.random.default_rng(0)
    labels = [draw.random(n) < share for n, share in ((2000, 0.5), (2000, 0.5), (4000, 0.1))]
    rows = [(2.0 * label - 1 + draw.normal(size=len(label)))[:, None].astype("float32") for label in labels]
    source, held, target = (label.astype(int) for label in labels)
    found = class_shares.class_shares(part, source, (rows[1], held), (rows[2], target), ("no", "yes"))
    for name in ("bbse", "mlls"):
        assert found[name]["shares"]["yes"] == pytest.approx(0.1, abs=0.03)
        assert found[name]["target_accuracy"] > found["source"]["target_accuracy"] + 0.03
    corrected = class_shares.corrected(part, found, "mlls", ("no", "yes"))
    accuracy = np.mean(corrected.predict(rows[2], verbose=0).argmax(axis=1) == target)
    assert accuracy == pytest.approx(found["mlls"]["target_accuracy"])
    one = keras.Model(inputs, keras.layers.Dense(2, "linear", bias_initializer=keras.initializers.Constant([9.0, 0]))(
        keras.layers.Rescaling(0.0)(inputs)))  # fmt: skip
    found = class_shares.class_shares(one, source, (rows[1], held), (rows[2], None), ("no", "yes"))
    assert "must be invertible" in found["bbse"]["failed"] and "bbse: " in class_shares.table(found).caption
    assert class_shares.corrected(one, found, "bbse", ("no", "yes")) is one


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ({"source": "absent.csv"}, "`--source` must be a csv file, or one of breast_cancer, diabetes"),
        ({"target": __file__}, "divided in two, without `--target`"),
        ({"label": "y"}, "must name the labels of a csv file, and of no other"),
        ({"source": __file__}, "must name the labels"),
        ({"shift": "other"}, "must be one of covariate, label"),
        ({"prior": "em"}, "must be one of none, bbse, mlls"),
        ({"types": "age"}, "must be NAME:KIND"),
        ({"method": "none"}, "must be some of"),
        ({"method": "mcc"}, "`--bottleneck` must be above 0 where features are aligned"),
    ],
)
def test_flags_are_checked_before_a_table_is_read(flags, rule):
    with pytest.raises(ValueError, match=rule):
        Flags(**flags)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("age,job,outcome", "9,cook,maybe", "must be of the classes no, yes. Received: 'maybe' in line 2"),
        ("age,outcome", "9,no", r"must have the columns of the first; there are \['age', 'outcome'\]"),
        ("age,job", "old,cook", "`age` must be numbers. Received: 'old' in line 2"),
    ],
)
def test_a_bad_file_is_one_line(recipe, files, tmp_path, header, row, message):
    bad = tmp_path / "bad.csv"
    bad.write_text(f"{header}\n{row}\n", encoding="utf-8")
    given = ("--source", files[0], "--target", bad, "--label", "outcome", "--ignore", "id,site")
    with pytest.raises(SystemExit, match=message):
        recipe(*given, "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_column_or_a_strength_that_does_not_divide(recipe, tmp_path):
    with pytest.raises(SystemExit, match="`--by` must be a column of numbers, one of mean radius, .* --by 'size'"):
        recipe("--by", "size", "--out", tmp_path / "r")
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{x},{'yes' if x > 20 else 'no'}\n" for x in range(40)), encoding="utf-8")
    with pytest.raises(SystemExit, match="`--strength` must leave the source rows of every class"):
        recipe("--source", path, "--label", "y", "--by", "x", "--strength", 1000, "--out", tmp_path / "r")


def test_a_search_of_values_is_told_which_objectives_score_them(tmp_path):
    flags = Flags(source="diabetes", steps=4, epochs=2)
    with pytest.raises(ValueError, match="`objective` must be one of source_r2, importance_weighted_r2, .*Received"):
        tabular_shift.trials(flags, tmp_path, tabular_shift.OBJECTIVES[0])
    assert "importance_weighted_r2" in tabular_shift.OBJECTIVES
    assert tabular_shift.trials(flags, tmp_path, "importance_weighted_r2")(flags, 0)["score"] < 1
