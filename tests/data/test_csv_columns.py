import gzip

import pytest

from tlkeras.data.csv_columns import read_csv


def written(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_cells_come_with_the_line_where_their_row_ends(tmp_path):
    path = written(tmp_path, 'age,job\n31, cook \n\n58,"bak\ner, old"\n')
    assert read_csv(path) == ({"age": ["31", "58"], "job": ["cook", "bak\ner, old"]}, [2, 5])


def test_semicolons_gzip_and_a_byte_order_mark(tmp_path):
    path = written(tmp_path, gzip.compress("\ufeffgröße;b\n1;2\n".encode()), "a.csv.gz")
    assert read_csv(path) == ({"größe": ["1"], "b": ["2"]}, [2])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a,b,a\n1,2,3\n", r"name every column, each once. Received: \['a'\]"),
        ("a,,b\n1,2,3\n", "name every column"),
        ("a,b\n1,2\n3\n", "must have 2 cells, .* Received: 1 cells in line 3"),
        ("a,b\n1,2\n3,4,5\n", "Received: 3 cells in line 3"),
        ("a,b\n", "a header and at least one row"),
        ("", "a header and at least one row"),
        ('a,b\n1,"2\n', "must be csv. Received: .* in line 2"),
        ("a,b\n1,2\nk\u00f6ln,3\n".encode("latin-1"), "must be UTF-8.* Received: byte 0xf6 in line 3"),
        ("a,b\n1,2\n".encode("utf-16"), "must be UTF-8.* Received: byte 0xff in line 1"),
        ("a,b\n1," + "x" * 200_000, "field larger than field limit.* in line 2"),
    ],
)
def test_what_is_no_table_is_told_by_line(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        read_csv(written(tmp_path, content))


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_csv(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="cannot be read"):
        read_csv(written(tmp_path, b"a,b\n1,2\n", "a.csv.gz"))
    whole = gzip.compress(b"a,b\n1,2\n" * 100)
    with pytest.raises(ValueError, match="cannot be read"):
        read_csv(written(tmp_path, whole[:-12], "b.csv.gz"))
