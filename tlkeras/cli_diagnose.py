"""`tlkeras diagnose`: how far apart two folders of images are, and what to try first.

Nothing heavy is imported at the top, as in `tlkeras.cli`.
"""

import argparse
import os
import tempfile
from pathlib import Path

FLAGS = {
    "`source_features`": "--source",
    "`target_features`": "--target",
    "`skip_unreadable=True`": "--skip-unreadable",
}


def add_diagnose(commands) -> argparse.ArgumentParser:
    """Adds the command to the subparsers and returns its parser."""
    parser = commands.add_parser(
        "diagnose", help="say how far apart two folders of images are, and what to try first, without training"
    )
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="a folder with one for each class")
    parser.add_argument("--target", type=Path, required=True, metavar="DIR", help="images; no label is read")
    parser.add_argument(
        "--backbone", required=True, metavar="HANDLE", help="a SavedModel, Keras application (MobileNetV2) or preset"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep the features there for the next time")
    parser.add_argument("--seed", type=int, default=0, help="of the rows, folds and permutations drawn; default 0")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write what was found there")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave out images that cannot be decoded")
    return parser


def diagnose_folders(arguments: argparse.Namespace):
    """Prints an account of the two folders, and writes it where asked.

    Raises:
        ValueError: If the folders, the backbone or the flags are not usable.
    """
    for name in ("source", "target"):
        folder = getattr(arguments, name)
        if not folder.is_dir():
            raise ValueError(f"--{name} must be a folder of images. Received: {folder}")
    if arguments.out and arguments.out.is_dir():
        raise ValueError(f"--out must be the name of a file. Received the folder: {arguments.out}")
    if arguments.seed < 0:
        raise ValueError(f"--seed must be >= 0. Received: {arguments.seed}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    import tlkeras
    from tlkeras.report.diagnosis import diagnosis_text
    from tlkeras.report.metrics import write_json

    backbone = tlkeras.backbones.from_handle(arguments.backbone)
    source, target = _images(arguments, backbone)
    with tempfile.TemporaryDirectory() as temporary:
        features = [
            tlkeras.cache.features(backbone, images, directory=arguments.cache or temporary)
            for images in (source, target)
        ]
        found = tlkeras.transferability.diagnose(
            features[0], source.labels, features[1], class_names=source.class_names, seed=arguments.seed
        )
    print(diagnosis_text(found))
    if arguments.out:
        paths = {name: getattr(arguments, name) for name in ("source", "target", "backbone")}
        write_json(arguments.out, {**paths, "counts": source.counts, "n_target": len(target), **found.as_dict()})


def _images(arguments, backbone):
    from tlkeras.data import image_folder, unlabelled_images
    from tlkeras.transferability.diagnose import LEAST_TARGET

    look = {"channels": backbone.input_shape[-1], "skip_unreadable": arguments.skip_unreadable}
    source = image_folder(arguments.source, backbone.input_size, **look)
    if len(source.class_names) < 2:
        raise ValueError(f"--source must have at least two classes. Received: {source.counts}")
    target = unlabelled_images(arguments.target, backbone.input_size, **look)
    for name, images in (("source", source), ("target", target)):
        if len(images) < LEAST_TARGET:
            raise ValueError(f"--{name} must hold at least {LEAST_TARGET} images. Received: {len(images)}")
    print(f"source {arguments.source}: {len(source):,} images, {len(source.class_names)} classes")
    print(f"target {arguments.target}: {len(target):,} images, no label read")
    copies = len(set(source.digests).intersection(target.digests))
    if copies:
        print(
            f"warning: {copies:,} images of the target are source images too: is it the right folder? What is in both "
            "cannot be told apart, so that the AUC is 0.5 or below and the advice means little."
        )
    print()
    return source, target
