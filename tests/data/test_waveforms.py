import keras
import numpy as np
import pytest
from scipy.io import wavfile

from tlkeras import data
from tlkeras.data import unlabelled_waveforms, waveforms

RATE = 8000


def tone(frequency, seconds=0.5, rate=RATE):
    return (8000 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype("int16")


@pytest.fixture
def words(tmp_path):
    """Two classes of three and two tones; the frequency is 300 + 100 * row."""
    for row, name in enumerate(("yes/a", "yes/b", "yes/deeper/c", "no/d", "no/e")):
        path = tmp_path / "words" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, RATE, tone(300 + 100 * row))
    return tmp_path / "words"


def frequencies(clips):
    return np.abs(np.fft.rfft(clips)).argmax(axis=1) * RATE / clips.shape[1]


def test_samples_labels_and_names_belong_together(words, capsys):
    found = waveforms(words, RATE, seconds=0.5)
    assert found.class_names == ("no", "yes") and found.counts == {"no": 2, "yes": 3}
    assert found.names == ("no/d.wav", "no/e.wav", "yes/a.wav", "yes/b.wav", "yes/deeper/c.wav")
    assert found.labels.tolist() == [0, 0, 1, 1, 1] and capsys.readouterr().out == ""
    clips = found[:]
    assert clips.shape == (5, 4000) and clips.dtype == "float32"
    np.testing.assert_array_equal(frequencies(clips), [600, 700, 300, 400, 500])
    np.testing.assert_array_equal(found[np.array([3, 1])], clips[[3, 1]])
    np.testing.assert_array_equal(found[found.labels == 0], clips[:2])
    np.testing.assert_array_equal(found[-1], clips[-1])
    assert found[[]].shape == (0, 4000)


def archive(path, **changes):
    clips = [tone(300 + 100 * row, 0.3 + 0.1 * row) for row in range(4)]
    parts = {
        "samples": np.concatenate(clips), "offsets": np.cumsum([0] + [len(clip) for clip in clips]),
        "label": np.array([10, 9, 10, 2], "uint8"),
    }  # fmt: skip
    np.savez(path, **{name: part for name, part in (parts | changes).items() if part is not None})
    return clips


def test_an_archive_gives_what_its_files_would(tmp_path):
    clips = archive(tmp_path / "theo.npz")
    for name, label in (("10/0", 0), ("9/1", 1), ("10/2", 2), ("2/3", 3)):
        (tmp_path / "theo" / name).parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(tmp_path / "theo" / f"{name}.wav", RATE, clips[label])
    whole = waveforms(tmp_path / "theo.npz", RATE, seconds=0.45)
    files = waveforms(tmp_path / "theo", RATE, seconds=0.45, class_names=("2", "9", "10"))
    assert whole.class_names == files.class_names and whole.labels.tolist() == [2, 1, 2, 0]
    assert whole.names[2] == "theo.npz/2"
    np.testing.assert_array_equal(whole[[3, 1, 0, 2]], files[:])
    np.testing.assert_array_equal(whole.subset([2, 0])[:], whole[[2, 0]])
    assert whole.subset([2, 0]).fingerprint != whole.subset([0, 2]).fingerprint
    assert unlabelled_waveforms(tmp_path / "theo.npz", RATE).labels.tolist() == [-1] * 4


def test_an_archive_with_a_rate_of_its_own_is_resampled(tmp_path, capsys):
    archive(tmp_path / "theo.npz", rate=16000)
    found = waveforms(tmp_path / "theo.npz", RATE, seconds=0.3)
    assert abs(frequencies(found[:1])[0] - 600) < 8
    assert "theo.npz: 4 of 4 recordings have 16000 Hz: they are resampled to 8000 Hz" in capsys.readouterr().out


def test_what_becomes_of_recordings_is_told(words, capsys):
    wavfile.write(words / "no/d.wav", 16000, np.stack([tone(300, 2, 16000)] * 2, axis=1))
    wavfile.write(words / "no/e.wav", RATE, np.full(100, 1.5, "float32"))
    (words / "no/notes.txt").touch()
    found = waveforms(words, RATE, seconds=1.0, crop="loudest")
    printed = capsys.readouterr().out
    assert f"{words}: 1 of 5 recordings have 2 channels: their mean is taken" in printed
    assert "1 of 5 recordings have 16000 Hz: they are resampled to 8000 Hz" in printed
    assert "1 of 5 recordings are longer than 1 s: their loudest part is taken" in printed
    assert "1 of 5 recordings go beyond 1: they are clipped" in printed
    assert "ignored 1 files that are no wav (1 .txt)" in printed
    np.testing.assert_array_equal(frequencies(found[:1]), [300])


def test_every_recording_that_cannot_be_used_is_named(words, capsys):
    (words / "yes/a.wav").write_bytes((words / "yes/a.wav").read_bytes()[:500])
    wavfile.write(words / "yes/b.wav", RATE, np.zeros(4000, "int16"))
    with pytest.raises(ValueError) as raised:
        waveforms(words, RATE)
    message = str(raised.value)
    assert message.startswith(f"2 of 5 recordings of {words} cannot be used") and "skip_unreadable=True" in message
    assert "\n  yes/a.wav: no whole wav file (Reached EOF" in message and "\n  yes/b.wav: it is silent" in message
    found = waveforms(words, RATE, skip_unreadable=True)
    assert found.counts == {"no": 2, "yes": 1} and len(found[:]) == 3 == len(found.digests)
    assert "skipped 2 recordings that cannot be used:\n  yes/a.wav" in capsys.readouterr().out
    (words / "yes/deeper/c.wav").unlink()
    with pytest.raises(ValueError, match="Every class must have a recording.*none of \\['yes'\\]"):
        waveforms(words, RATE, skip_unreadable=True)
    with pytest.raises(ValueError, match="2 of 2 recordings .* cannot be used"):
        unlabelled_waveforms(words / "yes", RATE, skip_unreadable=True)


def test_the_target_is_any_folder_or_list(words):
    below = unlabelled_waveforms(words, RATE, seconds=0.5)
    listed = unlabelled_waveforms([words / name for name in below.names], RATE, seconds=0.5)
    assert below.class_names == () and below.labels.tolist() == [-1] * 5 and below.counts == {}
    np.testing.assert_array_equal(below[:], listed[:])
    assert below.fingerprint == listed.fingerprint != unlabelled_waveforms(words, RATE, seconds=0.4).fingerprint


def test_places_without_recordings(words, tmp_path):
    (tmp_path / "empty").mkdir()
    for make in (waveforms, unlabelled_waveforms):
        with pytest.raises(ValueError, match="`directory` must hold one folder|`where` must hold recordings"):
            make(tmp_path / "empty", RATE)
        with pytest.raises(ValueError, match="must be a folder"):
            make(tmp_path / "absent", RATE)
    with pytest.raises(ValueError, match="none in 0 files"):
        unlabelled_waveforms([], RATE)
    (words / "maybe").mkdir()
    with pytest.raises(ValueError, match="none of \\['maybe'\\]"):
        waveforms(words, RATE)
    with pytest.raises(ValueError, match="folders of no class \\['maybe', 'yes'\\]"):
        waveforms(words, RATE, class_names=("no",))


@pytest.mark.parametrize(
    ("changes", "text"),
    (
        ({"offsets": None}, "`samples`, signed integers or floats in a row, and `offsets`"),
        ({"offsets": np.array([0, 99_999])}, "end within them"),
        ({"offsets": np.array([0, 9, 3, 11, 12])}, "which rise"),
        ({"samples": np.zeros((4, 100))}, "in a row"),
        ({"label": None}, "`label`, one for each of its 4 recordings.*with none"),
        ({"label": np.zeros(3, int)}, "with shape \\(3,\\)"),
    ),
)
def test_archives_that_are_none_are_refused(tmp_path, changes, text):
    archive(tmp_path / "theo.npz", **changes)
    with pytest.raises(ValueError, match=text):
        waveforms(tmp_path / "theo.npz", RATE)


def test_other_classes_than_the_source_are_named(tmp_path):
    archive(tmp_path / "theo.npz")
    with pytest.raises(ValueError, match="labels \\['2', '9', '10'\\], class_names=\\['9', '10'\\]"):
        waveforms(tmp_path / "theo.npz", RATE, class_names=("9", "10"))
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="must be an npz file of recordings"):
        waveforms(tmp_path / "text.npz", RATE)


@pytest.mark.parametrize("look", ({"rate": 0}, {"rate": 8000.5}, {"seconds": 0}, {"crop": "start"}))
def test_arguments_out_of_range(words, look):
    with pytest.raises(ValueError, match="`rate`|`crop`"):
        waveforms(words, **{"rate": RATE} | look)


def test_recordings_go_where_images_go(words):
    found = waveforms(words, RATE, seconds=0.5)
    [(batch, labels)] = list(data.pair(found, unlabelled_waveforms(words, RATE, seconds=0.5), batch_size=5))
    assert batch["source"].shape == batch["target"].shape == (5, 4000) and sorted(labels["source"]) == [0, 0, 1, 1, 1]
    rows, answers = found.batches(2)[0]
    assert isinstance(found.batches(2), keras.utils.PyDataset) and rows.shape == (2, 4000) and len(answers) == 2
    assert [len(part) for part in found.split((0.5, 0.5))] == [3, 2] or len(found.split((0.5, 0.5))) == 2
