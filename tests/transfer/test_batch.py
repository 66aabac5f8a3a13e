import pytest

from tlkeras.transfer import Batch, is_views


def test_view_names():
    assert is_views({"source": 1, "target_strong": 2, "source_2": 3, "unlabeled": 4})
    assert not is_views({"image": 1, "mask": 2})
    assert not is_views({}) and not is_views([1])


def test_a_misnamed_view_among_views_is_refused():
    with pytest.raises(ValueError, match="Received: \\['source', 'targte'\\]"):
        is_views({"source": 1, "targte": 2})


def test_every_missing_part_is_named():
    batch = Batch({"source": {"input": 1, "output": 2}}, {}, 0)
    assert batch.get("source", "output") == 2
    with pytest.raises(ValueError, match="no view `target`. Received: views \\['source'\\]"):
        batch.get("target", "output")
    with pytest.raises(ValueError, match="no part `features`.*Received: \\['input', 'output'\\]"):
        batch.get("source", "features")
    with pytest.raises(ValueError, match="`source` has no labels"):
        batch.get("source", "labels")
