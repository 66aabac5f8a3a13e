"""Linear probe: are the features of `HubLayer` those of the pretrained SavedModel?

    python recipes/benchmarks/hub_probe.py --data DIR

5-fold cross-validated logistic regression on 500 Imagenette validation images (10 classes), features from the frozen
MobileNetV2 0.35 SavedModel at DIR/hub. The bar is 87 %: a wrong value range, a BatchNorm in training mode or a lost
weight each cost far more than the spread.
"""

import argparse
import pathlib
import sys
import time

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlkeras.backbones import from_hub

BAR = 0.87


def arguments() -> argparse.Namespace:
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with imagenette_val/ and hub/")
    parser.add_argument("--hub", default="mobilenet_v2_035_224_feature_vector", help="name of the model in DIR/hub")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation")
    parser.add_argument("--seed", type=int, default=0, help="seed of the folds")
    return parser.parse_args()


def images(folder: pathlib.Path, size: tuple) -> tuple:
    """Returns the images of a folder of class folders, short side fitted and centre cropped, and their labels."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    if not files:
        raise SystemExit(f"--data must hold imagenette_val/CLASS/*.JPEG. Received: {folder}")
    names = sorted({path.parent.name for path in files})
    pixels = [
        keras.utils.img_to_array(keras.utils.load_img(path, target_size=size, keep_aspect_ratio=True), dtype="uint8")
        for path in files
    ]
    return np.stack(pixels), np.array([names.index(path.parent.name) for path in files])


def main() -> int:
    """Prints the accuracy; returns 1 below the bar."""
    flags = arguments()
    start = time.perf_counter()
    backbone = from_hub(flags.data / "hub" / flags.hub)
    x, y = images(flags.data / "imagenette_val", backbone.input_shape[1:3])
    backbone.compile(jit_compile=False)
    features = backbone.predict(x, batch_size=32, verbose=0)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    folds = StratifiedKFold(flags.folds, shuffle=True, random_state=flags.seed)
    scores = cross_val_score(probe, features, y, cv=folds)
    accuracy = scores.mean()
    print(f"images {len(x)}, features {features.shape[1]}, {time.perf_counter() - start:.0f} s")
    print(f"linear probe {100 * accuracy:.1f} % (folds {100 * scores.min():.0f}-{100 * scores.max():.0f}), bar 87 %")
    return int(accuracy < BAR)


if __name__ == "__main__":
    sys.exit(main())
