"""What a method sees of one training step, and the names that its parts may have."""

import re
from typing import Any, NamedTuple

VIEW_NAME = re.compile(r"(source|target|unlabeled)(_\w+)?")


def is_views(data):
    """Tells whether `data` is a dict of views, such as `{"source": xs, "target": xt}`.

    Args:
        data: Whatever a model may be given.

    Returns:
        True for a non-empty dict all of whose keys are view names: `source`, `target` or `unlabeled`, alone or
        followed by `_` and a word (`target_strong`, `source_2`).

    Raises:
        ValueError: If some keys are view names and some are not.

    Example:
        >>> is_views({"source": 1, "target_strong": 2}), is_views({"image": 1})
        (True, False)
    """
    if not isinstance(data, dict) or not data:
        return False
    matches = {str(key): bool(VIEW_NAME.fullmatch(str(key))) for key in data}
    if any(matches.values()) and not all(matches.values()):
        raise ValueError(
            "Every key of a batch of views must be a view name: `source`, `target` or `unlabeled`, alone or followed "
            f"by `_` and a word, as in `target_strong`. Received: {sorted(matches)}"
        )
    return all(matches.values())


class Batch(NamedTuple):
    """One batch after the forward pass, as every method gets it.

    Attributes:
        views: `{view: {"input", "output", tap name...}}`, each a tensor `(batch, ...)`.
        labels: `{view: labels}` for the labelled views only.
        step: Scalar, the number of training steps done before this one. Schedules read it.
    """

    views: dict
    labels: dict
    step: Any

    def get(self, view, key):
        """Returns one tensor of one view.

        Args:
            view: Name of the view, such as `"target"`.
            key: `"input"`, `"output"`, `"labels"` or the name of a tapped layer.

        Raises:
            ValueError: If the batch has no such view, or the view no such part.
        """
        if view not in self.views:
            raise ValueError(f"The batch has no view `{view}`. Received: views {sorted(self.views)}")
        if key == "labels":
            if view not in self.labels:
                raise ValueError(f"View `{view}` has no labels. Received: labels for {sorted(self.labels)}")
            if isinstance(self.labels[view], dict):
                raise ValueError(
                    "A method that reads labels cannot tell which of several outputs they are to be of: leave it out "
                    f"of a model of several tasks. Received: labels of {sorted(self.labels[view])}"
                )
            return self.labels[view]
        if key not in self.views[view]:
            raise ValueError(
                f"View `{view}` has no part `{key}`; a method names the layers it reads in `taps`. "
                f"Received: {sorted(self.views[view])}"
            )
        return self.views[view][key]
