import pytest

from tlkeras.backbones import from_handle


def test_directory_and_prefix():
    assert from_handle("saved_models/glyphs").fingerprint == from_handle("hub:saved_models/glyphs").fingerprint


@pytest.mark.parametrize("prefix", ["", "applications:"])
def test_application_with_arguments(prefix):
    backbone = from_handle(f"{prefix}MobileNetV2?alpha=0.35&weights=None", True, input_shape=(32, 32, 3))
    assert backbone.input_size == (32, 32) and backbone.trainable and len(backbone.blocks) == 19


def test_a_plus_in_a_path_is_a_plus():
    with pytest.raises(ValueError, match=r"weights='a\+b.h5'"):
        from_handle("MobileNetV2?weights=a+b.h5")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("name=x", r"its name stands before the `\?`.* Received: \['name'\]"),
        ("trainable=True", r"no part of a handle. Received: \['trainable'\]"),
        ("include_top=True", r"are \['alpha', 'pooling'\]: a backbone has no top .* Received: {'include_top': True}"),
        ("beta=2", r"are \['alpha', 'pooling'\]"),
    ],
)
def test_arguments_that_are_not_for_the_caller(query, message):
    with pytest.raises(ValueError, match=message):
        from_handle(f"applications:MobileNetV2?{query}")


@pytest.mark.parametrize("handle", ["no_such_folder", "applications:MobilNet", "gopher://x", "VGG16?weights=none.h5"])
def test_what_names_nothing_says_which_forms_there_are(handle):
    with pytest.raises(ValueError, match="A backbone's handle is DIR"):
        from_handle(handle)
