"""The HTML page: one file, images inside, no script and no request to anywhere."""

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jinja2
from matplotlib.figure import Figure

from tlkeras.export.atomic import replacing_file

DOTS_PER_INCH = 120


@dataclass(frozen=True)
class Image:
    """A picture on the page.

    Args:
        content: A matplotlib figure, or the bytes of a PNG file.
        alt: What it shows, for readers who cannot see it.
        caption: A line below.
    """

    content: Figure | bytes
    alt: str
    caption: str = ""
    kind: ClassVar[str] = "image"

    @property
    def png(self) -> bytes:
        """The bytes of the PNG file."""
        if isinstance(self.content, bytes):
            return self.content
        buffer = io.BytesIO()
        self.content.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
        return buffer.getvalue()


def write_report(
    path: str | os.PathLike,
    *,
    title: str,
    sections: Sequence[tuple[str, object]],
    facts: Mapping | None = None,
    footer: str = "",
) -> Path:
    """Write a self-contained page; it appears complete or not at all.

    Args:
        path: The HTML file.
        title: The heading and the title of the window.
        sections: `(heading, part)` or `(heading, [part, ...])` in the order of the page. A part is a `Table`, an
            `Image`, a `Gallery`, text (escaped, one paragraph) or `markupsafe.Markup` (HTML as it is).
        facts: What the run was, shown below the title: `{"source": "rendered fonts", ...}`.
        footer: A last line: versions, the command.

    Returns:
        The path.

    Raises:
        TypeError: If a part is none of those.

    Example:
        >>> table = tlkeras.report.accuracy_table({"frozen": {"last": 0.61}, "DANN": {"last": 0.84}})
        >>> write_report("report.html", title="Digits", sections=[("Accuracy", table)], facts={"seed": 0}).name
        'report.html'
    """
    parts = [(heading, list(part) if isinstance(part, (list, tuple)) else [part]) for heading, part in sections]
    for heading, content in parts:
        for part in content:
            if not isinstance(part, str) and not hasattr(part, "kind"):
                raise TypeError(
                    f"`sections` must hold Table, Image, Gallery or text under {heading!r}. Received: {type(part)}"
                )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = lambda png: "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    page = environment.get_template("page.html").render(title=title, facts=facts or {}, sections=parts, footer=footer)
    with replacing_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(path)
