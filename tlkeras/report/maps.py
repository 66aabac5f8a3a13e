"""A 2-D map of the features of both domains: where adaptation worked, the two lie on each other class by class."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from tlkeras.report.plots import WIDTH

MARKERS = {"source": "o", "target": "^"}
PER_DOMAIN = 400  # t-SNE of 800 points takes some seconds on one core


def feature_map(panels: Mapping[str, Mapping], *, method: str = "tsne", seed: int = 0, class_names=None) -> Figure:
    """Draw features in two dimensions, one panel a model; source and target by marker, classes by colour.

    At most 400 points a domain are drawn, the same ones in every panel. Each panel has its own projection of source
    and target together, so that distances compare within a panel only.

    Args:
        panels: `{"before adaptation": {"source": (features, classes), "target": (features, classes)}, ...}` with
            features `(n, d)` and integer classes `(n,)`; classes may be None and are then drawn in grey.
        method: "tsne" (neighbourhoods, slow) or "pca" (linear, fast).
        seed: Seed of the choice of points and of t-SNE.
        class_names: One name a class; the numbers by default.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If `method` is unknown, there is no panel, or features are not finite matrices of equal width.
    """
    if method not in ("tsne", "pca"):
        raise ValueError(f"`method` must be 'tsne' or 'pca'. Received: {method!r}")
    if not panels:
        raise ValueError(f"`panels` must have at least one model. Received: {panels}")
    figure = Figure(figsize=(WIDTH, 0.62 * WIDTH if len(panels) > 1 else WIDTH), layout="constrained")
    present = set()
    for axis, (title, domains) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        chosen = {name: _subsample(*domain, seed) for name, domain in domains.items()}
        points = project(np.concatenate([features for features, _ in chosen.values()]), method=method, seed=seed)
        start = 0
        for name, (features, classes) in chosen.items():
            part = points[start : start + len(features)]
            start += len(features)
            present |= set() if classes is None else set(classes.tolist())
            axis.scatter(
                *part.T, marker=MARKERS.get(name, "s"), s=14, alpha=0.65, linewidths=0.5, **_paint(name, classes)
            )
        axis.set_title(title, fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
    handles = [
        Line2D([], [], marker=MARKERS.get(name, "s"), linestyle="", color="0.3", label=name,
               markerfacecolor="none" if name == "source" else "0.3")
        for name in dict.fromkeys(name for domains in panels.values() for name in domains)
    ]  # fmt: skip
    handles += [
        Line2D(
            [], [], marker="s", linestyle="", color=_color(index), label=class_names[index] if class_names else index
        )
        for index in sorted(present)[:20]
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 12), fontsize=8, frameon=False)
    return figure


def project(features, *, method: str = "tsne", seed: int = 0) -> np.ndarray:
    """Project features to the plane.

    Args:
        features: Array `(n, d)`, `n >= 4`, and `d >= 2` for t-SNE.
        method: "tsne" or "pca".
        seed: Seed of t-SNE.

    Returns:
        Array `(n, 2)`.

    Raises:
        ValueError: If the features are not a finite matrix.
    """
    features = np.asarray(features, "float64")
    if features.ndim != 2 or len(features) < 4 or not np.isfinite(features).all():
        raise ValueError(f"`features` must be a finite matrix of at least 4 rows. Received: {features.shape}")
    if method == "tsne":  # 50 components: enough for neighbourhoods, and the time no longer depends on the width
        features = PCA(min(50, *features.shape), random_state=seed).fit_transform(features).astype("float32")
        perplexity = min(30.0, (len(features) - 1) / 3)
        with threadpool_limits(1):  # its threads spin: beside other work on two cores they took five times as long
            return TSNE(2, perplexity=perplexity, init="pca", max_iter=500, random_state=seed).fit_transform(features)
    if features.shape[1] == 1:
        return np.pad(features, ((0, 0), (0, 1)))
    return PCA(2, random_state=seed).fit_transform(features)


def _subsample(features, classes, seed: int):
    features = np.asarray(features)
    index = np.sort(np.random.default_rng(seed).permutation(len(features))[:PER_DOMAIN])
    return features[index], None if classes is None else np.asarray(classes)[index]


def _color(index: int):
    return matplotlib.colormaps["tab20"]((2 * index % 20 + index // 10 % 2) / 20 + 0.025)


def _paint(name: str, classes) -> dict:
    colors = ["0.6"] if classes is None else [_color(index) for index in classes]
    return (
        {"facecolors": "none", "edgecolors": colors}
        if name == "source"
        else {"facecolors": colors, "edgecolors": "none"}
    )
