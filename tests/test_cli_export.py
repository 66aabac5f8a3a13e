"""Bad input to `tlkeras export`: one line that says what is wrong, before a conversion, and nothing is lost."""

import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from tlkeras import cli

L = keras.layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models and samples, most of them unfit."""
    folder = tmp_path_factory.mktemp("bad")
    keras.utils.set_random_seed(0)
    image, ints, text = keras.Input((8, 8, 1)), keras.Input((1,), dtype="int64"), keras.Input((), dtype="string")
    flat = L.Flatten()(image)
    models = {
        "good": keras.Model(image, L.Dense(3)(flat)),
        "binary": keras.Model(image, L.Dense(1, "sigmoid", name="chance")(flat)),
        "map": keras.Model(image, L.Conv2D(3, 3, name="last")(image)),
        "two": keras.Model(image, [L.Dense(3)(flat), L.Dense(2)(flat)]),
        "open": keras.Sequential([keras.Input((None, None, 1)), L.GlobalAveragePooling2D(), L.Dense(3)]),
        "lookup": keras.Model(ints, L.Dense(2)(L.Flatten()(L.Embedding(9, 2)(L.IntegerLookup(vocabulary=[1])(ints))))),
        "text": keras.Model(text, L.Dense(2)(L.Embedding(9, 2)(L.Hashing(9)(text)))),
        "nan": keras.Model(image, L.Dense(3, kernel_initializer=keras.initializers.Constant(np.nan))(flat)),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    with pytest.warns(UserWarning, match="has not yet been built"):
        keras.Sequential([L.Dense(3)]).save(folder / "unbuilt.keras")
    (folder / "cut.keras").write_bytes((folder / "good.keras").read_bytes()[:2000])
    samples = np.random.default_rng(0).uniform(0, 255, (20, 8, 8, 1)).astype("float32")
    arrays = {"x": samples, "wide": samples[:, :7], "bright": 2 * samples, "one": samples[:1], "nan": samples * np.nan}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def refused(capsys, model, out, flags=""):
    """The one line of an export that was refused."""
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} if out.is_dir() else {}
    assert cli.main(["export", model, "--out", str(out), *flags.split()]) == 2
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} if out.is_dir() else {}
    captured = capsys.readouterr()
    assert before == after and captured.out == ""
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        ("cut", "", r"MODEL must be a complete .keras file. Received: cut.keras, 2000 bytes"),
        ("unbuilt", "", "MODEL must be a functional or built Sequential model"),
        ("unbuilt", "--format savedmodel", "MODEL must be built.*Received: 'sequential"),
        ("two", "--format litert", r"one input and one output.*outputs=\[\('.*', \(None, 3\)\)"),
        ("open", "", r"MODEL must have a fixed input shape.*\(None, None, None, 1\)"),
        ("text", "--format onnx", "--samples must be given, texts .* 'hashing"),
        ("text", "--samples x.npy", r"--samples must be texts, at least two.*shape=\(20, 8, 8, 1\)"),
        ("lookup", "--format litert --value-range 0,1", "LookupTableFindV2 in layer 'integer_lookup'"),
        ("lookup", "--format onnx --value-range 0,1", "LookupTableFindV2 in layer .* Received: model.onnx"),
        ("lookup", "--format litert --value-range none", "--samples must be given for integer inputs"),
        ("nan", "", "MODEL must give finite answers. Received: no finite number"),
        ("binary", "--quantize none,float16", "MODEL must have at least two classes .*Received: outputs of shape"),
        ("map", "--format savedmodel,trainable", "must end in a Dense .*Received: .* Conv2D 'last'"),
        ("binary", "--format trainable", "Received: .* Dense 'chance' with activation 'sigmoid'"),
        ("good", "--samples none.npy", "--samples cannot be read .*Received: none.npy"),
        ("good", "--samples x.npy --labels none.npy", "--labels cannot be read .*Received: none.npy"),
        ("good", "--samples wide.npy", r"--samples must have the shape .* Received: shape=\(20, 7, 8, 1\)"),
        ("good", "--samples bright.npy", "--samples must be in the model's own range .* maximum 5"),
        ("good", "--samples one.npy", "--samples must be one array of at least two samples"),
        ("good", "--samples nan.npy", "--samples must be finite"),
        ("good", "--quantize int8", "int8 needs representative inputs: pass --samples"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, tmp_path, capsys, monkeypatch, model, flags, message):
    monkeypatch.chdir(folder)
    if "Lookup" not in message:  # which operations are missing is known by the converter alone
        monkeypatch.setattr(keras.Model, "export", lambda *_, **__: pytest.fail("converted"))
    (tmp_path / "export.json").write_text("{}")
    assert re.search(message, refused(capsys, f"{model}.keras", tmp_path, flags))


def test_a_place_that_is_taken(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tlkeras.load", lambda *_, **__: pytest.fail("loaded"))
    (tmp_path / "file").write_text("mine")
    (tmp_path / "a" / "saved_model").mkdir(parents=True)
    (tmp_path / "a" / "saved_model" / "photo.jpg").write_text("mine")
    (tmp_path / "b" / "model_float32.tflite").mkdir(parents=True)
    for name, message in (
        ("file", "--out must be a directory. Received: .*file"),
        ("file/below", "--out must be one that can be written to. Received: .*file/below"),
        ("a", "--out must be new, empty, or hold an older saved_model.pb .*a/saved_model"),
        ("b", "must be the name of a file, and this is a directory. Received: .*b/model_float32.tflite"),
    ):
        assert re.search(message, refused(capsys, str(folder / "good.keras"), tmp_path / name))


def test_a_directory_that_may_not_be_written_to(folder, tmp_path):
    to = ["export", str(folder / "good.keras"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", "import sys; from tlkeras.cli import main; sys.exit(main(sys.argv[1:]))", *to]
    if os.geteuid() == 0:  # whom no permission stops, unless the capability is given up
        if not shutil.which("setpriv"):
            pytest.skip("root, and no setpriv: nothing is read-only")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "export.json").write_text("{}")
    (tmp_path / "out").chmod(0o555)
    done = subprocess.run(command, capture_output=True, text=True)
    (tmp_path / "out").chmod(0o755)
    assert done.returncode == 2
    message = "tlkeras: --out must be one that can be written to. Received: .*Permission"
    assert re.match(message, done.stderr.splitlines()[-1])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["export.json"]


def test_an_untrained_and_uncompiled_model_is_exported(folder, tmp_path):
    assert cli.main(["export", str(folder / "good.keras"), "--out", str(tmp_path), "--format", "litert"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.json", "model_float32.tflite"]
