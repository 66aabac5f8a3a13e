import math

import keras
import pytest

from tlkeras import methods
from tlkeras.surgery import frozen_copy
from tlkeras.testing import Case, common
from tlkeras.transfer import Method

TEACHER = frozen_copy(common.small_model(batch_norm=True), "teacher")
RELATIONSHIP = [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]

CASES = [
    Case(methods.DANN, {"hidden": (8,), "strength": 1.0}, equal_views=math.log(2), lower_bound=True),
    Case(methods.DANN, {"hidden": (8,), "batch_norm": True}, moves=()),
    Case(methods.ADDA, {"hidden": (8,)}, equal_views=math.log(2), lower_bound=True),
    Case(methods.CDAN, {"hidden": (8,), "strength": 1.0}, equal_views=math.log(2), lower_bound=True),
    Case(
        methods.CDAN,
        {"hidden": (8,), "strength": 1.0, "entropy": True},
        moves=("features", "logits"),
        equal_views=math.log(2),
        lower_bound=True,
    ),
    Case(methods.IWAN, {"hidden": (8,), "strength": 1.0}, equal_views=2 * math.log(2), lower_bound=True, steps=2),
    Case(methods.PADA, {"hidden": (8,), "strength": 1.0}, equal_views=math.log(2), lower_bound=True),
    Case(
        methods.OSBP,
        {"strength": 1.0},
        moves=("features", "logits"),
        equal_views=math.log(2),
        lower_bound=True,
        classes=common.CLASSES - 1,
    ),
    Case(methods.MDAN, {"hidden": (8,), "strength": 1.0}, equal_views=math.log(2), lower_bound=True),
    Case(methods.MDD, {"hidden": (8,), "strength": 1.0}, equal_views=2.502, lower_bound=True),
    Case(
        methods.RegressionMDD, {"hidden": (8,), "strength": 1.0}, equal_views=2.502, lower_bound=True, head="values"
    ),
    Case(methods.RSD, equal_views=0.0),
    Case(methods.CORAL, {"weight": 100.0}, equal_views=0.0),
    Case(methods.CORAL, {"means": True}, equal_views=0.0),
    Case(methods.MMD, equal_views=0.0),
    Case(methods.SlicedWasserstein, {"projections": 16, "seed": 3}, equal_views=0.0),
    Case(methods.CMD, equal_views=0.0),
    Case(methods.JMMD, moves=("features", "logits"), equal_views=0.0),
    Case(methods.LMMD, equal_views=0.0, lower_bound=True),
    Case(methods.Sinkhorn, equal_views=0.0),
    Case(methods.DeepJDOT, {"weight": 1.0}, moves=("features", "logits"), equal_views=0.0, lower_bound=True),
    Case(methods.MCD, moves=("features", "logits")),
    Case(methods.WDGRL, {"hidden": ()}, equal_views=0.0),
    Case(methods.MCC, moves=("features", "logits")),
    Case(methods.BNM, moves=("features", "logits")),
    Case(methods.Entropy, moves=("features", "logits")),
    Case(methods.FixMatch, {"threshold": 0.4}, moves=("features", "logits")),
    Case(methods.FixMatch, {"flexible": True, "strong_view": "target"}, moves=("features", "logits")),
    Case(methods.SHOT, frozen=("logits",)),
    Case(methods.MeanTeacher, {"threshold": 0.0, "balance": 1.0}, moves=("features", "logits")),
    Case(methods.AdaMatch, moves=("features", "logits")),
    Case(methods.VAT, {"radius": 1.0, "seed": 0}, moves=("features", "logits")),
    Case(methods.AFN, equal_views=2.0),
    Case(methods.AFN, {"step": None, "radius": 5.0}),
    Case(methods.BSP, {"weight": 0.01}),
    Case(methods.CDD),
    Case(methods.DomainWeights, moves=(), equal_views=math.log(2)),
    Case(methods.DomainWeights, {"hidden": (8,)}, moves=(), equal_views=math.log(2), steps=2),
    Case(methods.BSS, {"weight": 0.1}),
    Case(methods.L2SP, {"beta": 0.1}, moves=("logits",)),
    Case(methods.DELTA, {"beta": 0.1, "attention": {"features": [0.125] * 8}}, moves=("logits",)),
    Case(methods.LogitDistillation, {"teacher": TEACHER}, moves=("features", "logits")),
    Case(methods.LogitDistillation, {"teacher": TEACHER, "view": "target"}, moves=("features", "logits")),
    Case(methods.FeatureDistillation, {"teacher": TEACHER, "teacher_tap": "norm"}),
    Case(methods.CoTuning, {"relationship": RELATIONSHIP, "source_head": lambda: keras.layers.Dense(2, name="head")}),
    Case(methods.BiTuning, {"queue_size": 4}, moves=("features", "logits"), steps=2),
]

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method.__name__}-{'-'.join(case.kwargs)}")


@pytest.fixture(autouse=True)
def _only_where_phases_run(case):
    if case.method.phases is not Method.phases and keras.backend.backend() != "tensorflow":
        pytest.skip(f"{case.method.__name__} needs PhasedModel, which needs TensorFlow")


def test_builds_symbolically(case):
    common.check_builds_symbolically(case)


@pytest.mark.skipif(not common.COMPILES, reason="Dynamo, not XLA, compiles under torch")
def test_eager_equals_compiled(case):
    common.check_eager_equals_compiled(case)


def test_resumes(case):
    common.check_resumes(case)


def test_gradients(case):
    common.check_gradients(case)


def test_weight_zero_is_plain_fit(case):
    common.check_weight_zero_is_plain_fit(case)


def test_equal_views(case):
    common.check_equal_views(case)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(case, policy):
    common.check_half_precision(case, policy)


def test_missing_view_raises(case):
    common.check_missing_view_raises(case)


def test_evaluate_changes_nothing(case):
    common.check_evaluate_changes_nothing(case)


def test_only_the_model_ships(case):
    common.check_only_the_model_ships(case)


@pytest.mark.parametrize("forward", ["joint", "per_view"])
def test_forward_passes(case, forward):
    common.check_forward_passes(case, forward)


@pytest.mark.skipif(not common.COMPILES, reason="Keras' torch trainer has one step a call")
def test_steps_per_execution(case):
    common.check_steps_per_execution(case)
