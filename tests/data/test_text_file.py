import csv
import gzip
import json

import numpy as np
import pytest

from tlkeras.data import pair, text_file

MILLION = "good " * 200_000


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_jsonl_and_csv_give_the_same_rows_plain_and_compressed(tmp_path):
    texts, labels = ["It's \"good\",\nreally ☃", "bad"], ["pos", "neg"]
    rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    plain = jsonl(tmp_path / "a.jsonl", *rows)
    table = tmp_path / "a.csv"
    with table.open("w", newline="", encoding="utf-8-sig") as file:  # as Excel writes: with a byte order mark
        csv.writer(file).writerows([["label", "text"], *zip(labels, texts, strict=True)])
    for path in (plain, table):
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        for found in (text_file(path), text_file(packed)):
            assert found.texts.tolist() == texts and found.texts.dtype == object
            assert found.labels.tolist() == [1, 0] and found.class_names == ("neg", "pos")
            assert found.counts == {"neg": 1, "pos": 1} and len(found) == 2 and found[1] == "bad"
    assert text_file(plain).lines.tolist() == [1, 2]
    assert text_file(table).lines.tolist() == [2, 4]  # the first text goes over two lines


def test_classes_are_sorted_by_value_or_in_the_order_given(tmp_path):
    rows = [{"text": "a", "label": label} for label in (10, 9, 2)]
    assert text_file(jsonl(tmp_path / "n.jsonl", *rows)).class_names == ("2", "9", "10")
    rows = [{"text": "a", "label": True}, {"text": "b", "label": False}]
    assert text_file(jsonl(tmp_path / "b.jsonl", *rows)).class_names == ("false", "true")
    found = text_file(tmp_path / "n.jsonl", class_names=(10, 9, 2, 0))
    assert found.labels.tolist() == [0, 1, 2] and found.counts["0"] == 0
    with pytest.raises(ValueError, match=r"one of `class_names`, \['2', '9'\].*Received: '10' in line 1"):
        text_file(tmp_path / "n.jsonl", class_names=("2", "9"))
    with pytest.raises(ValueError, match="each class once"):
        text_file(tmp_path / "n.jsonl", class_names=(2, 9, 10, 10))


def test_several_columns_are_one_text_and_no_label_is_read(tmp_path):
    rows = [{"title": "Good", "text": "iron."}, {"title": None, "text": "Broke."}, {"title": "Only", "text": ""}]
    found = text_file(jsonl(tmp_path / "t.jsonl", *rows), ("title", "text"), label=None)
    assert found.texts.tolist() == ["Good iron.", "Broke.", "Only"]
    assert found.labels is None and found.class_names == () and found.counts == {}


def test_empty_texts_are_told_by_line_or_left_out(tmp_path):
    path = jsonl(tmp_path / "e.jsonl", *({"text": text, "label": 1} for text in ("a", " \n", "b", "")))
    with pytest.raises(ValueError, match="skip_empty=True.*Received: 2 of 4 empty, the first in line 2 of"):
        text_file(path)
    found = text_file(path, skip_empty=True)
    assert found.texts.tolist() == ["a", "b"] and found.lines.tolist() == [1, 3] and found.skipped == (2, 4)
    with pytest.raises(ValueError, match="Received: 1 of 1 empty"):
        text_file(jsonl(path, {"text": "", "label": 1}), skip_empty=True)


def test_a_million_characters_pass(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text(f'text,label\n"{MILLION}",1\nshort,0\n')
    before = csv.field_size_limit()
    found = text_file(path)
    assert len(found.texts[0]) == 1_000_000 and csv.field_size_limit() == before
    rows = pair(found, list(found.texts), batch_size=1)
    assert len(rows) == 2  # and no array of two million characters was made: objects


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", r"must end in \.jsonl or \.csv"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "caf\xe9", "label": 0}\n', "byte 0xe9 in line 2 of"),
        ("a.csv", "text,label\na,1\n".encode("utf-16"), "byte 0xff in line 1 of"),
        ("a.csv.gz", gzip.compress(b"text,label\na,1\n" * 99, mtime=0)[:40], "whole gzip file"),
        ("a.csv", b"text;label\na;1\n", r"text='text'; line 2 of .* has the columns \['text;label'\]"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "b"}\n', r"label='label'; line 2 of .* columns \['text'\]"),
        ("a.csv", b"text,label\na,b,1\n", "the 2 columns .* quote texts with commas.*Received: 3 in line 2 of"),
        ("a.csv", b'text,label\na,1\n"b,0\nc,1\n', "begins in line 3 of"),
        ("a.csv", b"text,text\na,1\n", r"\['text'\] twice in"),
        ("a.csv", b"", "at least one text"),
        ("a.csv", b"text,label\n", "at least one text"),
        ("a.csv", b"text,label\na,\n", "Every row needs a class in 'label'.*Received: '' in line 2"),
        ("a.jsonl", b'[{"text": "a"}]', "one JSON object.*Received: list in line 1"),
        ("a.jsonl", b'\n{"text": "a", \n"label": 1}\n', "one JSON object .*Received: line 2 of"),
        ("a.jsonl", b'{"text": 5, "label": 1}', "must be a text. Received: int in line 1"),
        ("a.jsonl", b'{"text": "a", "label": null}', "needs a class.*None in line 1"),
        ("a.jsonl", b'{"text": "a", "label": [1]}', r"needs a class.*\[1\] in line 1"),
        ("a.jsonl", b'{"text": "a\\ud83d", "label": 1}', "valid Unicode.*'text' in line 1"),
    ],
)
def test_what_is_wrong_is_told_with_the_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        text_file(path)


def test_another_encoding(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\ncafé,1\n".encode("cp1252"))
    assert text_file(path, encoding="cp1252").texts.tolist() == ["café"]
    with pytest.raises(ValueError, match="one that Python knows. Received: encoding='klingon'"):
        text_file(path, encoding="klingon")


def test_pair_takes_texts_as_they_are(tmp_path):
    pytest.importorskip("tensorflow", reason="Keras reads strings with TensorFlow")
    rows = [{"text": f"good {index}", "label": index % 2} for index in range(6)]
    found = text_file(jsonl(tmp_path / "a.jsonl", *rows))
    views, labels = next(iter(pair(found, found, batch_size=2)))
    for text, label in zip(np.asarray(views["source"]), np.asarray(labels["source"]), strict=True):
        assert int(text.decode().split()[1]) % 2 == label
    assert np.asarray(views["target"]).dtype == object
    with pytest.raises(ValueError, match=r"`source` needs labels: .*text_file\(label="):
        pair(text_file(tmp_path / "a.jsonl", label=None), found, batch_size=2)
    with pytest.raises(ValueError, match="`target` must hold numbers, or texts alone. Received: None in row 1"):
        pair(found, ["a", None, "b"], batch_size=2)
    assert np.asarray(found).tolist() == found.texts.tolist()
