"""Small street scenes with the class of every pixel: drawn in clean colours, or as another camera sees them at dusk."""

import numpy as np
from scipy import ndimage

SIZE = 64
CLASSES = ("ground", "sky", "road", "car", "tree")
CLEAN = np.array([[96, 160, 72], [120, 180, 240], [110, 110, 115], [200, 50, 50], [40, 100, 40]], "float32")
DUSK = np.array([[150, 125, 80], [175, 130, 140], [125, 100, 105], [85, 95, 150], [70, 85, 75]], "float32")


def scenes(count, domain, seed):
    """Draws scenes: sky, ground, a road to the horizon, cars and trees of random places and sizes.

    Clean scenes have one colour a class, a little noise and no texture. Those at dusk have other colours, light that
    falls off to one side, coarse textures, haze towards the horizon, blur and the noise of a camera.

    Args:
        count: Number of scenes.
        domain: `clean` or `dusk`.
        seed: Integer; the layouts of both domains are of one kind.

    Returns:
        `(images, labels)`: uint8 `(count, 64, 64, 3)` and integers `(count, 64, 64)`, the numbers of `CLASSES`.
    """
    draw = np.random.default_rng([seed, ("clean", "dusk").index(domain)])
    layouts = [_layout(draw) for _ in range(count)]
    render = _clean if domain == "clean" else _dusk
    images = np.stack([render(labels, draw) for labels in layouts])
    return np.clip(images, 0, 255).astype("uint8"), np.stack(layouts).astype("int32")


def _layout(draw):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    horizon, vanishing = draw.integers(16, 34), draw.uniform(12, 52)
    labels = np.where(rows < horizon, 1, 0)
    depth = np.clip((rows - horizon) / (SIZE - horizon), 0, 1)
    centre = vanishing + depth * draw.uniform(-16, 16)
    labels[(rows >= horizon) & (np.abs(columns - centre) < 1 + depth * draw.uniform(12, 26))] = 2
    for _ in range(draw.integers(1, 5)):
        size = draw.uniform(4, 9)
        x, y = draw.uniform(0, SIZE), horizon - draw.uniform(-2, size)
        crown = ((columns - x) / size) ** 2 + ((rows - y) / (1.2 * size)) ** 2 < 1
        trunk = (np.abs(columns - x) < 1.2) & (rows >= y) & (rows < horizon + 5)
        labels[crown | trunk] = 4
    for nearness in np.sort(draw.uniform(0.15, 0.8, draw.integers(1, 4))):  # the nearest is drawn last
        width, bottom = 4 + 16 * nearness, horizon + nearness * (SIZE - horizon)
        x = vanishing + draw.uniform(-18, 18)
        body = (np.abs(columns - x) < width / 2) & (rows < bottom) & (rows >= bottom - 0.4 * width)
        cabin = (np.abs(columns - x) < width / 3.2) & (rows < bottom) & (rows >= bottom - 0.7 * width)
        labels[body | cabin] = 3
    return labels


def _coloured(labels, palette, spread, draw):
    return (palette + draw.normal(0, spread, palette.shape))[labels]


def _clean(labels, draw):
    return _coloured(labels, CLEAN, 12, draw) + draw.normal(0, 4, (SIZE, SIZE, 3))


def _dusk(labels, draw):
    image = _coloured(labels, DUSK, 16, draw)
    coarse = ndimage.gaussian_filter(draw.normal(0, 1, (SIZE, SIZE)), draw.uniform(0.8, 2.5))
    strengths = np.array([14, 5, 9, 6, 18])[labels]
    image += (strengths * coarse / coarse.std())[..., np.newaxis]
    rows = np.arange(SIZE)[:, np.newaxis, np.newaxis]
    haze = 0.45 * np.exp(-np.abs(rows - 26) / 12.0)
    image = (1 - haze) * image + haze * np.array([170, 150, 150])
    image *= draw.uniform(0.6, 0.95) * (1 + draw.uniform(-0.35, 0.35) * np.linspace(-1, 1, SIZE)[:, np.newaxis])
    image = ndimage.gaussian_filter(image, (draw.uniform(0.3, 0.8),) * 2 + (0,))
    return image + draw.normal(0, 7, image.shape)
