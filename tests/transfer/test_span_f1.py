import keras
import numpy as np
import pytest

from tlkeras.transfer import SpanF1

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def ids(text):
    return [TAGS.index(tag) if tag in TAGS else -1 for tag in text.split()]


def f1(true, predicted, **kwargs):
    metric = SpanF1(TAGS)
    metric.update_state(np.array(true), np.eye(len(TAGS))[np.maximum(predicted, 0)], **kwargs)
    return float(metric.result())


@pytest.mark.parametrize(
    "true, predicted, expected",
    [
        ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC", 1),
        ("B-PER I-PER O B-LOC", "B-PER I-PER O B-PER", 1 / 2),  # another kind
        ("B-PER I-PER O B-LOC", "B-PER O O B-LOC", 1 / 2),  # another end
        ("B-PER I-PER O B-LOC", "O B-PER O B-LOC", 1 / 2),  # another beginning
        ("B-PER I-PER O B-LOC", "O I-PER O B-LOC", 1 / 2),
        ("B-PER B-PER O O", "B-PER I-PER O O", 0),  # two against one: 0 right of 1 and 2
        ("B-PER O O O", "I-PER O O O", 1),  # an I- that goes on with nothing begins a span
        ("B-PER B-LOC O O", "B-PER I-LOC O O", 1),
        ("O O B-PER I-PER", "O O B-PER I-PER", 1),  # to the last token
        ("O O O O", "O B-PER O O", 0),
        ("O O O O", "O O O O", 1),
        ("B-PER ? ? ?", "B-PER I-PER B-LOC O", 1),  # what is not labelled counts neither way
    ],
)
def test_spans_by_hand(true, predicted, expected):
    assert f1([ids(true)], [ids(predicted)]) == pytest.approx(expected)


def spans(tags):
    """Returns `(kind, first, last)` of the spans, one token after another."""
    found, kind = [], None
    for place, tag in enumerate([*tags, "O"]):
        goes_on = tag.startswith("I-") and tag[2:] == kind
        if kind and not goes_on:
            found.append((kind, start, place - 1))  # noqa: F821
        if not goes_on:
            start, kind = place, tag[2:] or None  # noqa: F841
    return found


def test_random_tags_give_what_a_loop_gives_over_several_batches():
    draw, metric, counts = np.random.default_rng(0), SpanF1(TAGS), np.zeros(3)
    for _ in range(3):
        true, predicted = draw.integers(0, len(TAGS), (2, 20, 9))
        metric.update_state(true, np.eye(len(TAGS))[predicted])
        for row, (a, b) in enumerate(zip(true, predicted, strict=True)):
            wanted, found = ({(row, *s) for s in spans([TAGS[i] for i in tags])} for tags in (a, b))
            counts += len(wanted & found), len(found), len(wanted)
    assert float(metric.result()) == pytest.approx(2 * counts[0] / (counts[1] + counts[2]))


def test_weights_of_rows_and_the_config():
    true, predicted = [ids("B-PER O"), ids("B-LOC O")], [ids("B-PER O"), ids("O O")]
    assert f1(true, predicted) == pytest.approx(2 / 3)
    assert f1(true, predicted, sample_weight=np.array([1.0, 0.0])) == 1
    config = keras.saving.serialize_keras_object(SpanF1(TAGS))
    assert keras.saving.deserialize_keras_object(config).tags == TAGS


@pytest.mark.parametrize("tags", [["O", "PER"], ["B-PER"], ["O", "O"], ["O", "B-"]])
def test_tags_of_another_form_are_refused(tags):
    with pytest.raises(ValueError, match="`tags` must be O, B-KIND and I-KIND, each once. Received: "):
        SpanF1(tags)
