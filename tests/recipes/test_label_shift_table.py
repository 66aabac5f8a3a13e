import sys

import numpy as np

from recipes.benchmarks import label_shift


def test_the_table_holds_every_domain_and_direction_and_the_shares_are_found(monkeypatch, tmp_path, capsys):
    random = np.random.default_rng(0)
    domains = ("photo", "cartoon")
    monkeypatch.setattr(label_shift, "PACS", domains)
    for name in domains:
        labels = np.arange(210) % 3
        rows = np.eye(3)[labels] * 3 + random.normal(0, 0.7, (210, 3))
        np.savez(tmp_path / f"{name}.npz", features=rows.astype("float32"), labels=labels)
    flags = ["--features", str(tmp_path), "--seeds", "1", "--results", str(tmp_path / "table.md")]
    monkeypatch.setattr(sys, "argv", ["label_shift.py", *flags])
    label_shift.main()
    text = (tmp_path / "table.md").read_text()
    assert text in capsys.readouterr().out
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [tuple(cells[:2]) for cells in lines[2:]] == [
        *((f"| {domain}", direction) for domain in domains for direction in label_shift.DIRECTIONS),
        ("| all", "both"),
    ]
    assert all(float(error) < 0.05 for error in lines[-1][2:4])


def test_the_rarest_class_has_a_tenth_of_the_rows_of_the_most_frequent():
    labels = np.repeat(np.arange(4), [50, 80, 60, 100])
    for direction, ends in (("falling", [50, 5]), ("rising", [10, 100])):
        rows = label_shift.thinned(labels, direction, np.random.default_rng(0))
        assert np.bincount(labels[rows])[[0, -1]].tolist() == ends and len(set(rows)) == len(rows)
