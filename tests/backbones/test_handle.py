import pytest

from tlkeras.backbones import from_handle


def test_directory_and_prefix():
    assert from_handle("saved_models/glyphs").fingerprint == from_handle("hub:saved_models/glyphs").fingerprint


@pytest.mark.parametrize("prefix", ["", "applications:"])
def test_application_with_arguments(prefix):
    backbone = from_handle(f"{prefix}MobileNetV2?alpha=0.35&weights=None", True, input_shape=(32, 32, 3))
    assert backbone.input_size == (32, 32) and backbone.trainable and len(backbone.blocks) == 19


@pytest.mark.parametrize("handle", ["no_such_folder", "applications:MobilNet", "gopher://x", "VGG16?weights=none.h5"])
def test_what_names_nothing_says_which_forms_there_are(handle):
    with pytest.raises(ValueError, match="A backbone's handle is DIR"):
        from_handle(handle)
