"""The README's example runs, and what it names is there."""

import os
import pathlib
import re
import subprocess
import sys

from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_is_short(tmp_path):
    code = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 16
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True, env=os.environ)
    assert (tmp_path / "model.keras").exists() and (tmp_path / "digits_int8.tflite").exists()


def test_the_fine_tuning_example_runs(tmp_path):
    code = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)[1]
    small = {'alpha=0.35)': 'alpha=0.35, weights=None, input_shape=(32, 32, 3))', "epochs=10": "epochs=1"}
    for written, run in small.items():  # the weights come over the network
        assert written in code
        code = code.replace(written, run)
    for name in ("ants", "bees"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(5):
            Image.new("RGB", (40, 30), (index * 40, 100, 50)).save(tmp_path / "photos" / name / f"{index}.png")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True, env=os.environ)
    assert (tmp_path / "model.keras").exists() and (tmp_path / "run").is_dir()


def test_the_source_free_example_runs(tmp_path):
    code = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)[2]
    assert "epochs=15" in code
    before = """
import keras, numpy as np, tlkeras
inputs = keras.Input((16,))
tlkeras.surgery.classifier(keras.Model(inputs, inputs), 7, bottleneck=8).save("source.keras")
np.save("target.npy", np.random.default_rng(0).normal(size=(64, 16)))
"""
    code = before + code.replace("epochs=15", "epochs=1")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True, env=os.environ)


def test_the_example_of_choosing_runs(tmp_path):
    code = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)[3]
    before = """
import keras, numpy as np, tlkeras
draw, inputs = np.random.default_rng(0), keras.Input((8,))
for name in ("source_only", "adapted"):
    tlkeras.surgery.classifier(keras.Model(inputs, inputs), 3, bottleneck=8).save(f"{name}.keras")
np.save("target.npy", draw.normal(size=(90, 8)))
np.save("source_x.npy", draw.normal(size=(60, 8)))
np.save("source_y.npy", np.arange(60) % 3)
"""
    command = [sys.executable, "-W", "ignore", "-c", before + code]
    told = subprocess.run(command, cwd=tmp_path, check=True, env=os.environ, capture_output=True, text=True).stdout
    assert "information_maximization" in told and "trust it" in told and "nats" in told


def test_what_it_names_exists():
    for recipe in re.findall(r"^\| `([\w/]+\.py)` \|", README, flags=re.MULTILINE):
        assert (ROOT / "recipes" / recipe).exists(), recipe
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
