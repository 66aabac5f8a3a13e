import numpy as np
import pytest

from tlkeras.optimizers import RateCurve

RATES = np.geomspace(1e-6, 1.0, 61)  # ten a decade
V = np.concatenate([np.full(20, 2.0), np.linspace(2.0, 1.0, 21), np.linspace(1.2, 9.0, 20)])  # lowest at index 40


def test_suggests_a_tenth_of_the_rate_of_the_lowest_loss():
    # Index 40 is 1e-2; the centred mean moves the minimum by at most its half width, 3 batches.
    assert 1e-3 * 10**-0.3 <= RateCurve(RATES, V).suggestion <= 1e-3 * 1.001


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_suggestion_little(seed):
    noisy = V + np.random.default_rng(seed).normal(scale=0.1, size=V.size)
    assert 3e-4 < RateCurve(RATES, noisy).suggestion < 3e-3


def test_smoothing_is_the_mean_of_the_neighbours():
    losses = np.arange(40.0) ** 2
    smoothed = RateCurve(RATES[:40], losses).smoothed
    np.testing.assert_allclose(smoothed[[0, 10, 39]], [losses[:3].mean(), losses[8:13].mean(), losses[37:].mean()])


@pytest.mark.parametrize(
    "losses",
    [np.full(61, 2.0), np.linspace(2, 9, 61), 2 + np.random.default_rng(0).normal(scale=0.1, size=61)],
    ids=["flat", "rises", "noise"],
)
def test_a_loss_that_never_fell_gives_no_suggestion_and_still_a_picture(losses, tmp_path):
    curve = RateCurve(RATES, losses)
    with pytest.raises(ValueError, match="The loss never fell, so there is no rate to suggest"):
        _ = curve.suggestion
    pytest.importorskip("matplotlib")
    curve.plot(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_the_picture_shows_both_curves_and_the_suggestion():
    pytest.importorskip("matplotlib")
    axis = RateCurve(RATES, V).plot().axes[0]
    assert axis.get_xscale() == "log" and len(axis.lines) == 3
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), V)
    assert axis.lines[2].get_xdata()[0] == RateCurve(RATES, V).suggestion
