import shutil
import subprocess

import pytest

from tlkeras.bundle.sums import check_sums, write_sums


@pytest.fixture
def folder(tmp_path):
    for name, content in {"a.txt": b"abc", "sub/b c.bin": bytes(range(256)), "empty": b""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    write_sums(tmp_path)
    return tmp_path


def test_the_sums_are_those_of_the_standard(folder):
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert lines[:2] == [f"{abc}  a.txt", f"{empty}  empty"] and lines[2].endswith("  sub/b c.bin")
    assert check_sums(folder) == {}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
def test_sha256sum_reads_them(folder):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "sub/b c.bin: OK" in done.stdout


def test_each_change_is_named(folder):
    content = bytearray((folder / "sub" / "b c.bin").read_bytes())
    content[100] ^= 1
    (folder / "sub" / "b c.bin").write_bytes(content)
    (folder / "a.txt").unlink()
    (folder / "new").touch()
    assert check_sums(folder) == {
        "a.txt": "is missing",
        "new": "is not listed in SHA256SUMS",
        "sub/b c.bin": "is not what was written",
    }


def test_any_flipped_bit_of_the_list_itself_is_noticed(folder):
    whole = (folder / "SHA256SUMS").read_bytes()
    for place in range(len(whole)):
        for bit in (0, 5):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            (folder / "SHA256SUMS").write_bytes(changed)
            assert check_sums(folder), (place, bit)


def test_a_list_that_is_missing_or_empty_is_named(folder):
    (folder / "SHA256SUMS").write_text("")
    assert check_sums(folder) == {"SHA256SUMS": "is not a list of SHA-256 sums and names"}
    (folder / "SHA256SUMS").unlink()
    assert check_sums(folder) == {"SHA256SUMS": "is missing"}
    write_sums(folder)
    with open(folder / "SHA256SUMS", "a") as file:
        file.write("more")
    assert check_sums(folder) == {"SHA256SUMS": "is not a list of SHA-256 sums and names"}


def test_a_link_to_nowhere_does_not_end_the_check(folder):
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to("nowhere")
    assert check_sums(folder) == {"a.txt": "is not what was written"}
