"""Searches that are killed as a user's are: real processes, `kill -9`, at moments nobody chose."""

import json
import subprocess
import time

import numpy as np
import pytest

from tests.recipes.photos import write_photos
from tests.recipes.processes import ENVIRONMENT, ROOT
from tests.test_cli import TLKERAS
from tests.tuning.toy import plan_of, score_of, start
from tlkeras.tuning import search
from tlkeras.tuning.record import read_all


def killed_and_resumed(begin, folder, kills, trials, draw):
    """Kills a search some times, each time after an unknown number of trials, and then lets it end."""
    for kill in range(kills):
        process = begin(*(["--resume"] if (folder / "plan.json").exists() else []))
        goal = len(list(folder.glob("trials/*.json"))) + int(draw.integers(0, max(1, 2 * trials // kills)))
        while len(list(folder.glob("trials/*.json"))) < min(goal, trials) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.5))
        process.kill()
        output = process.communicate()[0]
        assert process.returncode in (0, -9), (kill, output)
        for path in folder.glob("trials/*.json"):
            json.loads(path.read_text())
    process = begin(*(["--resume"] if (folder / "plan.json").exists() else []))
    output = process.communicate()[0]
    assert process.returncode == 0, output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tuner", "kills"),
    [
        ("random", 2),
        *(pytest.param(tuner, 10, marks=pytest.mark.exhaustive) for tuner in ("bayesian", "hyperband", "optuna")),
    ],
)
def test_every_trial_has_the_values_of_an_undisturbed_search(tuner, kills, tmp_path):
    trials = 16
    whole = search(score_of, plan_of(tuner, trials), directory=tmp_path / "whole")
    folder = tmp_path / "killed"
    killed_and_resumed(
        lambda *resume: start(folder, tuner, trials, 0.2, *resume), folder, kills, trials, np.random.default_rng()
    )
    assert {r.trial: (r.values, r.score) for r in read_all(folder)} == {r.trial: (r.values, r.score) for r in whole}


@pytest.mark.exhaustive
def test_trainings_killed_ten_times_end_as_undisturbed_ones(tmp_path):
    write_photos(tmp_path / "studio", {"left": 20, "top": 15, "middle": 10})
    write_photos(tmp_path / "street", {"left": 8, "top": 8, "middle": 8}, seed=1)
    flags = ["--source", tmp_path / "studio", "--target", tmp_path / "street", "--steps", 400, "--epochs", 4]
    flags += ["--backbone", ROOT / "saved_models" / "glyphs"]

    def begin(out, *resume):
        command = [*TLKERAS, "tune", ROOT / "recipes" / "adapt_images.py"]
        command += ["--search", "rate,bottleneck=16|32,dropout,batch_size=8|12", "--trials", 12, "--seeds", 0]
        return subprocess.Popen(
            [*map(str, [*command, "--out", out, *resume, "--", *flags])], env=ENVIRONMENT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    whole, folder = tmp_path / "whole", tmp_path / "killed"
    process = begin(whole)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    killed_and_resumed(lambda *resume: begin(folder, *resume), folder, 10, 12, np.random.default_rng())
    expected, found = read_all(whole), read_all(folder)
    assert {r.trial: (r.values, r.status) for r in found} == {r.trial: (r.values, r.status) for r in expected}
    assert found[0].score == pytest.approx(expected[0].score, abs=0.02)  # seeds differ by more
