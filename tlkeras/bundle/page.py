"""A page that runs a LiteRT file on a dropped image: one file, the runtime and the model inside."""

import base64
import gzip
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from tlkeras.bundle.litertjs import VERSION
from tlkeras.bundle.one_image import one_image
from tlkeras.bundle.preprocessing import takes_images

HERE = Path(__file__).parent


def check_page(shape, dtype: str, value_range) -> None:
    """Refuse a model whose input is no image.

    Args:
        shape: Shape of one input.
        dtype: Type of the model's input.
        value_range: Range of the input, or None.

    Raises:
        ValueError: If it is not `(height, width, 1 or 3)` of float32 with a range.
    """
    if not takes_images(shape, value_range) or dtype != "float32":
        raise ValueError(
            "`page` is for models that take images: float32 (height, width, 1 or 3) with a `value_range`. "
            f"Received: {dtype} {tuple(shape)}, value_range={value_range}"
        )


def page_html(model: bytes, *, title: str, preprocessing: dict, labels, runtime: dict[str, bytes]) -> str:
    """Return the page. It needs no server: a double click opens it.

    The model and LiteRT.js stand inside, compressed; a policy in the page forbids the browser any request.

    Args:
        model: The bytes of a LiteRT file that takes images.
        title: The heading.
        preprocessing: What `preprocessing.json` holds.
        labels: Names of the classes, in the order of the outputs.
        runtime: What `runtime_files` returned.
    """
    script = (HERE / "page.js").read_text(encoding="utf-8")
    facts = {
        "labels": list(labels),
        "shape": preprocessing["input"]["shape"],
        "value_range": preprocessing["input"]["value_range"],
        "output": preprocessing["output"]["kind"],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html").render(
        title=title,
        facts=jinja2.utils.htmlsafe_json_dumps(facts),
        footer=f"LiteRT.js {VERSION} (Apache-2.0) runs the model, on the CPU.",
        parts={name: _packed(content) for name, content in {**runtime, "model": one_image(model)}.items()},
        script=Markup(script),
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode("ascii")
