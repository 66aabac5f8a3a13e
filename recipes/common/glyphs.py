"""Characters rendered from the fonts that ship with matplotlib, in the form of the UCI handwritten digits.

A printed character is reduced to its skeleton, the skeleton is bent as a hand would (slant, rotation, aspect,
perspective, smooth wobble), drawn with a round pen, and then treated as NIST and the UCI corpus treated a scanned
form: the bounding box is scaled to the full height of a 32x32 binary field and a width of about 20, centred, and the
ink is counted in 4x4 blocks, which gives 8x8 values from 0 to 16.

The ranges of ink and width below were set by looking at the unlabelled pictures of `sklearn.datasets.load_digits`
(mean ink 30.5 % with a spread of 3.4 %, most boxes about 20 wide). No label of that set was used.
"""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt  # comes with scikit-learn, as the real digits do

FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmb10", "cmmi10", "cmr10", "cmss10", "cmti10", "cmtt10"),
)  # every text font of matplotlib; cmex10, cmsy10, STIXSiz* and LastResort hold symbols
FIELD, BLOCK, CANVAS = 32, 4, 44  # the UCI bitmap, its counting blocks, and the field we draw in before the crop
_POINTS = 160  # points that stand for one skeleton


def render(
    characters: str, count: int, seed: int, *, fonts: tuple[str, ...] = FONTS, distortion: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` characters, every one equally often, each in a random font and shape.

    Args:
        characters: Characters to draw; the label is the position in this string.
        count: Number of images.
        seed: The images are a function of this number.
        fonts: Stems of the font files to draw from.
        distortion: Factor on slant, rotation, aspect, perspective and wobble; 0 is the upright printed form.

    Returns:
        Images `(count, 8, 8, 1)` uint8, multiples of 255/16 rounded, and labels `(count,)` int64.

    Raises:
        ValueError: `characters` or `fonts` is empty, or `count` is negative.
    """
    if not characters or not fonts or count < 0:
        raise ValueError(
            "`characters` and `fonts` must not be empty and `count` not negative. "
            f"Received: characters={characters!r}, fonts={fonts!r}, count={count!r}"
        )
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(characters))
    chosen = rng.integers(len(fonts), size=count)
    skeletons = np.stack([np.stack([_skeleton(font, c) for font in fonts]) for c in characters])
    images = np.zeros((count, FIELD // BLOCK, FIELD // BLOCK), "uint8")
    for start in range(0, count, 512):  # in parts, to bound the memory
        part = slice(start, min(start + 512, count))
        bitmaps = _field(_draw(_bend(skeletons[labels[part], chosen[part]], distortion, rng), rng), rng)
        blocks = bitmaps.reshape(-1, FIELD // BLOCK, BLOCK, FIELD // BLOCK, BLOCK).sum((2, 4))
        images[part] = np.rint(blocks * (255 / BLOCK**2))
    return images[..., None], labels


@cache
def _skeleton(font: str, character: str) -> np.ndarray:
    """Points `(_POINTS, 2)` (x, y) in [-1, 1] on the centre lines of a printed character."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    face = ImageFont.truetype(str(path), 56)
    image = Image.new("L", (112, 112))
    ImageDraw.Draw(image).text((56, 56), character, fill=255, font=face, anchor="mm")
    points = np.argwhere(_thin(np.array(image) > 127))[:, ::-1].astype("float32")
    points = points[np.linspace(0, len(points) - 1, _POINTS).round().astype(int)]
    low, high = points.min(0), points.max(0)
    return (points - (low + high) / 2) / max((high - low).max() / 2, 1)


def _thin(ink: np.ndarray) -> np.ndarray:
    """Thin a bitmap to lines one pixel wide (Zhang and Suen, 1984)."""
    ink = np.pad(ink, 1).astype("int8")
    while True:
        before = ink.sum()
        for a, b in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            shifts = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above
            ring = np.stack([np.roll(ink, (-dy, -dx), (0, 1)) for dy, dx in shifts])
            rises = ((ring == 0) & (np.roll(ring, -1, 0) == 1)).sum(0)
            size = ring.sum(0)
            drop = (rises == 1) & (size >= 2) & (size <= 6)
            ink = ink * ~(drop & (ring[list(a)].prod(0) == 0) & (ring[list(b)].prod(0) == 0))
        if ink.sum() == before:
            return ink[1:-1, 1:-1] > 0


def _bend(points: np.ndarray, distortion: float, rng: np.random.Generator) -> np.ndarray:
    """Slant, rotate, stretch, tilt and wobble the points `(n, points, 2)`, each glyph in its own way."""
    n = len(points)
    x, y = points[..., 0], points[..., 1]

    def draw(spread, size=(1,)):
        return rng.normal(0, spread * distortion, (n, *size)).astype("float32")

    for _ in range(3):  # smooth wobble: three waves of about half a period to one and a half across the glyph
        kx, ky = rng.normal(0, 2.2, (2, n, 1)).astype("float32")
        phase = rng.uniform(0, 2 * np.pi, (n, 1)).astype("float32")
        wave = np.sin(kx * x + ky * y + phase)
        x, y = x + draw(0.07) * wave, y + draw(0.07) * wave
    x = x * (1 + draw(0.15) * y)  # perspective: a wider top or bottom
    y = y * (1 + draw(0.10) * x)
    x = x * np.exp(draw(0.15)) - draw(0.18) * y  # aspect and slant
    angle = draw(0.12)
    x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return np.stack([x, y], -1)


def _draw(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the points `(n, points, 2)` with a round pen, as thick as the drawn share of ink asks for."""
    n, margin = len(points), (CANVAS - 26) // 2
    low, high = points.min(1, keepdims=True), points.max(1, keepdims=True)
    size = np.maximum(high - low, 1e-3)
    width = np.clip(26 * size[..., :1] / size[..., 1:], 3, 18)  # a bar stays narrow; nothing is wider than high
    scale = np.concatenate([width, np.full_like(width, 26)], -1)
    cells = ((points - low) / size - 0.5) * (scale - 1) + (CANVAS - 1) / 2
    cells = np.clip(np.rint(cells), margin, CANVAS - 1 - margin).astype(int)
    blank = np.ones((n, CANVAS, CANVAS), bool)
    blank[np.arange(n)[:, None], cells[..., 1], cells[..., 0]] = False
    distance = distance_transform_edt(blank, sampling=(1e4, 1, 1))  # glyphs are a field apart: one call for all
    # 0.265 here becomes about 0.31 when the box is scaled to the whole height; spread as in the real digits
    ink = np.rint(FIELD**2 * np.clip(rng.normal(0.265, 0.034, n), 0.18, 0.36)).astype(int)
    radius = np.sort(distance.reshape(n, -1))[np.arange(n), ink]
    return distance <= np.clip(radius, 1.5, 4.5)[:, None, None]


def _field(drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scale the bounding boxes of `(n, CANVAS, CANVAS)` to the height of the field and centre them."""
    n = len(drawn)
    rows, columns = drawn.any(2), drawn.any(1)
    top, bottom = rows.argmax(1), CANVAS - 1 - rows[:, ::-1].argmax(1)
    left, right = columns.argmax(1), CANVAS - 1 - columns[:, ::-1].argmax(1)
    width = np.clip((right - left + 1) * rng.normal(1.0, 0.1, n), 8, FIELD)
    at = np.arange(FIELD)
    row = np.rint(top[:, None] + at / (FIELD - 1) * (bottom - top)[:, None]).astype(int)
    offset = (at - (FIELD - 1) / 2 - rng.uniform(-1.5, 1.5, (n, 1))) / width[:, None] + 0.5
    column = np.rint(left[:, None] + offset * (right - left)[:, None]).astype(int)
    inside = (offset >= 0) & (offset <= 1)
    index = np.arange(n)[:, None, None]
    return drawn[index, row[:, :, None], np.clip(column, 0, CANVAS - 1)[:, None, :]] & inside[:, None, :]
