"""Folders of small photographs whose classes differ by where they are bright."""

import numpy as np
from PIL import Image

PARTS = {
    "left": np.s_[:, :12],
    "top": np.s_[:12, :],
    "middle": np.s_[8:16, 8:16],
}


def write_photos(folder, counts, seed=0):
    """Writes `counts[name]` images of each class, 24 pixels a side."""
    draw = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = draw.normal(60, 20, (24, 24, 3))
            pixels[PARTS[name]] += 140
            Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / name / f"{index:02d}.png")
    return folder
