import json

import numpy as np
from sklearn.datasets import load_digits

from tlkeras.report.diagnosis import diagnosis_text
from tlkeras.report.metrics import write_json
from tlkeras.transferability import diagnose

DIGITS, LABELS = (x[np.random.default_rng(0).permutation(len(x))] for x in load_digits(return_X_y=True))


def test_the_account_and_the_plain_data_hold_the_same_figures(tmp_path):
    diagnosis = diagnose(
        DIGITS[:900], LABELS[:900], DIGITS[900:][LABELS[900:] < 5], class_names=tuple("abcdefghij"), permutations=199,
        seed=3,
    )  # fmt: skip
    text = diagnosis_text(diagnosis)
    plain = json.loads(write_json(tmp_path / "found.json", diagnosis.as_dict()).read_text())
    assert all(f"AUC {plain[key]['auc']['value']:.3f}" in text for key in ("distance", "matched"))
    assert f"p = {plain['distance']['mmd']['p_value']:.3f} (199 permutations)" in text
    assert "At most 1,000 rows of a domain" in text and "seed 3" in text
    assert plain["shares"]["perhaps_absent"] == list("fghij") and len(plain["shares"]["mlls"]) == 10
    assert all(reason in " ".join(text.split()) for reason in plain["advice"]["reasons"])
    assert max(map(len, text.splitlines())) <= 100
    [row] = [line.split() for line in text.splitlines() if line.startswith("a  ")]
    assert row == ["a", *(f"{plain['shares'][key][0]:.3f}" for key in ("source", "bbse", "mlls"))]


def test_of_many_classes_those_that_move_most_are_shown():
    labels = np.repeat(np.arange(30), 6)
    features = np.eye(30)[labels] + np.random.default_rng(0).normal(0, 0.1, (180, 30))
    text = diagnosis_text(diagnose(features, labels, features[60:], permutations=19))
    assert "the 20 of 30 classes that move most" in text and "\n0 " in text


def test_shares_that_were_not_estimated():
    labels = np.r_[np.zeros(40, int), np.ones(4, int)]
    features = np.random.default_rng(0).normal(size=(44, 3))
    text = diagnosis_text(diagnose(features, labels, features, permutations=19))
    assert "Shares of the classes: not estimated" in text and "With source rows" not in text
