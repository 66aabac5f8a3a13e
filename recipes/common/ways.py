"""How each method of adaptation is trained: its own terms, and the settings of its authors' example (tllib)."""

import dataclasses
from collections.abc import Callable

from tlkeras import methods


@dataclasses.dataclass(frozen=True)
class Way:
    """Terms and settings of one method, or of a composition.

    Attributes:
        terms: Function without arguments that makes the methods; their weights are drawn after the seed is set.
        rate: Rate of SGD with Nesterov momentum 0.9 at step 0, for the head; the backbone has a tenth of it.
        gamma: The rate falls as `(1 + gamma * step) ** -0.75`.
        weight_decay: L2 factor, as PyTorch's SGD adds it to the gradient.
        bottleneck: Width of the layer between features and logits.
        batch_size: Rows of each domain in a step.
        phased: Whether a step has several phases, see `tlkeras.transfer.PhasedModel`.
    """

    terms: Callable = list
    rate: float = 0.01
    gamma: float = 1e-3
    weight_decay: float = 1e-3
    bottleneck: int = 256
    batch_size: int = 32
    phased: bool = False


def _gentle(*terms):
    """Settings of tllib's statistical alignment."""
    return Way(lambda: [term() for term in terms], rate=0.003, gamma=3e-4, weight_decay=5e-4)


WAYS = {
    "source": Way(rate=0.01),
    "dann": Way(lambda: [methods.DANN(batch_norm=True)]),
    "coral": _gentle(lambda: methods.CORAL(weight=1.0)),
    "dan": _gentle(methods.MMD),
    "mcc": Way(lambda: [methods.MCC()], rate=0.005, batch_size=36),
}


def composed(names):
    """Returns the way of one method or several: the terms of all, the settings of the first.

    Args:
        names: Keys of `WAYS`.

    Raises:
        ValueError: If a name is unknown or given twice.
    """
    unknown = sorted(set(names) - set(WAYS))
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(f"Methods must be some of {', '.join(WAYS)}, each once. Received: {', '.join(names)}")
    ways = [WAYS[name] for name in names]
    terms = {"terms": lambda: [term for way in ways for term in way.terms()], "phased": any(w.phased for w in ways)}
    return dataclasses.replace(ways[0], **terms)
