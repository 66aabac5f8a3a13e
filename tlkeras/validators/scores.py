"""Every validator by name: what it needs, and its score of a model."""

import dataclasses
import inspect

from tlkeras.validators.class_ami import class_ami
from tlkeras.validators.dev import dev
from tlkeras.validators.dev_r2 import dev_r2
from tlkeras.validators.entropy import entropy
from tlkeras.validators.evidence import Evidence
from tlkeras.validators.importance_weighted import importance_weighted
from tlkeras.validators.importance_weighted_r2 import importance_weighted_r2
from tlkeras.validators.information_maximization import information_maximization
from tlkeras.validators.label_information import label_information
from tlkeras.validators.mixval import mixval
from tlkeras.validators.nuclear_norm import nuclear_norm
from tlkeras.validators.rankme import rankme
from tlkeras.validators.reverse_validation import reverse_validation
from tlkeras.validators.snd import snd
from tlkeras.validators.source_accuracy import source_accuracy
from tlkeras.validators.source_f1 import source_f1
from tlkeras.validators.source_r2 import source_r2

VALIDATORS = {
    "source_accuracy": source_accuracy,
    "entropy": entropy,
    "information_maximization": information_maximization,
    "nuclear_norm": nuclear_norm,
    "snd": snd,
    "mixval": mixval,
    "rankme": rankme,
    "class_ami": class_ami,
    "importance_weighted": importance_weighted,
    "dev": dev,
    "reverse_validation": reverse_validation,
}
OF_VALUES = {
    "source_r2": source_r2,
    "importance_weighted_r2": importance_weighted_r2,
    "dev_r2": dev_r2,
    "rankme": rankme,
}
OF_LABELS = {"source_f1": source_f1, "label_information": label_information, "rankme": rankme}
BY_ANSWERS = {"classes": VALIDATORS, "labels": OF_LABELS, "values": OF_VALUES}
ALL = VALIDATORS | OF_LABELS | OF_VALUES
FIELDS = tuple(field.name for field in dataclasses.fields(Evidence))
SOURCE = "pass labelled held-out source rows as `source=` to the Probe"
FEATURES = "name the layer of the features as `tap=` of the Probe"
REMEDIES = {
    "target_features": FEATURES,
    "mixed_logits": "pass `mix=True` to the Probe",
    "source_logits": SOURCE,
    "source_features": f"{SOURCE}, and {FEATURES}",
    "source_labels": SOURCE,
}


def needs(validator):
    """Returns the fields of `Evidence` that a validator takes: its parameters without a default.

    Args:
        validator: Name in `VALIDATORS`, `OF_LABELS` or `OF_VALUES`, or a function whose parameters without a default
            are such fields.

    Returns:
        Tuple of names.

    Raises:
        ValueError: If the name is unknown, or a parameter is no field.

    Example:
        >>> needs("mixval")
        ('target_logits', 'mixed_logits')
    """
    parameters = inspect.signature(_function(validator)).parameters.values()
    names = tuple(
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names:
        raise ValueError(
            f"`validator` must take fields of Evidence, {', '.join(FIELDS)}. Received: a function of {list(names)}"
        )
    return names


def score(validator, evidence):
    """Scores a model by one validator, higher is better.

    Args:
        validator: Name of one for what the model answers, or a function of fields of `Evidence` that returns a number.
        evidence: `Evidence` of the model, as a `Probe` gathers it.

    Returns:
        Float.

    Raises:
        ValueError: If the name is unknown, or of a validator for other answers, or the evidence lacks what it needs.

    Example:
        >>> round(score("entropy", tlkeras.validators.Evidence(np.zeros((5, 2)))), 3)
        -0.693
    """
    names = needs(validator)
    check_answers([] if callable(validator) else [validator], evidence.answers)
    missing = [name for name in names if getattr(evidence, name) is None]
    if missing:
        what = validator if isinstance(validator, str) else _function(validator).__name__
        remedies = "; ".join(dict.fromkeys(REMEDIES.get(name, "gather it with a Probe") for name in missing))
        raise ValueError(f"`evidence` must have what {what!r} needs: {remedies}. Received: no {', '.join(missing)}")
    return float(_function(validator)(**{name: getattr(evidence, name) for name in names}))


def check_answers(validators, answers):
    """Refuses validators that read other answers than the model's.

    Args:
        validators: Names.
        answers: `"classes"`, `"labels"` or `"values"`.

    Raises:
        ValueError: Naming those that fit.
    """
    others = [name for name in validators if name not in BY_ANSWERS[answers]]
    if others:
        raise ValueError(
            f"`validator` of a model that answers {answers} must be one of {', '.join(BY_ANSWERS[answers])}. "
            f"Received: {', '.join(others)}"
        )


def _function(validator):
    if callable(validator):
        return validator
    if validator not in ALL:
        raise ValueError(f"`validator` must be one of {', '.join(ALL)} or a function. Received: {validator!r}")
    return ALL[validator]
