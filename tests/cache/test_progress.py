import sys

from tlkeras.cache import progress
from tlkeras.cache.progress import Progress


def clock(monkeypatch, times):
    monkeypatch.setattr(progress.time, "perf_counter", iter(times).__next__)


def test_a_log_gets_plain_lines_now_and_then(monkeypatch, capsys):
    clock(monkeypatch, [0, 5, 10, 12, 20])
    count = Progress(100)
    for _ in range(4):
        count.advance(25)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["features: 50 of 100 rows, 5 rows/s, 10 s left", "features: 100 of 100 rows, 5 rows/s, 20.0 s"]


def test_a_terminal_gets_one_moving_line(monkeypatch, capsys):
    clock(monkeypatch, [0, 1, 2])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    count = Progress(30)
    count.advance(10)
    count.advance(20)
    text = capsys.readouterr().err
    assert text.count("\r") == 2 and text.count("\n") == 1 and text.endswith("30 of 30 rows, 15 rows/s, 2.0 s\033[K\n")


def test_rows_that_were_there_before_do_not_make_the_rate(monkeypatch, capsys):
    clock(monkeypatch, [0, 2])
    Progress(100, done=90).advance(10)
    assert "100 of 100 rows, 5 rows/s" in capsys.readouterr().err
