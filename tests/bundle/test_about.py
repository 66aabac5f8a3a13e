import pytest

from tlkeras.bundle import About


def test_classes_without_names_get_their_numbers():
    assert About().names(3) == ["0", "1", "2"]
    assert About(class_names=("a", "ü b")).names(2) == ["a", "ü b"]


@pytest.mark.parametrize("labels", [("a",), ("a", "b", "c"), ("a", "a"), ("a", " "), ("a", "b\nc"), ("a", "b\u2028c")])
def test_names_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match=f"`class_names` must be 2 different names.*Received: {len(labels)}: 'a'"):
        About(class_names=labels).names(2)


def test_the_licence_is_the_one_given_or_known_or_unknown(tmp_path):
    assert About().backbone_licence == "unknown: ask the publisher"
    assert About(metrics={"backbone": "MobileNetV2"}).backbone_licence == "unknown: ask the publisher"
    assert About(metrics={"backbone": "saved_models/glyphs"}).backbone_licence == "Apache-2.0"
    assert About(metrics={"backbone": "saved_models/glyphs"}, licence="mine").backbone_licence == "mine"
    (tmp_path / "LICENSE").touch()
    assert About(metrics={"backbone": str(tmp_path)}).backbone_licence == f"see LICENSE in {tmp_path}"
