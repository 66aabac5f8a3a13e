import pytest

from tlkeras.tuning.space import Choice, Float, Int


@pytest.mark.parametrize("values", [(), (1, "a"), (1, 1), (True, False), (None,)])
def test_a_choice_is_of_one_type(values):
    with pytest.raises(ValueError, match="`values` must be"):
        Choice(values)


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (1.0, 1.0), (float("nan"), 1.0)])
def test_bounds_rise(bounds):
    with pytest.raises(ValueError, match="must rise"):
        Float(*bounds)


def test_a_logarithm_needs_bounds_above_0_and_a_whole_number_whole_ones():
    with pytest.raises(ValueError, match="above 0"):
        Float(0.0, 1.0, log=True)
    with pytest.raises(ValueError, match="must be whole and rise"):
        Int(1, 2.5)
