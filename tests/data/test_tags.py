import numpy as np
import pytest

from tlkeras.data import tag_labels

NAMES = ["O", "B-PER", "I-PER"]


def test_words_have_the_number_of_their_tag_and_what_is_behind_them_minus_one():
    labels = tag_labels([["Ann", "Lee", "left"], [], ["rain"]], [["B-PER", "I-PER", "O"], [], ["O"]], NAMES, length=4)
    np.testing.assert_array_equal(labels, [[1, 2, 0, -1], [-1] * 4, [0, -1, -1, -1]])
    assert labels.dtype == np.int32


def test_a_long_sentence_is_cut_with_a_warning():
    with pytest.warns(UserWarning, match="1 of 2 sentences have more than length=2 words.*row 1 with 3"):
        labels = tag_labels([["a"], ["b", "c", "d"]], [["O"], ["O", "B-PER", "O"]], NAMES, length=2)
    np.testing.assert_array_equal(labels, [[0, -1], [0, 1]])


@pytest.mark.parametrize(
    "tokens, tags, said",
    [
        ([["a"], ["b", "c"]], [["O"], ["O"]], "Received: 2 words and 1 tags in row 1"),
        ([["a"], ["b"]], [["O"], ["B-XYZ"]], "Received: 'B-XYZ' in row 1"),
        ([["a"]], [["O"], ["O"]], "Received: 1 sentences, 2 lists"),
        (["ab"], [["O", "O"]], "one tag for each word of a list of words.*in row 0"),
    ],
)
def test_mistakes_name_the_row(tokens, tags, said):
    with pytest.raises(ValueError, match=said):
        tag_labels(tokens, tags, NAMES, length=3)


def test_length_is_at_least_one():
    with pytest.raises(ValueError, match="`length` must be an integer >= 1. Received: length=0"):
        tag_labels([], [], NAMES, length=0)
