import json
import os
import re
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.layers.hub_models import save_module, save_text
from tlkeras import cli
from tlkeras.layers import HubLayer

TLKERAS = [sys.executable, "-c", "import sys; sys.argv[0] = 'tlkeras'; from tlkeras.cli import main; sys.exit(main())"]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two recipes: one that prints and exits with its flag, one that waits for Ctrl-C."""
    (tmp_path / "recipes" / "common").mkdir(parents=True)
    (tmp_path / "recipes" / "__init__.py").touch()
    (tmp_path / "recipes" / "digits.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(int(sys.argv[-1]))\n")
    (tmp_path / "recipes" / "waits.py").write_text(
        "import sys, time\n"
        "try:\n    print('started', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        "    time.sleep(1)\n    print('saved', flush=True)\n    sys.exit(7)\n"
    )
    monkeypatch.setattr(cli, "CHECKOUT", tmp_path)
    return tmp_path


HELP = (["--help"], ["--version"], ["run", "--help"], ["export", "--help"], ["rank", "--help"])
PACKAGES = "import atexit, sys; atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}))\n"


def packages(code, *flags):
    """Returns what a Python that ran `code` printed, and the names outside the standard library that it imported."""
    done = subprocess.run([sys.executable, "-c", PACKAGES + code, *flags], capture_output=True, text=True, check=True)
    *printed, imported = done.stdout.splitlines()
    return printed, set(imported.split()) - set(sys.stdlib_module_names)


@pytest.fixture(scope="module")
def bare():
    """What Python itself imports here; an editable installation has its own finder, for one."""
    return packages("pass")[1]


@pytest.mark.parametrize("flags", HELP)
def test_help_imports_the_standard_library_alone(flags, bare):
    printed, imported = packages(TLKERAS[2], *flags)
    assert "tlkeras" in printed[0]
    assert imported <= bare | {"tlkeras"}


def test_run_passes_flags_and_the_exit_code(checkout, capfd):
    assert cli.main(["run", "digits", "--smoke", "--seed", "3"]) == 3
    assert capfd.readouterr().out == "['--smoke', '--seed', '3']\n"
    assert cli.main(["run", "digits", "--help", "0"]) == 0
    assert capfd.readouterr().out == "['--help', '0']\n"


def test_run_of_an_unknown_recipe_lists_the_known(checkout, capsys):
    assert cli.main(["run", "digit"]) == 2
    assert capsys.readouterr().err == "tlkeras: no such recipe. Known: digits, waits. Received: 'digit'\n"
    assert cli.main(["run", "../recipes/digits"]) == 2


def test_run_outside_a_checkout_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "CHECKOUT", tmp_path)
    assert cli.main(["run", "digits"]) == 2
    assert "clone the repository" in capsys.readouterr().err


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGINT, (7, "saved\n")), (signal.SIGTERM, (143, ""))])
def test_signals_reach_the_recipe_and_the_command_waits_for_it(checkout, sent, expected):
    elsewhere = f"import tlkeras.cli, pathlib; tlkeras.cli.CHECKOUT = pathlib.Path({str(checkout)!r}); sys.exit"
    code = TLKERAS[2].replace("sys.exit", elsewhere)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "run", "waits"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "started\n"
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # as a terminal does: the whole foreground group
    else:
        process.send_signal(sent)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == expected


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved model, trained for a few steps, and a file of samples."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    images = rng.uniform(0, 255, (3, 8, 8, 1))[labels] + rng.normal(0, 20, (200, 8, 8, 1))
    images = np.clip(images, 0, 255).astype("float32")
    inputs = keras.Input((8, 8, 1))
    logits = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, logits)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, epochs=5, verbose=0)
    folder = tmp_path_factory.mktemp("saved")
    model.save(folder / "m.keras")
    np.save(folder / "x.npy", images)
    return folder


def test_export_writes_verified_files_and_a_table(saved, tmp_path, capsys):
    command = ["export", str(saved / "m.keras"), "--out", str(tmp_path), "--quantize", "none,int8"]
    assert cli.main([*command, "--samples", str(saved / "x.npy")]) == 0
    files = ["export.json", "model_float32.tflite", "model_int8.tflite", "saved_model"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    content = json.loads((tmp_path / "export.json").read_text())
    rows = content["files"]
    assert content["samples"] == str(saved / "x.npy")
    assert [os.path.basename(row["path"]) for row in rows] == ["saved_model", *files[1:3]]
    assert rows[1]["agreement"] == 1.0 and rows[2]["agreement"] >= 0.98
    assert rows[2]["samples"] == 100 and rows[2]["verified_on"] == "every second sample"
    printed = capsys.readouterr().out
    assert "agreement" in printed and "model_int8.tflite" in printed


def test_export_without_samples_says_what_it_was_verified_on(saved, tmp_path):
    assert cli.main(["export", str(saved / "m.keras"), "--out", str(tmp_path), "--format", "litert"]) == 0
    (row,) = json.loads((tmp_path / "export.json").read_text())["files"]
    assert row["verified_on"] == "random inputs" and row["max_abs_diff"] <= 1e-3


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        ("none.keras", [], r"MODEL must be a \.keras file\. Received: .*none\.keras"),
        ("x.npy", [], "tlkeras: "),
        ("m.keras", ["--quantize", "int8"], "pass --samples"),
        ("m.keras", ["--samples", "m.keras"], "--samples must be one array .* written by numpy.save"),
        ("m.keras", ["--samples", "none.npy"], "--samples cannot be read"),
        ("m.keras", ["--samples", "small.npy", "--quantize", "int8"], "--samples must be in .*; pass --value-range"),
    ],
)
def test_export_refuses_bad_input_in_one_line(saved, tmp_path, capsys, monkeypatch, model, flags, message):
    monkeypatch.chdir(saved)
    np.save("small.npy", np.full((10, 8, 8, 1), 0.5))
    (tmp_path / "export.json").write_text("{}")
    assert cli.main(["export", model, "--out", str(tmp_path), "--format", "litert", *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("tlkeras: ") and captured.out == ""
    assert re.search(message, captured.err)


def test_unknown_formats_are_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["export", "m.keras", "--out", "o", "--format", "litert,coreml"])
    assert stopped.value.code == 2
    assert "choose from savedmodel,litert. Received: coreml" in capsys.readouterr().err


def test_a_text_model_exports_for_serving_and_not_for_a_device(tmp_path, capsys):
    words = save_text(tmp_path / "text", tmp_path / "v.txt")
    keras.Sequential([keras.Input((), dtype="string"), HubLayer(words)]).save(tmp_path / "text.keras")
    to = ["export", str(tmp_path / "text.keras"), "--out", str(tmp_path / "out")]
    assert cli.main([*to, "--format", "savedmodel"]) == 0
    assert (tmp_path / "out" / "saved_model" / "saved_model.pb").exists()
    assert cli.main([*to, "--format", "litert"]) == 2
    assert "tlkeras: MODEL must take numbers: LiteRT builtins cannot read text" in capsys.readouterr().err


@pytest.mark.parametrize(("value_range", "scale"), [("none", (-9, 9)), ("0,1", (0, 1)), ("-1,1", (-1, 1))])
def test_inputs_in_another_range(tmp_path, capsys, value_range, scale):
    keras.utils.set_random_seed(0)
    keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)]).save(tmp_path / "f.keras")
    np.save(tmp_path / "f.npy", np.random.default_rng(0).uniform(*scale, (200, 6)).astype("float32"))
    to = ["export", str(tmp_path / "f.keras"), "--out", str(tmp_path / "out"), "--format", "litert"]
    given = [*to, "--samples", str(tmp_path / "f.npy"), "--quantize", "none,int8"]
    assert cli.main(given) == 2
    assert "pass --value-range if it takes another" in capsys.readouterr().err
    assert cli.main([*given, f"--value-range={value_range}"]) == 0
    assert cli.main([*to, f"--value-range={value_range}"]) == 0


@pytest.mark.parametrize("value_range", ["1,0", "0", "a,b", "0,1,2", "nan,1"])
def test_a_value_range_that_is_none_is_refused(capsys, value_range):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["export", "m.keras", "--out", "o", f"--value-range={value_range}"])
    assert stopped.value.code == 2
    assert f"two rising numbers such as 0,1, or none. Received: {value_range}" in capsys.readouterr().err


def test_operations_on_the_host_need_the_flag(tmp_path, capsys):
    def body(x, weight):
        tf.print(x)
        return x * weight

    layer = HubLayer(save_module(tmp_path / "hub", body), allow_host_ops=True)
    keras.Sequential([keras.Input((2,)), layer]).save(tmp_path / "m.keras")
    to = ["export", str(tmp_path / "m.keras"), "--out", str(tmp_path / "out"), "--format", "savedmodel"]
    assert cli.main(to) == 2
    assert "if you trust them, pass --allow-host-ops. Received" in capsys.readouterr().err
    assert cli.main([*to, "--allow-host-ops"]) == 0


@pytest.fixture
def photos(tmp_path):
    """Two classes of 6 images each, told apart by their strokes, and a classifier of three other classes."""
    random = np.random.default_rng(0)
    for index, name in enumerate(("across", "down")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            pixels = random.integers(0, 60, (16, 16), "uint8")
            pixels[(slice(6, 9), slice(None))[:: 1 - 2 * index]] = 240
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    features = keras.layers.Flatten(name="features")(image)
    keras.Model(image, keras.layers.Dense(3, name="logits")(features)).save(tmp_path / "classifier.keras")
    return tmp_path


def test_rank_prints_a_table_best_first_and_writes_it(photos, capsys):
    glyphs, classifier = os.path.join(cli.CHECKOUT, "saved_models", "glyphs"), str(photos / "classifier.keras")
    out = photos / "deep" / "scores.json"
    flags = ["--backbone", glyphs, "--backbone", classifier, "--out", str(out), "--cache", str(photos / "cache")]
    assert cli.main(["rank", "--data", str(photos / "photos"), *flags]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["backbone", "logme", "h", "score", "leep", "nce", "features"]
    content = json.loads(out.read_text())
    rows = {row["backbone"]: row for row in content["backbones"]}
    assert [line.split()[0] for line in printed[1:3]] == list(rows)
    assert list(rows) == sorted(rows, key=lambda name: -rows[name]["logme"])
    assert rows[glyphs]["leep"] is None and rows[classifier]["leep"] < 0 and rows[classifier]["features"] == 192
    assert content["counts"] == {"across": 6, "down": 6} and content["metric"] == "logme"
    assert "best logme first" in printed[-1] and list((photos / "cache").iterdir())
    assert cli.main(["rank", "--data", str(photos / "photos"), *flags[:4], "--metric", "nce"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == classifier


def test_rank_speaks_of_flags_in_errors(photos, capsys):
    glyphs = os.path.join(cli.CHECKOUT, "saved_models", "glyphs")

    def failed(*flags):
        assert cli.main(["rank", *map(str, flags)]) == 2
        return capsys.readouterr().err

    data = ["--data", photos / "photos"]
    assert "--data must be a folder" in failed("--data", photos / "nowhere", "--backbone", glyphs)
    assert "--out must be the name of a file" in failed(*data, "--backbone", glyphs, "--out", photos)
    assert "no_such_folder" in failed(*data, "--backbone", "no_such_folder")
    assert "no_such.keras" in failed(*data, "--backbone", "no_such.keras")
    assert "one at least that --metric can score" in failed(*data, "--backbone", glyphs, "--metric", "leep")
    (photos / "photos" / "down" / "5.png").write_bytes(b"")
    message = failed(*data, "--backbone", glyphs)
    assert "down/5.png: the file is empty" in message and "pass --skip-unreadable to go on" in message
    assert cli.main(["rank", *map(str, data), "--backbone", glyphs, "--skip-unreadable"]) == 0
    assert "skipped 1 unreadable" in capsys.readouterr().out
