import json
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest

from tlkeras import backbones, cli, export, surgery
from tlkeras.data import table
from tlkeras.export import encode_table
from tlkeras.export.column_encoding import read_inputs, rows_of

RANDOM = np.random.default_rng(0)


def columns(rows):
    """Numbers of very different size, names and codes, some of all missing."""
    age, weight = RANDOM.normal(50, 20, rows), RANDOM.normal(0.01, 0.002, rows)
    age[::7] = np.nan
    job = RANDOM.choice(["cook", "ärztin", ""], rows)
    return {"job": job.tolist(), "age": age, "weight (t)": weight, "code": RANDOM.choice([-1.0, 7.0, np.nan], rows)}


@pytest.fixture(scope="module")
def mixed():
    source = table(columns(60), types={"code": "integer"})
    keras.utils.set_random_seed(0)
    return surgery.classifier(backbones.from_table(source), 3, bottleneck=8), source


@pytest.fixture(scope="module")
def written(mixed, tmp_path_factory):
    model, source = mixed
    folder = tmp_path_factory.mktemp("table")
    target = table({**columns(80), "job": ["smith", "cook", "", "ärztin"] * 20}, like=source)
    rows = export.export_table_files(model, folder, quantizations=("none", "int8"), samples=target.inputs())
    return folder, rows, target


def test_the_reference_encoder_gives_the_numbers_of_the_model(mixed, written):
    folder, _, target = written
    encoding = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
    encoder = runpy.run_path(str(folder / "encode_table.py"))["encode"]
    found = np.array([encoder(row, encoding) for row in rows_of(target.inputs())])
    below, _ = surgery.split(mixed[0], "encoded")
    np.testing.assert_allclose(found, below.predict(target.inputs(), verbose=0), atol=1e-5)
    assert found.shape[1] == encoding["width"] == 11 and (found[::4, 7:10] == 0).all(), "a new category is all zeros"


def test_the_encoder_needs_python_alone(written):
    folder, *_ = written
    code = "import json, sys, encode_table; assert 'numpy' not in sys.modules and 'tlkeras' not in sys.modules;" \
           "print(encode_table.encode({'age': None}, json.load(open('encoding.json', encoding='utf-8'))))"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=folder,
                          check=True, capture_output=True, text=True)  # fmt: skip
    assert len(json.loads(done.stdout)) == 11


def test_every_file_is_run(written):
    folder, rows, _ = written
    assert {row["path"].removeprefix(f"{folder}/"): row.get("begins_at") for row in rows} == {
        "model_float32.tflite": "encoded", "model_int8.tflite": "encoded", "saved_model": None,
    }  # fmt: skip
    assert [row["agreement"] for row in rows if "int8" not in row["path"]] == [1.0, 1.0]
    assert min(row["agreement"] for row in rows) >= 0.95


def test_a_table_of_numbers_goes_in_whole_with_what_is_missing(tmp_path):
    numbers = {name: column for name, column in columns(60).items() if name in ("age", "weight (t)")}
    source = table(numbers)
    keras.utils.set_random_seed(0)
    model = surgery.classifier(backbones.from_table(source), 3)
    rows = export.export_table_files(model, tmp_path, formats=("litert",), samples=source.inputs())
    assert [row["path"] for row in rows] == [f"{tmp_path}/model_float32.tflite", f"{tmp_path}/model_columns.tflite"]
    matrix = np.stack([source.columns["age"], source.columns["weight_t"]], axis=1)
    assert np.isnan(matrix).any()
    found = export.run_litert(tmp_path / "model_columns.tflite", matrix)
    np.testing.assert_allclose(found, model.predict(source.inputs(), verbose=0), atol=1e-5)


def test_without_samples_rows_are_drawn_from_the_statistics(mixed, tmp_path):
    rows = export.export_table_files(mixed[0], tmp_path)
    assert {row["verified_on"] for row in rows} == {"random inputs"} and len(rows) == 2


def test_an_encoder_that_differs_is_told(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(encode_table, "encode", lambda row, encoding: [0.0] * 11)
    with pytest.raises(export.ExportMismatch, match="encode_table.py must give the model's own vectors"):
        export.export_table_files(mixed[0], tmp_path)
    assert not any(tmp_path.iterdir())


def test_another_model_is_refused(tmp_path):
    inputs = keras.Input((3,))
    for name in ("logits", "encoded"):
        model = keras.Model(inputs, keras.layers.Dense(2, name=name)(inputs))
        assert export.table_encoding(model) is None
        with pytest.raises(ValueError, match="must be on a backbone of `from_table`"):
            export.export_table_files(model, tmp_path)


def test_a_file_is_read_as_the_model_takes_it(mixed, tmp_path):
    model, _ = mixed
    encoding = export.table_encoding(model)
    path = tmp_path / "a.csv"
    path.write_text("code,job,weight (t),age,ill\n7,cook,0.01,,1\n,smith,0.02,40,0\n", encoding="utf-8")
    assert rows_of(read_inputs(path, encoding)) == [
        {"age": None, "code": 7, "job": "cook", "weight_t": pytest.approx(0.01)},
        {"age": 40.0, "code": None, "job": "smith", "weight_t": pytest.approx(0.02)},
    ]
    path.write_text("job,weight (t),age\ncook,0.01,\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"there are \['job', 'weight_t', 'age'\]. Received: \['code'\]"):
        read_inputs(path, encoding)
    path.write_text("job,weight (t),age,code\ncook,0.01,old,7\n", encoding="utf-8")
    with pytest.raises(ValueError, match="`age` must be numbers. Received: 'old' in line 2"):
        read_inputs(path, encoding)


@pytest.mark.slow
def test_the_command_writes_them_from_a_file(mixed, tmp_path, capsys):
    model, source = mixed
    model.save(tmp_path / "model.keras")
    path = tmp_path / "target.csv"
    rows = [f"{job};{age};0.01;7" for age in (20, "", 40) for job in ("cook", "smith") * 10]
    path.write_text("\n".join(["job;age;weight (t);code", *rows]), encoding="utf-8")
    flags = ["export", str(tmp_path / "model.keras"), "--out", str(tmp_path / "out")]
    assert cli.main([*flags, "--samples", str(path), "--quantize", "none,int8"]) == 0
    record = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert [row.get("begins_at") for row in record["files"]] == ["encoded", "encoded", None]
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "Only the SavedModel takes columns: the other files take the output of the layer 'encoded'; " \
                   "encode_table.py makes it of a row."
    np.save(tmp_path / "x.npy", np.zeros((4, 11)))
    for given, message in (("x.npy", "must be a csv file for a model on a table"), ("target.cs", "there is nothing")):
        assert cli.main([*flags, "--samples", str(tmp_path / given)]) == 2
        assert message in capsys.readouterr().err
    path.write_text("job,age\ncook,3\n", encoding="utf-8")
    assert cli.main([*flags, "--samples", str(path)]) == 2
    assert "--samples must have the model's columns" in capsys.readouterr().err
