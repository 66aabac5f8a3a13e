import re
import shutil
import subprocess

import numpy as np
import pytest
from markupsafe import Markup

from tlkeras.report import Image, accuracy_table, confusion_matrix, curves, gallery, write_report


@pytest.fixture
def page(tmp_path):
    sections = [
        ("Accuracy", accuracy_table({"DANN <b>": {"last": 0.84}})),
        (
            "Training",
            [Image(curves({"DANN": {"loss": [2.0, 1.0]}}), alt="curves", caption="two epochs"), "Text & more"],
        ),
        ("Confusion", Image(confusion_matrix([0, 1], [0, 1]), alt="confusion")),
        ("Images", gallery(np.eye(8)[None] * 255, [0], [0.9], labels=[1])),
        ("Raw", Markup("<em>as it is</em>")),
    ]
    return write_report(
        tmp_path / "out" / "report.html", title="A & B", sections=sections, facts={"seed": 3}, footer="v1"
    )


def test_holds_every_part_and_escapes_text(page):
    html = page.read_text()
    for text in ("<title>A &amp; B</title>", "<dt>seed</dt><dd>3</dd>", "DANN &lt;b&gt;", "84.0", "two epochs",
                 "Text &amp; more", "✗ 0 · 90 %, is 1", "<em>as it is</em>", "<footer>v1</footer>"):  # fmt: skip
        assert text in html
    assert html.count("<img ") == 3 and html.count("data:image/png;base64,iVBOR") == 3
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_names_no_address_but_its_own_images(page):
    html = page.read_text()
    assert not re.search(r"https?:|//\w|<script|<link|@import|url\(", re.sub(r"data:image/png;base64,[^\"]*", "", html))
    assert "default-src 'none'" in html


def test_a_failed_page_leaves_the_old_one(page):
    before = page.read_text()
    with pytest.raises(TypeError, match="'Odd'.*Received: <class 'int'>"):
        write_report(page, title="t", sections=[("Odd", 3)])
    with pytest.raises(FileNotFoundError):
        write_report(page, title="t", sections=[("Odd", Image(Broken(), alt=""))])
    assert page.read_text() == before and [path.name for path in page.parent.iterdir()] == ["report.html"]


class Broken:
    def savefig(self, *_, **__):
        raise FileNotFoundError


CHECK = """<script>addEventListener("load", () => {
  const images = [...document.images], wide = document.documentElement.scrollWidth > innerWidth;
  document.title = `images=${images.filter(i => i.complete && i.naturalWidth > 0).length} wide=${wide} ` +
    `requests=${performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length}`;
})</script>"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH")
@pytest.mark.parametrize("width", [500, 1200])
def test_opens_in_a_browser(page, tmp_path, width):
    checked = tmp_path / "checked.html"  # the page's own policy forbids scripts; the copy that is inspected allows one
    html = page.read_text().replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';")
    checked.write_text(html.replace("</head>", CHECK + "</head>"))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync"
    done = subprocess.run(
        ["chromium", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
         "--virtual-time-budget=2000", "--dump-dom", checked.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "<title>images=3 wide=false requests=0</title>" in done.stdout
