import ast
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tlkeras.bundle import predict
from tlkeras.data.decode import decode
from tlkeras.export import run_litert


def told(bundle, *flags, python=sys.executable, cwd=None, code=0):
    command = [python, str(bundle / "predict.py"), *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_it_is_short_and_imports_litert_and_numpy_alone(bundle):
    text = (bundle / "predict.py").read_text()
    assert len(text.splitlines()) < 80
    top = [node for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {(getattr(node, "module", None) or node.names[0].name).partition(".")[0] for node in top}
    assert names - set(sys.stdlib_module_names) == {"numpy", "ai_edge_litert"}


def test_it_gives_the_answers_of_the_file_and_the_names_of_the_classes(bundle, images, tmp_path):
    np.save(tmp_path / "x.npy", images[0][:5])
    for name in ("model_float32.tflite", "model_int8.tflite", "model_int8_integer_io.tflite"):
        rows = [json.loads(line) for line in told(bundle, tmp_path / "x.npy", "--json", "--model", name).splitlines()]
        np.testing.assert_allclose(rows, run_litert(bundle / name, images[0][:5].astype("float32")), atol=1e-6)
    np.save(tmp_path / "one.npy", images[0][0])
    logits = run_litert(bundle / "model_float32.tflite", images[0][:1].astype("float32"))[0]
    shares = np.exp(logits) / np.exp(logits).sum()
    best = np.argsort(-shares)[0]
    name = ("ant", "bee", "wasp & co", "</script>")[best]
    line = told(bundle, "one.npy", cwd=tmp_path)
    assert line.startswith(f"one.npy 0: {name} {100 * shares[best]:.1f} %, ") and line.count(" %") == 3


def encoded(image, kind, **how):
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def photograph(mode, size):
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (9, 9, 4), "uint8")
    return Image.fromarray(small, "RGBA").resize(size, Image.Resampling.BICUBIC).convert(mode)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("mode", "size", "kind", "how"),
    [
        ("RGB", (400, 300), "JPEG", {}),
        ("RGB", (60, 90), "PNG", {}),
        ("RGBA", (61, 47), "PNG", {}),
        ("P", (61, 47), "PNG", {"transparency": 3}),
        ("CMYK", (61, 47), "JPEG", {}),
        ("L", (10, 12), "PNG", {}),
    ],
)
def test_an_image_file_becomes_what_training_saw(tmp_path, mode, size, kind, how, channels):
    content = encoded(photograph(mode, size), kind, **how)
    (tmp_path / "photo").write_bytes(content)
    found = predict.image(tmp_path / "photo", 12, 10, channels)
    np.testing.assert_array_equal(found[0], decode(content, (12, 10), channels=channels))


def test_the_orientation_of_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(photograph("RGB", (64, 40)), "JPEG", exif=exif)
    (tmp_path / "photo").write_bytes(content)
    np.testing.assert_array_equal(predict.image(tmp_path / "photo", 12, 10, 3)[0], decode(content, (12, 10)))


def test_inputs_that_do_not_fit_are_named(bundle, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 10, 12, 3)))
    assert "Received: (2, 10, 12, 3) in" in told(bundle, tmp_path / "x.npy", code=1)
    np.save(tmp_path / "x.npy", np.full((12, 10, 3), 300.0))
    assert "Inputs must be (12, 10, 3) in [0.0, 255.0]" in told(bundle, tmp_path / "x.npy", code=1)
    np.save(tmp_path / "x.npy", np.full((12, 10, 3), np.nan))
    told(bundle, tmp_path / "x.npy", code=1)
    Image.fromarray(np.zeros((4, 4), "uint16")).save(tmp_path / "deep.png")
    assert "must have 8 bits a channel" in told(bundle, tmp_path / "deep.png", code=1)


def test_a_range_other_than_bytes_is_reached_from_an_image(tmp_path):
    Image.new("L", (5, 5), 255).save(tmp_path / "white.png")
    assert predict.inputs(tmp_path / "white.png", (2, 2, 1), [-1, 1]).tolist() == np.ones((1, 2, 2, 1)).tolist()
    with pytest.raises(SystemExit, match="This model takes .npy files. Received: .*white.png"):
        predict.inputs(tmp_path / "white.png", (5,), None)


@pytest.mark.slow
def test_a_fresh_environment_of_litert_and_numpy_runs_it(bundle, images, tmp_path):
    """What the Containerfile does, without the container; an image was built nowhere here."""
    lines = (bundle / "Containerfile").read_text().splitlines()
    packages = [word for word in next(line for line in lines if line[:3] == "RUN").split() if "==" in word]
    copied = next(line for line in lines if line[:4] == "COPY").split()[1:-1]
    (tmp_path / "bundle").mkdir()
    for name in copied:
        shutil.copy(bundle / name, tmp_path / "bundle")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, *packages], check=True)
    absent = "from importlib.util import find_spec as f; print(*map(f, ('tensorflow', 'keras', 'PIL')))"
    done = subprocess.run([python, "-I", "-c", absent], capture_output=True, text=True)
    assert done.stdout == "None None None\n"
    np.save(tmp_path / "x.npy", images[0][:5])
    lines = told(tmp_path / "bundle", tmp_path / "x.npy", "--json", python=python).splitlines()
    expected = run_litert(bundle / "model_float32.tflite", images[0][:5].astype("float32"))
    np.testing.assert_allclose([json.loads(line) for line in lines], expected, atol=1e-6)
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    message = told(tmp_path / "bundle", tmp_path / "photo.png", python=python, code=1)
    assert "Image files need Pillow: pip install pillow, or give an .npy" in message
