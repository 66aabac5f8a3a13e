"""Class folders and the files in them."""

import os
import unicodedata
from pathlib import Path

# HEIC is here so that a phone's photos are named as unreadable, and not overlooked, where no decoder is registered.
EXTENSIONS = frozenset(".jpg .jpeg .png .bmp .gif .webp .avif .heic .heif .tif .tiff .ppm .pgm .jp2".split())
SPLITS = frozenset("train training val valid validation test testing".split())


def class_folders(directory, ignored, extensions=EXTENSIONS):
    """Finds the class folders; hidden ones are not looked at.

    Args:
        directory: `pathlib.Path` of the folder that holds them.
        ignored: `collections.Counter`, to which files of these kinds beside the folders are added.
        extensions: Those of the files that count, in small letters; images by default.

    Returns:
        `{class name: path}`; names in Unicode's composed form, since macOS writes the other.

    Raises:
        ValueError: If there is no folder, or the folders are the parts of a data set, such as `train` and `val`.
    """
    if not directory.is_dir():
        raise ValueError(f"`directory` must be a folder with one folder for each class. Received: {directory}")
    visible = [path for path in sorted(directory.iterdir()) if not path.name.startswith(".")]
    folders = {unicodedata.normalize("NFC", path.name): path for path in visible if path.is_dir()}
    loose = [path.suffix.lower() for path in visible if path.is_file() and path.suffix.lower() in extensions]
    if not folders:
        raise ValueError(
            "`directory` must hold one folder for each class. "
            f"Received: {directory} with {len(loose)} files and no folder"
        )
    if all(name.lower() in SPLITS for name in folders):
        raise ValueError(
            "`directory` must hold class folders, and these look like the parts of a data set: choose one of them. "
            f"Received: {directory} with {sorted(folders)}"
        )
    ignored.update(f"{extension} beside the class folders" for extension in loose)
    return folders


def ordered(folders, class_names, directory):
    """Returns the class names in the order of their labels.

    Args:
        folders: What `class_folders` returned.
        class_names: The order asked for, or None for sorted names.
        directory: For the error.

    Raises:
        ValueError: If the folders and `class_names` differ; it names the difference.
    """
    if class_names is None:
        return tuple(sorted(folders))
    names = tuple(unicodedata.normalize("NFC", name) for name in class_names)
    missing, unknown = sorted(set(names) - set(folders)), sorted(set(folders) - set(names))
    if missing or unknown or len(set(names)) < len(names):
        raise ValueError(
            f"The class folders of {directory} must be `class_names`, each once. "
            f"Received: missing folders {missing}, folders of no class {unknown}, class_names={list(names)}"
        )
    return names


def files_below(folder, ignored, extensions=EXTENSIONS):
    """Returns the paths of the images, or other files, below a class folder, sorted.

    Args:
        folder: `pathlib.Path` of the class folder.
        ignored: `collections.Counter`, to which the extensions of other files are added.
        extensions: As in `class_folders`.
    """
    found, seen = [], {os.path.realpath(folder.parent)}  # a link to a folder above must not bring other classes in
    for parent, children, files in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(parent))
        children[:] = sorted(
            child for child in children
            if not child.startswith(".") and os.path.realpath(os.path.join(parent, child)) not in seen
        )  # fmt: skip
        for name in sorted(name for name in files if not name.startswith(".")):
            extension = Path(name).suffix.lower()
            if extension in extensions:
                found.append(Path(parent, name))
            else:
                ignored[extension or "no extension"] += 1
    return found
