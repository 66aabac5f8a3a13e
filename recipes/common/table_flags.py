"""The flags of `recipes/tabular_shift.py`."""

import dataclasses
from pathlib import Path

from recipes.common.harness import flag
from recipes.common.method_flags import CHOICES, MethodFlags
from recipes.common.table_groups import SHIFTS, TABLES
from tlkeras import methods

PRIORS = ("none", "bbse", "mlls")
WEIGHTS = "domain_weights"


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no table."""

    source: str = flag("breast_cancer", f"csv file with labels, or a table of scikit-learn: {', '.join(TABLES)}")
    target: str = flag("", "csv file of the other place; labels only score. Without it --source is divided in two")
    label: str = flag("", "name of the column with the labels, of a csv file")
    ignore: str = flag("", "columns to leave out, separated by commas")
    types: str = flag("", "NAME:KIND,... of columns whose kind is not to be inferred: float, integer or string")
    shift: str = flag("covariate", f"how --source is divided, {' or '.join(SHIFTS)}: by a column, or by the classes")
    by: str = flag("", "column that divides: the larger it is, the likelier a row is of the target")
    strength: float = flag(2.0, "log odds of being of the target for one deviation of --by; or of the last class")
    prior: str = flag("none", "correct what ships for the class shares of the target, found by bbse or mlls; or none")
    method: str = flag(WEIGHTS, f"one or several, separated by commas, of {CHOICES}")
    bottleneck: int = flag(0, "width of a layer before the logits, which other methods align; 0: a linear model")
    steps: int = flag(1000, "training steps of each model")
    epochs: int = flag(10, "parts of the steps, after each of which the target is scored without labels")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        known = self.source in TABLES
        rule = f"must be a csv file, or one of {', '.join(TABLES)}"
        self._require(known or Path(self.source or "-").is_file(), rule, "source")
        self._require(not self.target or Path(self.target).is_file(), "must be a csv file", "target")
        self._require(not (known and self.target), "of scikit-learn is divided in two, without `--target`", "source",
                      "target")  # fmt: skip
        self._require(known != bool(self.label), "must name the labels of a csv file, and of no other", "label")
        self._require(self.shift in SHIFTS, f"must be one of {', '.join(SHIFTS)}", "shift")
        self._require(self.prior in PRIORS, f"must be one of {', '.join(PRIORS)}", "prior")
        pairs = [pair.split(":") for pair in self.types.split(",") if pair]
        self._require(all(len(pair) == 2 for pair in pairs), "must be NAME:KIND, separated by commas", "types")
        super().__post_init__()
        self._require(self.bottleneck or self.method == WEIGHTS, "must be above 0 where features are aligned",
                      "bottleneck", "method")  # fmt: skip

    def way(self, names):
        """Returns how the methods are trained: weights are judged by the columns, and no domain has norms of its own.

        Statistics of each domain's own would be a second method, and bring domains of other class shares together.
        """
        way = super().way(names)
        if names == [WEIGHTS]:
            way = dataclasses.replace(way, terms=lambda: [methods.DomainWeights(weight=self.weight, tap="features")])
        return dataclasses.replace(way, bottleneck=self.bottleneck, domain_norms=False)
