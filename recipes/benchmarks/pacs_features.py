"""PACS features of a frozen MobileNetV2 0.35, one `.npz` a domain: what the benchmarks of methods train on.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES

DIR holds `pacs/{photo,art_painting,cartoon}`, a folder for each class, and `weights/`. FEATURES gets `photo.npz`,
`art_painting.npz` and `cartoon.npz` with `features` `(images, 1280)` float32, average pooled at 224 pixels, `labels`
int64 and `class_names` in their order. Readers need NumPy only.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import tlkeras  # noqa: E402

DOMAINS = ("photo", "art_painting", "cartoon")
BACKBONE = "applications:MobileNetV2?alpha=0.35&weights={data}/weights/mobilenet_v2_0.35_224_imagenet_notop.weights.h5"


def arguments() -> argparse.Namespace:
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TLKERAS_DATA")
    parser.add_argument("--data", default=default, required=not default, help="DIR (default: $TLKERAS_DATA)")
    parser.add_argument("--backbone", default=BACKBONE, help="handle; {data} stands for DIR")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, which also gets the feature cache")
    return parser.parse_args()


def main():
    """Writes one file a domain."""
    flags = arguments()
    backbone = tlkeras.backbones.from_handle(flags.backbone.format(data=flags.data))
    class_names, channels = None, backbone.input_shape[-1]
    for domain in DOMAINS:
        images = tlkeras.data.image_folder(
            Path(flags.data, "pacs", domain), backbone.input_size, class_names=class_names, channels=channels
        )
        class_names = images.class_names
        features = tlkeras.cache.features(backbone, images, directory=flags.out / "cache")
        path = flags.out / f"{domain}.npz"
        np.savez(path, features=np.asarray(features), labels=images.labels, class_names=np.array(class_names))
        print(f"{path}: {features.shape[0]} images, {features.shape[1]} features, classes {images.counts}")


if __name__ == "__main__":
    main()
