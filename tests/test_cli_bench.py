import json

import keras
import numpy as np
import pytest
from PIL import Image

from tlkeras import cli
from tlkeras.export import to_litert


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of an untrained classifier of two classes, one of three, and images of two classes."""
    folder = tmp_path_factory.mktemp("bench")
    keras.utils.set_random_seed(0)
    samples = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype("uint8")
    for classes in (2, 3):
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(classes)])
        to_litert(model, folder / f"{classes}.tflite")
        to_litert(model, folder / f"{classes}_int8.tflite", quantize="int8", samples=samples)
    for name in ("ants", "bees"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(samples[number]).save(folder / "photos" / name / f"{number}.png")
    (folder / "cut.tflite").write_bytes((folder / "2.tflite").read_bytes()[:300])
    return folder


def test_two_tables_and_the_files_of_a_folder(folder, tmp_path, capsys):
    given = [str(folder / "2.tflite"), str(folder / "2_int8.tflite"), "--baseline", str(folder / "3.tflite")]
    out = tmp_path / "deep" / "out"
    assert cli.main(["bench", *given, "--test", str(folder / "photos"), "--threads", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1 thread, ms" in printed and "2 threads" not in printed and "FULLY_CONNECTED 1" in printed
    assert f"Written to {out / 'bench.html'}" in printed
    assert sorted(path.name for path in out.iterdir()) == ["bench.html", "bench.json", "bench.md"]
    content = json.loads((out / "bench.json").read_text())
    assert [row["accuracy"] for row in content["files"]] == [0.5, 0.5, None]  # both classes hold the same images
    assert content["images"] == 6 and [row["baseline"] for row in content["files"]] == [False, False, True]


def test_without_images(folder, capsys):
    assert cli.main(["bench", str(folder / "2.tflite")]) == 0
    printed = capsys.readouterr().out
    assert "2 threads, ms" in printed and "accuracy" not in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["cut.tflite"], "FILE must be LiteRT (.tflite) files, complete. Received: cut.tflite, 300 bytes: "),
        (["."], "Received: the directory ."),
        (["2.tflite", "--baseline", "no.tflite"], "FILE must be LiteRT (.tflite) files. Received: no file at no"),
        (["2.tflite", "--test", "nowhere"], "--test must be a folder with one folder for each class"),
        (["3.tflite", "--test", "photos"], "--test must have as many class folders as a file has outputs; a file with"),
        (["2.tflite", "--test", "photos", "--value-range", "none"], "--value-range must be two rising numbers"),
        (["2.tflite", "--out", "cut.tflite"], "--out must be the name of a folder. Received: cut.tflite"),
    ],
)
def test_errors_are_one_line(folder, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(folder)
    assert cli.main(["bench", *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("tlkeras: ") and captured.err.count("\n") == 1 and captured.out == ""
    assert message in captured.err and "`" not in captured.err


@pytest.mark.parametrize("flags", [[], ["a.tflite", "--threads", "0"], ["a.tflite", "--threads", "1,x"]])
def test_usage(capsys, flags):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["bench", *flags])
    assert stopped.value.code == 2
    assert ("FILE" if not flags else f"numbers from 1, such as 1,2. Received: {flags[-1]}") in capsys.readouterr().err
