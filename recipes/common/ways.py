"""How each method of adaptation is trained: its own terms, and the settings of its authors' example (tllib)."""

import dataclasses
from collections.abc import Callable

from tlkeras import methods, transfer


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
        optimizer: Function without arguments that makes the optimizer, instead of that SGD; its rate is the head's.
        critic_rate: Rate of the methods' own layers, such as DANN's critic, as a part of the head's.
        domain_norms: Whether each domain is normalised by statistics of its own, which brings the domains together as a
            method does: right where both have the same classes.
    """

    terms: Callable = list
    rate: float = 0.01
    gamma: float = 1e-3
    weight_decay: float = 1e-3
    bottleneck: int = 256
    batch_size: int = 32
    optimizer: Callable | None = None
    critic_rate: float = 1.0
    domain_norms: bool = True


def _kernel(term):
    """Settings of tllib's DAN and JAN."""
    return Way(lambda: [term()], rate=0.003, gamma=3e-4, weight_decay=5e-4)


SMALL = (128,)  # the critic of recipes/digits.py
# Where tllib has no example of a method, the settings are those of its nearest relative there.
WAYS = {
    "source": Way(),
    "dann": Way(lambda: [methods.DANN()]),
    "dann_norm": Way(lambda: [methods.DANN(batch_norm=True)]),
    "cdan": Way(lambda: [methods.CDAN()]),
    "cdan_norm": Way(lambda: [methods.CDAN(batch_norm=True)]),
    "cdan_small": Way(lambda: [methods.CDAN(hidden=SMALL)]),
    "iwan": Way(lambda: [methods.IWAN(batch_norm=True)], domain_norms=False),
    "pada": Way(lambda: [methods.PADA(batch_norm=True)], domain_norms=False),
    "domain_weights": Way(lambda: [methods.DomainWeights()]),
    "cdan_e": Way(lambda: [methods.CDAN(entropy=True)]),
    # A linear adversary, as the head here is.
    "mdd": Way(lambda: [methods.MDD(hidden=())], rate=0.004, gamma=2e-4, weight_decay=5e-4),
    "regression_mdd": Way(lambda: [methods.RegressionMDD(strength=1.0, hidden=(64,))], rate=0.004, gamma=2e-4),
    "rsd": Way(lambda: [methods.RSD()]),
    "mcd": Way(lambda: [methods.MCD()]),
    "wdgrl": Way(lambda: [methods.WDGRL()]),
    "coral": _kernel(lambda: methods.CORAL(weight=4.0)),  # without the quarter, as in tllib
    "coral_means": _kernel(lambda: methods.CORAL(means=True, weight=4.0)),
    "dan": _kernel(lambda: methods.MMD(weight=5.0)),  # tllib sums five kernels, MMD is their mean
    # The weight rises, as JAN's authors have it: where features start near zero, a full weight keeps them there.
    "mmd": _kernel(lambda: methods.MMD(weight=transfer.DANNRamp(steps=1000))),
    "jan": _kernel(lambda: methods.JMMD(weight=5.0)),
    "dsan": _kernel(lambda: methods.LMMD(weight=5.0)),
    "cmd": _kernel(lambda: methods.CMD(interval=(0.0, 6.0))),  # BatchNorm and ReLU seldom leave it
    "sliced_wasserstein": _kernel(methods.SlicedWasserstein),
    "sinkhorn": _kernel(methods.Sinkhorn),
    "deepjdot": _kernel(methods.DeepJDOT),
    "can": _kernel(methods.CDD),
    "afn": Way(lambda: [methods.AFN()]),
    "bsp": Way(lambda: [methods.BSP()]),
    "bnm": Way(lambda: [methods.BNM()]),
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
    return dataclasses.replace(ways[0], terms=lambda: [term for way in ways for term in way.terms()])


def weighted(way, factor):
    """Returns a way whose terms have a factor on their weights.

    Args:
        way: `Way`.
        factor: Number >= 0.
    """

    def terms():
        found = way.terms()
        for term in found:
            term.weight = _scaled(term.weight, factor)
        return found

    return way if factor == 1 else dataclasses.replace(way, terms=terms)


def _scaled(weight, factor):
    if isinstance(weight, transfer.DANNRamp):
        return transfer.DANNRamp(weight.steps, high=weight.high * factor, gamma=weight.gamma)
    return weight * factor
