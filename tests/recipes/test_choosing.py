import numpy as np
import pytest

from recipes.benchmarks import choosing
from recipes.benchmarks.choosing import Candidate, figures, scored, table, taken
from recipes.benchmarks.pool import PAIRS, runs
from tlkeras.validators import VALIDATORS


def candidate(run, checkpoint, accuracy, score, collapsed=()):
    return Candidate(run, checkpoint, accuracy, list(collapsed), dict.fromkeys(VALIDATORS, score))


POOL = [
    candidate("source_0_0", 0, 0.5, 0.1),
    candidate("source_0_0", 1, 0.6, 0.2),
    candidate("mcc_1_0", 0, 0.9, 0.3),
    candidate("mcc_1_0", 1, 0.8, 0.4),
    candidate("dann_10_0", 1, 0.1, 0.9, ["predicts 1 of 3 expected classes"]),
    candidate("dann_1_0", 1, 0.2, -np.inf, ["diverged"]),
]


def test_regret_rank_correlation_and_veto():
    correlation, regret, vetoed = figures(POOL, "entropy")
    assert regret == pytest.approx(0.1) and vetoed
    assert correlation == pytest.approx(-0.1)  # ranks 1 2 3 4 5 against 2 3 5 4 1: 1 - 6 * 22 / (5 * 24)


def test_regret_of_the_last_epoch():
    assert taken(POOL, ("mcc_1_", "dann_1_")) == pytest.approx(0.9 - 0.5)
    assert taken(POOL, ("source",)) == pytest.approx(0.3)
    text = table({"pair": POOL})
    assert "| entropy | 10.0 | 10.0 | -0.10 | 1 | 10.0 |" in text
    assert "| last epoch of source only | 30.0 | 30.0 |  |  | 30.0 |" in text


def test_scores_are_kept_beside_the_run(tmp_path, monkeypatch):
    draw = np.random.default_rng(0)
    logits, features = draw.normal(size=(2, 2, 30, 3)), draw.normal(size=(2, 2, 30, 4))
    logits[0, 1] = np.nan
    path = tmp_path / "mcc_1_0.npz"
    np.savez(
        path, target_logits=logits[0], source_logits=logits[1], mixed_logits=logits[0], target_features=features[0],
        source_features=features[1], source_labels=np.arange(30) % 3, accuracy=[0.5, 0.1], seconds=1.0,
    )  # fmt: skip
    first = scored(path)
    assert [each.accuracy for each in first] == [0.5, 0.1] and set(first[0].scores) == set(VALIDATORS)
    assert all(np.isfinite(value) for value in first[0].scores.values()) and not first[0].collapsed
    assert set(first[1].scores.values()) == {-np.inf} and "diverged" in first[1].collapsed[0]
    monkeypatch.setattr(choosing, "score", None)
    assert scored(path) == first


def test_the_pool_has_source_only_and_every_method_at_three_weights():
    wanted = runs(3)
    assert len(wanted) == 3 * len(PAIRS) * (1 + 6 * 3) == len({run.name for run in wanted})
    assert wanted[0].name == "amazon_books_kitchen/source_0_0.npz"
