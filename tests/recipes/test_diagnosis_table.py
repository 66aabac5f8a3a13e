import sys

import numpy as np

from recipes.benchmarks import diagnosis


def test_the_table_holds_every_half_and_pair_and_the_advice_is_right(monkeypatch, tmp_path, capsys):
    random = np.random.default_rng(0)
    domains = ("photo", "cartoon")
    monkeypatch.setattr(diagnosis, "PACS", domains)
    monkeypatch.setattr(diagnosis, "RENDERED", 300)
    for place, name in enumerate(domains):
        labels = np.arange(600) % 4
        rows = np.eye(5)[labels] * 4 + np.eye(5)[4] * 9 * place + random.normal(0, 0.7, (600, 5))
        np.savez(tmp_path / f"{name}.npz", features=rows.astype("float32"), labels=labels)
    flags = ["--features", str(tmp_path), "--seeds", "1", "--results", str(tmp_path / "table.md")]
    monkeypatch.setattr(sys, "argv", ["diagnosis.py", *flags])
    diagnosis.main()
    text = (tmp_path / "table.md").read_text()
    assert text in capsys.readouterr().out
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert all(len(cells) == 4 + len(diagnosis.FIGURES) for cells in lines)
    kinds = ("no adaptation", "prior correction", "prior correction")
    assert [cells[0] for cells in lines[:8]] == [*["rendered"] * 3, *["written"] * 3, "rendered", "written"]
    assert [(*cells[:2], cells[-1]) for cells in lines[8:]] == [
        *((name, *of) for name in domains for of in zip(diagnosis.HALVES, kinds, strict=True)),
        ("photo", "cartoon", "class-aware adaptation"),
        ("cartoon", "photo", "class-aware adaptation"),
    ]


def test_seeds_that_disagree_are_counted():
    figures = dict.fromkeys(diagnosis.FIGURES, 0.5)
    runs = [("9, 9", "a", figures), ("9, 9", "b", figures), ("9, 9", "a", {**figures, "AUC left": None})]
    [line] = diagnosis.table({("x", "y"): runs}).splitlines()[2:]
    assert line.endswith("| a 2, b 1 |") and "–" not in line
