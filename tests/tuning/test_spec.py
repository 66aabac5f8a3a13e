import json

import pytest

from tlkeras.tuning.space import Choice, Float, Int, as_json
from tlkeras.tuning.spec import parse

DECLARED = {
    "rate": Float(1e-4, 1e-1, log=True),
    "depth": Choice(("0", "2", "4")),
    "bottleneck": Choice((64, 256)),
    "batch_size": Int(8, 64),
    "dropout": Float(0.0, 0.7),
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("rate", {"rate": Float(1e-4, 1e-1, log=True)}),
        ("rate=1e-3..1e-2:log", {"rate": Float(1e-3, 1e-2, log=True)}),
        ("rate=0.001..1", {"rate": Float(0.001, 1.0)}),
        ("rate=1e-3|1", {"rate": Choice((1e-3, 1.0))}),
        ("depth=0|all,batch-size", {"depth": Choice(("0", "all")), "batch_size": Int(8, 64)}),
        ("bottleneck=64..128, batch_size=8|16", {"bottleneck": Int(64, 128), "batch_size": Choice((8, 16))}),
        ("dropout=-0.5..0.5", {"dropout": Float(-0.5, 0.5)}),
    ],
)
def test_text_is_read_with_the_types_of_what_is_declared(spec, expected):
    assert parse(spec, DECLARED) == expected


def test_a_file_says_the_same_and_takes_values_with_commas(tmp_path):
    path = tmp_path / "space.json"
    path.write_text(json.dumps({"rate": "1e-3..1e-2:log", "depth": ["0", "all"], "bottleneck": None}))
    wanted = {"rate": Float(1e-3, 1e-2, log=True), "depth": Choice(("0", "all")), "bottleneck": Choice((64, 256))}
    assert parse(path, DECLARED) == wanted
    path.write_text(json.dumps({"depth": ["mcc", "mcc,cdan"]}))
    assert parse(path, DECLARED) == {"depth": Choice(("mcc", "mcc,cdan"))}


def test_what_is_written_as_json_is_read_again(tmp_path):
    path = tmp_path / "space.json"
    path.write_text(json.dumps(as_json(DECLARED)))
    assert parse(path, DECLARED) == DECLARED
    assert as_json(DECLARED)["depth"] == ["0", "2", "4"] and as_json(DECLARED)["rate"] == "0.0001..0.1:log"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rat=1..2", "must name some of rate, depth, .*rat cannot be searched"),
        ("rate,rate", "each once"),
        ("", "must name some of"),
        ("rate=a..b", "must give `rate` values such as 0.0001..0.1:log"),
        ("rate=2..1", "must rise"),
        ("rate=0..1:log", "above 0"),
        ("rate=1..2:cubic", "`cubic` is no scale"),
        ("batch_size=1..8:log", "`log` is no scale"),
        ("batch_size=1.5..8", "must be whole"),
        ("bottleneck=64|all", "invalid literal"),
        ("depth=2|2", "each once"),
        ("nowhere.json", "must be readable as JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        parse(spec, DECLARED)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "space.json").write_text("[1]")
    with pytest.raises(ValueError, match="must be an object"):
        parse(tmp_path / "space.json", DECLARED)
