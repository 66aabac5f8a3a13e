import json
import os
import re
import shutil
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


COMMANDS = ("run", "export", "bundle", "verify", "bench", "rank", "tune")
HELP = (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS))
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
    np.save(folder / "y.npy", labels)
    return folder


def test_export_writes_verified_files_and_a_table(saved, tmp_path, capsys):
    command = ["export", str(saved / "m.keras"), "--out", str(tmp_path), "--quantize", "none,float16,dynamic,int8"]
    assert cli.main([*command, "--samples", str(saved / "x.npy")]) == 0
    files = [f"model_{kind}.tflite" for kind in ("float32", "float16", "dynamic", "int8")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["export.json", "saved_model", *files])
    content = json.loads((tmp_path / "export.json").read_text())
    rows = content["files"]
    assert content["samples"] == str(saved / "x.npy")
    assert [os.path.basename(row["path"]) for row in rows] == ["saved_model", *files]
    assert rows[1]["agreement"] == 1.0 and min(row["agreement"] for row in rows[2:]) >= 0.98
    assert rows[4]["samples"] == 100 == len(rows[4]["sample_rows"])
    assert rows[4]["verified_on"] == "samples that did not calibrate"
    printed = capsys.readouterr().out
    assert "agreement" in printed and "model_int8.tflite" in printed and "rows" not in printed


def test_export_with_labels_shows_accuracy_and_keeps_the_bound(saved, tmp_path, capsys):
    command = ["export", str(saved / "m.keras"), "--out", str(tmp_path), "--format", "litert", "--quantize", "int8"]
    command += ["--samples", str(saved / "x.npy"), "--labels", str(saved / "y.npy"), "--max-drop", "1"]
    assert cli.main(command) == 0
    (row,) = json.loads((tmp_path / "export.json").read_text())["files"]
    assert row["accuracy"] >= row["model_accuracy"] - 0.01 and "ece" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--max-drop", "-1"], ["--max-drop", "x"], ["--min-agreement", "1.5"]])
def test_bounds_that_are_none_are_refused(capsys, flags):
    with pytest.raises(SystemExit):
        cli.main(["export", "m.keras", "--out", "o", *flags])
    assert f"Received: {flags[1]}" in capsys.readouterr().err


def test_export_without_samples_says_what_it_was_verified_on(saved, tmp_path):
    assert cli.main(["export", str(saved / "m.keras"), "--out", str(tmp_path), "--format", "litert"]) == 0
    (row,) = json.loads((tmp_path / "export.json").read_text())["files"]
    assert row["verified_on"] == "random inputs" and row["max_abs_diff"] <= 1e-3


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        ("none.keras", [], r"MODEL must be a \.keras file or the folder of a run.*Received: .*none\.keras"),
        ("x.npy", [], "tlkeras: "),
        ("m.keras", ["--quantize", "int8"], "pass --samples"),
        ("m.keras", ["--samples", "m.keras"], "--samples must be one array, written by numpy.save"),
        ("m.keras", ["--samples", "none.npy"], "--samples cannot be read"),
        ("m.keras", ["--labels", "y.npy"], "--labels needs --samples"),
        ("m.keras", ["--samples", "x.npy", "--labels", "x.npy"], "--labels must be integers"),
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
    assert "choose from savedmodel,litert,onnx,c,trainable. Received: coreml" in capsys.readouterr().err


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
    given = [*to, "--samples", str(tmp_path / "f.npy"), "--quantize", "none,float16,dynamic,int8"]
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


TOY = os.path.join(cli.CHECKOUT, "tests", "tuning", "toy_recipe.py")


def test_tune_searches_a_recipe_by_file_or_by_name(checkout, tmp_path, monkeypatch, capsys):
    shutil.copy(TOY, checkout / "recipes" / "toy.py")
    given = ["--search", "rate", "--trials", "3", "--seeds", "0"]
    assert cli.main(["tune", "toy", *given, "--out", str(tmp_path / "one"), "--", "--steps", "45"]) == 0
    printed = capsys.readouterr().out
    assert "trial 0 of 3: rate=" in printed and f"Written to {tmp_path / 'one'}" in printed
    monkeypatch.chdir(tmp_path)
    assert cli.main(["tune", TOY, *given]) == 0
    assert list((tmp_path / "runs" / "tune").glob("*/leaderboard.csv"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["nowhere", "--", "--steps", "1"], r"RECIPE must be recipes/NAME.py. Known: .*digits.* Received: 'nowhere'"),
        ([TOY, "--search", "ratio"], r"--search must name some of rate, depth.*ratio cannot be searched"),
        ([TOY, "--search", "rate", "--", "--steps", "x"], r"argument --steps: invalid int value"),
        ([TOY, "--search", "rate", "--", "--rate", "1"], r"--search must leave out what has a value of its own"),
        ([TOY, "--objective", "accuracy"], r"--objective must be one of peak, other"),
        ([TOY, "--against", "bytes"], r"--against needs the tuner optuna"),
        ([TOY, "--against", "watts", "--tuner", "optuna"], r"--against must be one of bytes. Received: 'watts'"),
        ([TOY, "--trials", "0"], r"--trials and --epochs must be at least 1"),
        ([TOY, "--workers", "2", "--chief", "a:1", "--out", "{out}"], r"--workers must be at least 0, and only"),
        ([TOY, "--chief", "127.0.0.1:1", "--out", "{out}"], r"--chief must be the HOST:PORT that a search says"),
        ([TOY, "--workers", "1", "--listen", "nowhere", "--out", "{out}"], r"--listen must be HOST:PORT of this"),
        ([TOY, "--chief", "127.0.0.1:1"], r"needs? .*--out.* Received: no --out"),
        ([TOY, "--resume"], r"needs? .*--out.* Received: no --out"),
        ([TOY, "--resume", "--out", "{out}"], r"--out must hold a search to resume"),
        ([TOY, "--out", "{out}", "--", "--source", "nowhere"], r"--source must be a folder"),
        ([TOY, "--out", "{out}", "--", "--source", "bad"], r"No trial came to a score, .*30 x collapsed after epoch 3"),
        ([TOY, "--out", "{out}", "--", "--source", "full"], r"No space left on device. What ended is kept: go on with"),
        ([TOY, "--out", "{out}", "--", "--source", "stopped"], r"interrupted. .*the same command and --resume --out"),
    ],
)
def test_tune_says_in_one_line_what_does_not_fit(tmp_path, capsys, flags, message):
    out = tmp_path / "out"
    assert cli.main(["tune", *(flag.format(out=out) for flag in flags)]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("tlkeras: ") and captured.count("\n") == 1
    assert re.search(message, captured.replace("`", ""))


def test_tune_searches_by_optuna_against_a_cost(tmp_path, capsys):
    given = ["--tuner", "optuna", "--against", "bytes", "--search", "rate,depth=0|2", "--trials", "4", "--seeds", "0"]
    assert cli.main(["tune", TOY, *given, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "4 trials of an optuna search" in printed and "The best peak at each cost" in printed
    assert (tmp_path / "optuna.db").exists()


def test_tune_refuses_another_search_and_says_the_difference(tmp_path, capsys):
    command = ["tune", TOY, "--trials", "1", "--seeds", "0", "--out", str(tmp_path), "--search"]
    assert cli.main([*command, "rate"]) == 0
    assert cli.main([*command, "rate"]) == 2
    assert "--out holds a search: resume it, or name another" in capsys.readouterr().err
    assert cli.main([*command, "rate=0.1..0.2", "--resume"]) == 2
    assert "of the search space, rate was 0.0001..1.0:log and is 0.1..0.2" in capsys.readouterr().err


def test_tune_goes_on_in_a_new_process_when_this_one_has_grown(tmp_path):
    options = ["--search", "rate", "--trials", "2", "--seeds", "0", "--memory", "-100000", "--out", str(tmp_path)]
    command = [*TLKERAS, "tune", TOY, *options, "--", "--steps", "45"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("going on in a new process") == 2 and "2 trials of a random search" in done.stdout
    assert sorted(os.listdir(tmp_path / "trials")) == ["0000.json", "0001.json"]
