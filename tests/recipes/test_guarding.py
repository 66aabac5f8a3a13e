import numpy as np
import pytest

from recipes.benchmarks import guarding as table
from recipes.common.guarding import guarded
from tlkeras.validators import Evidence, Verdict

LABELS = np.arange(60) % 3
SURE = {"source only": Evidence(3.0 * np.eye(3)[LABELS]), "mcc": Evidence(9.0 * np.eye(3)[LABELS])}
WORSE = {"source only": SURE["mcc"], "mcc": SURE["source only"]}


@pytest.mark.parametrize(
    ("looks", "ship", "ships", "words"),
    [
        (SURE, "guarded", "mcc", "The guard trusts mcc; mcc ships."),
        (SURE, "source", "source only", "The guard trusts mcc; source only ships, as `--ship source` says."),
        (WORSE, "guarded", "source only", "The guard does not trust mcc; source only ships."),
        (WORSE, "adapted", "mcc", "The guard does not trust mcc; mcc ships, as `--ship adapted` says."),
    ],
)
def test_the_guard_decides_what_ships_unless_told_otherwise(looks, ship, ships, words, capsys):
    found, metrics = guarded(looks, ship)
    assert found == ships and metrics["words"][0] == words
    assert metrics["trusted"] == (looks is SURE)
    assert words in capsys.readouterr().out


def test_a_class_that_most_rows_have_is_no_collapse_where_the_prior_says_so():
    rare = np.array([0] * 970 + [1] * 30)
    looks = {"source only": Evidence(3.0 * np.eye(2)[rare]), "dan": Evidence(9.0 * np.eye(2)[rare])}
    assert guarded(looks, "guarded")[0] == "source only"
    assert guarded(looks, "guarded", prior=[0.97, 0.03])[0] == "dan"


def test_the_table_counts_what_was_refused_and_what_was_kept():
    trusted, refused = Verdict(True, ("surer.",), {}), Verdict(False, ("less sure.",), {})
    runs = {"a_1_0": (-0.03, refused), "b_1_0": (-0.3, trusted), "c_1_0": (0.06, trusted), "d_1_0": (0.04, refused)}
    assert table.counted(list(runs.values())) == ["2", "1 of 2, 50 % (1 to 99)", "1", "1 of 1, 100 % (3 to 100)"]
    assert list(table.mistakes({"pair": runs})) == ["- pair, b_1_0: -30.0. surer."]
    text = table.table({"pacs_a_b": runs, "glyphs_a_b": {}})
    assert "| pacs_a_b | 2 | 1 of 2, 50 % (1 to 99) | 1 |" in text and "| glyphs_a_b | 0 | – | 0 | – |" in text
