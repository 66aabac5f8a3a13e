import keras
import pytest

from recipes.common.ways import WAYS, composed, weighted
from tlkeras import TransferModel


@pytest.mark.parametrize(("name", "at"), [("mcc", 0), ("mmd", 200)])
def test_a_factor_weighs_a_term_whether_its_weight_is_a_number_or_rises(name, at):
    plain, doubled = (weighted(WAYS[name], factor).terms()[0].weight for factor in (1, 2))
    values = [float(weight(at)) if callable(weight) else weight for weight in (plain, doubled)]
    assert values[1] == pytest.approx(2 * values[0]) and values[0] > 0


def test_a_composition_has_the_terms_of_all_and_the_settings_of_the_first():
    way = composed(["mmd", "mcc"])
    assert [term.name for term in way.terms()] == ["mmd", "mcc"] and way.rate == WAYS["mmd"].rate
    inputs = keras.Input((4,))
    features = keras.layers.Dense(3, name="features")(inputs)
    assert TransferModel(keras.Model(inputs, keras.layers.Dense(2, name="logits")(features)), way.terms()).methods
