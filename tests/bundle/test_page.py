import base64
import functools
import http.server
import json
import re
import shutil
import threading

import keras
import numpy as np
import pytest
from PIL import Image

from tests.bundle.browser import MISSING, chromium
from tlkeras.bundle import About, verify_bundle, write_bundle
from tlkeras.bundle.page import check_page, page_html
from tlkeras.bundle.verify import failures
from tlkeras.data.decode import decode
from tlkeras.export import run_litert

LABELS = ("ant", "bee", "wasp & co", "</script>")
NEEDED = [*MISSING, *(["npm"] if shutil.which("npm") is None else [])]
STATE = """const text = document.getElementById("state").textContent;
return text.startsWith(arguments[0]) === arguments[1] ? text : null"""
SCORES = "return document.getElementById('answers').dataset.scores ?? null"
SEEN = """const canvas = document.getElementById("seen");
return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)"""
DROP = """const transfer = new DataTransfer(), bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
transfer.items.add(new File([bytes], arguments[1], {type: "image/png"}));
const event = new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
document.getElementById("drop").dispatchEvent(event);
return event.defaultPrevented"""
FETCH = """const done = arguments[arguments.length - 1];
fetch(arguments[0]).then(() => done("sent"), () => done("refused"))"""


@pytest.fixture
def html(bundle):
    spec = json.loads((bundle / "preprocessing.json").read_text())
    return page_html(
        (bundle / "model_float32.tflite").read_bytes(), title="A & B", preprocessing=spec,
        labels=["ant", "</script><b>"], runtime={"core": b"1", "helper": b"2", "loader": b"3", "wasm": b"4"},
    )  # fmt: skip


def test_names_are_escaped_and_the_browser_is_told_to_ask_for_nothing(html):
    assert "<title>A &amp; B</title>" in html and "</script><b>" not in html and html.count("</script>") == 7
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "connect-src" not in rules
    _, *allowed = rules["script-src"].split()
    assert allowed == ["blob:", "'wasm-unsafe-eval'"]
    assert not re.search(r"https?:|<link[^>]+href=\"(?!data:)|@import|url\(", html)


@pytest.mark.parametrize(
    ("shape", "dtype", "value_range"), [((8,), "float32", (0, 1)), ((8, 8, 2), "float32", (0, 1)),
    ((8, 8, 1), "uint8", (0, 255)), ((8, 8, 1), "float32", None)],
)  # fmt: skip
def test_what_takes_no_images_has_no_page(shape, dtype, value_range):
    with pytest.raises(ValueError, match="`page` is for models that take images"):
        check_page(shape, dtype, value_range)
    check_page((8, 8, 1), "float32", (0, 1))


@pytest.fixture(scope="module")
def pages(model, images, tmp_path_factory):
    """`{kind: (bundle with a page, what the model takes for its images)}`; the last one takes grey in 0-1."""
    folder, about = tmp_path_factory.mktemp("pages"), About(class_names=LABELS)
    made = {
        kind: write_bundle(
            model, folder / kind, page=True, about=about,
            export={"formats": ("litert",), "quantizations": (kind,), "samples": images[0]},
        )
        for kind in ("none", "int8")
    }  # fmt: skip
    grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images[0]])[..., None] / 255
    inputs = keras.Input((12, 10, 1))
    small = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs)))
    small.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    small.fit(grey, images[1], epochs=15, verbose=0)
    export = {"formats": ("litert",), "quantizations": ("none", "int8"), "samples": grey, "value_range": (0, 1)}
    made["grey"] = write_bundle(small, folder / "grey", page=True, about=about, export=export)
    return {kind: (path, grey if kind == "grey" else images[0]) for kind, path in made.items()}


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def loaded(browser, address):
    browser.requests(), browser.errors()
    browser.open(address)
    assert browser.until(STATE, "Loading", False) == "Ready."


def chosen(browser, path):
    """Choose a file in the dialogue's place, and return the scores."""
    browser.choose("#file", path)
    assert " ms" in browser.until(STATE, f"{path.name}: ", True)
    return np.array(json.loads(browser.run(SCORES)))


def shown(browser):
    width, height = browser.run("const c = document.getElementById('seen'); return [c.width, c.height]")
    return np.array(browser.run(SEEN), "uint8").reshape(height, width, 4)[..., :3]


in_chromium = pytest.mark.skipif(bool(NEEDED), reason=f"not on PATH: {NEEDED}")


@pytest.mark.slow
@in_chromium
@pytest.mark.parametrize("kind", ["none", "int8", "grey"])
def test_the_page_answers_as_python_does_and_asks_for_nothing(pages, browser, images, tmp_path, kind):
    bundle, taken = pages[kind]
    assert not failures(verify_bundle(bundle))
    loaded(browser, (bundle / "index.html").as_uri())  # from the disk, without a server
    path = bundle / f"model_{'int8' if kind == 'int8' else 'float32'}.tflite"
    expected = run_litert(path, taken[:3].astype("float32"))
    for row in range(3):
        Image.fromarray(images[0][row]).save(tmp_path / f"{row}.png")
        np.testing.assert_allclose(chosen(browser, tmp_path / f"{row}.png"), expected[row], atol=1e-4)
        seen = shown(browser) / (255 if kind == "grey" else 1)
        np.testing.assert_array_equal(seen, np.broadcast_to(taken[row], (12, 10, 3)))
    shares = np.exp(expected[2]) / np.exp(expected[2]).sum()
    cells = browser.run("return Array.from(document.querySelector('#answers tr').cells, (cell) => cell.innerText)")
    assert cells == [LABELS[shares.argmax()], "", f"{100 * shares.max():.1f} %"]
    asked = browser.requests()
    assert len(asked) == 4 and all(url.startswith(("file://", "blob:null/")) for url in asked), asked


@pytest.mark.slow
@in_chromium
def test_any_image_is_cut_and_resized_as_in_training(pages, browser, tmp_path):
    loaded(browser, (pages["none"][0] / "index.html").as_uri())
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, (9, 9, 4), "uint8")).resize((83, 61), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    cases = {
        **{f"{n}.png": (photo.convert("RGB").resize((79 + 37 * n, 131 - 29 * n)), {}, 0) for n in range(4)},
        "narrow.png": (photo.convert("RGB").resize((5, 160)), {}, 1),  # Pillow 13 resizes the height of some first
        "wide.png": (photo.convert("RGB"), {}, 0),
        "high.png": (photo.convert("RGB").rotate(90, expand=True), {}, 0),
        "small.png": (photo.convert("RGB").resize((7, 5)), {}, 0),
        "grey.png": (photo.convert("L"), {}, 0),
        "clear.png": (photo, {}, 1),  # premultiplied alpha is rounded
        "turned.jpg": (photo.convert("RGB").resize((40, 30)), {"exif": exif}, 0),  # larger ones Pillow shrinks first
    }
    for name, (image, how, bound) in cases.items():
        image.save(tmp_path / name, **how)
        chosen(browser, tmp_path / name)
        trained_on = decode((tmp_path / name).read_bytes(), (12, 10)).astype(int)
        assert np.abs(shown(browser) - trained_on).max() <= bound, name


@pytest.mark.slow
@in_chromium
def test_it_takes_what_is_dropped_says_what_it_cannot_use_and_is_refused_the_network(pages, browser, images, tmp_path):
    bundle, _ = pages["none"]
    serve = functools.partial(Quiet, directory=str(bundle))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        loaded(browser, f"{address}/index.html")
        Image.fromarray(images[0][0]).save(tmp_path / "x.png")
        content = base64.b64encode((tmp_path / "x.png").read_bytes()).decode()
        assert browser.run(DROP, content, "dropped.png") is True
        assert browser.until(STATE, "dropped.png: ", True)
        expected = run_litert(bundle / "model_float32.tflite", images[0][:1].astype("float32"))[0]
        np.testing.assert_allclose(json.loads(browser.run(SCORES)), expected, atol=1e-4)
        (tmp_path / "notes.txt").write_text("no image")
        browser.choose("#file", tmp_path / "notes.txt")
        assert browser.until(STATE, "notes.txt cannot be used: ", True) and browser.run(SCORES) is None
        assert [url for url in browser.requests() if not url.startswith("blob:")] == [f"{address}/index.html"]
        assert browser.wait(FETCH, f"{address}/labels.txt") == "refused"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
