from tlkeras.tuning import leaderboard
from tlkeras.tuning.plan import Plan
from tlkeras.tuning.record import Record, best_of, read_all
from tlkeras.tuning.space import Choice

PLAN = Plan({"x": Choice(("a", "b"))}, 5, objective="snd", epochs=9)
RECORDS = (
    Record(0, {"x": "a"}, "done", 0.5, seconds=1.25, figures={"last": 0.25, "predicted": {"ants": 3}}),
    Record(1, {"x": "b"}, "failed", reason="diverged | loss nan\nafter epoch 1", seconds=0.5),
    Record(2, {"x": "b"}, "done", 0.75, seconds=2.0),
    Record(3, {"x": "b"}),
    Record(4, {"x": "b"}, "done", 0.9, share=1 / 3, seconds=2.0),
)


def test_the_best_comes_first_and_what_had_less_training_after_it(tmp_path):
    for record in RECORDS:
        record.write(tmp_path)
    assert [record.trial for record in read_all(tmp_path)] == [2, 0, 4, 1, 3]
    assert best_of(RECORDS) is RECORDS[2] and best_of(RECORDS[1:2]) is None


def test_the_files_hold_every_trial(tmp_path):
    for record in RECORDS:
        record.write(tmp_path)
    leaderboard.write(tmp_path, PLAN)
    assert (tmp_path / "leaderboard.csv").read_text().splitlines()[:3] == [
        "trial,snd,x,epochs,seconds,status,last", "2,0.75,b,9,2.0,done,", "0,0.5,a,9,1.25,done,0.25",
    ]  # fmt: skip
    lines = (tmp_path / "leaderboard.md").read_text().splitlines()
    assert lines[1] == "|---|---|---|---|---|---|---|" and lines[2] == "| 2 | 0.75 | b | 9 | 2 | done | – |"
    assert lines[5] == "| 1 | – | b | 9 | 0.5 | failed: diverged \\| loss nan after epoch 1 | – |"
    assert lines[6].endswith("| running | – |") and len(lines) == 7


def test_the_front_is_marked_and_shown_alone(tmp_path):
    plan = Plan(PLAN.space, 5, "optuna", "snd", against="bytes")
    for trial, (score, cost) in enumerate(((0.5, 10), (0.75, 30), (0.25, 20))):
        Record(trial, {"x": "a"}, "done", score, seconds=1.0, figures={"bytes": cost}).write(tmp_path)
    Record(3, {"x": "b"}, "failed", reason="diverged").write(tmp_path)
    records = leaderboard.write(tmp_path, plan)
    assert (tmp_path / "leaderboard.csv").read_text().splitlines() == [
        "trial,snd,x,bytes,front,seconds,status", "1,0.75,a,30,yes,1.0,done", "0,0.5,a,10,yes,1.0,done",
        "2,0.25,a,20,no,1.0,done", "3,,b,,no,,failed: diverged",
    ]  # fmt: skip
    table = leaderboard.as_front(records, plan)
    assert [row[0] for row in table.rows] == ["0", "1"] and "of 4 trials no other beats these 2" in table.caption
    assert "no other beats these 2 in both snd" in leaderboard.text(records, plan)
    assert "no other beats" not in leaderboard.text(records, PLAN)


def test_the_table_counts(tmp_path):
    table = leaderboard.as_table(RECORDS, PLAN, most=2)
    assert len(table.rows) == 2 and "5 trials of a random search, 3 with a score and 1 without" in table.caption
