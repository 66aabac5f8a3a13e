import dataclasses
import json
import sys

import pytest

from recipes.common.harness import flag, run_recipe


@dataclasses.dataclass
class Flags:
    rate: float = flag(0.1, "a number")
    name: str = flag("a", "a word")
    smoke: bool = flag(False, "a switch")


def run(monkeypatch, *arguments, body=None):
    calls = []

    def run_seed(flags, folder, seed):
        calls.append((flags, folder, seed))
        if body:
            body(folder, seed)
        return {"seed": seed, "backbone_fingerprint": "f", "method": "m", "adapted": {"last": 0.5 + 0.1 * seed}}

    monkeypatch.setattr(sys, "argv", ["toy.py", *map(str, arguments)])
    run_recipe("toy", "A toy.", Flags, run_seed)
    return calls


def test_flags_come_from_the_file_and_the_command_line_wins(monkeypatch, tmp_path):
    (tmp_path / "flags.json").write_text('{"rate": 0.5, "name": "file"}')
    config = ("--config", tmp_path / "flags.json")
    [(flags, folder, seed)] = run(monkeypatch, *config, "--name", "line", "--seed", 3, "--out", tmp_path / "o")
    assert (flags, folder, seed) == (Flags(0.5, "line", False), tmp_path / "o", 3)
    saved = json.loads((tmp_path / "o" / "config.json").read_text())
    assert saved["flags"] == {"rate": 0.5, "name": "line", "smoke": False} and saved["versions"]["keras"]


def test_several_seeds_have_a_folder_each_and_a_spread(monkeypatch, tmp_path):
    calls = run(monkeypatch, "--seeds", 3, "--out", tmp_path / "o")
    assert [(folder.name, seed) for _, folder, seed in calls] == [("seed_0", 0), ("seed_1", 1), ("seed_2", 2)]
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert metrics["adapted"]["last"] == pytest.approx({"mean": 0.6, "sd": 0.1}) and metrics["seed"] == [0, 1, 2]


def test_an_interrupted_run_keeps_its_folder_and_resumes_without_repeating_seeds(monkeypatch, tmp_path):
    def interrupt(folder, seed):
        (folder / "checkpoints").mkdir(exist_ok=True)
        if seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="Interrupted.*`--resume --out .*/o`"):
        run(monkeypatch, "--seeds", 2, "--out", tmp_path / "o", body=interrupt)
    assert (tmp_path / "o" / "seed_0" / "metrics.json").exists()
    assert not (tmp_path / "o" / "seed_0" / "checkpoints").exists()
    assert (tmp_path / "o" / "seed_1" / "checkpoints").exists()
    calls = run(monkeypatch, "--seeds", 2, "--out", tmp_path / "o", "--resume")
    assert [seed for _, _, seed in calls] == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "{o}"], "holds a run already: add `--resume`"),
        (["--out", "{o}", "--resume", "--rate", "0.2"], "needs the flags of the run.*'rate': \\[0.1, 0.2\\]"),
        (
            ["--out", "{o}", "--resume", "--seeds", "2"],
            "needs the flags of the run.*'seeds': \\[\\[0\\], \\[0, 1\\]\\]",
        ),
        (["--resume"], "`--resume` needs `--out`"),
        (["--resume", "--out", "{o}_typo"], "holds no run to resume"),
        (["--out", "{new}", "--config", "{file}"], "Expecting value"),
        (["--out", "{new}", "--config", "{o}_absent.json"], "No such file"),
        (["--out", "{file}/below"], "Not a directory"),
    ],
)
def test_bad_flags_say_what_to_do_and_lose_nothing(monkeypatch, tmp_path, arguments, message):
    run(monkeypatch, "--out", tmp_path / "o")
    (tmp_path / "file").touch()
    before = (tmp_path / "o" / "metrics.json").read_text()
    places = {"o": tmp_path / "o", "file": tmp_path / "file", "new": tmp_path / "new"}
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, *(argument.format(**places) for argument in arguments))
    assert (tmp_path / "o" / "metrics.json").read_text() == before


def test_the_config_of_a_run_is_a_config(monkeypatch, tmp_path):
    run(monkeypatch, "--rate", 0.7, "--out", tmp_path / "first")
    [(flags, _, _)] = run(monkeypatch, "--config", tmp_path / "first" / "config.json", "--out", tmp_path / "second")
    assert flags.rate == 0.7


def test_a_number_of_seeds_below_one_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, "--seeds", 0)
    assert "must be at least 1. Received: 0" in capsys.readouterr().err


def test_a_config_with_an_unknown_flag_is_refused(monkeypatch, tmp_path):
    (tmp_path / "flags.json").write_text('{"rte": 0.5}')
    with pytest.raises(
        SystemExit, match="unknown flags; known are \\['rate', 'name', 'smoke'\\]. Received: \\['rte'\\]"
    ):
        run(monkeypatch, "--config", tmp_path / "flags.json")
