"""Numbers of the words of a sentence, as the network beside this file was trained on: nothing to install.

`python tag_tokens.py "anna is in new york"` prints them: for each word, its number and how it is written.
"""

import json
import sys
from pathlib import Path


def shape_of(word):
    """Returns how a word is written: 1 small letters, 2 a capital first, 3 capitals, 4 digits, 5 anything else."""
    if any(letter.isdigit() for letter in word):
        return 4
    if not word.isalpha():
        return 5
    return 1 if word.islower() else 3 if word.isupper() and len(word) > 1 else 2


def numbers_of(words, tokens):
    """Returns `length` pairs `[number, shape]`: number 0 is padding, 1 a word that the vocabulary does not have.

    Args:
        words: List of `str`, split where the training data are: punctuation is a word. Those beyond the length are
            cut off.
        tokens: Content of `tokens.json`: `{"words": [...], "length": 16, "tags": [...]}`; a word's number is its place.
    """
    places = {word: number for number, word in enumerate(tokens["words"])}
    pairs = [[places.get(word.lower(), 1), shape_of(word)] for word in words[: tokens["length"]]]
    return pairs + [[0, 0]] * (tokens["length"] - len(pairs))


if __name__ == "__main__":
    vocabulary = json.loads(Path(__file__).with_name("tokens.json").read_text(encoding="utf-8"))
    for line in sys.argv[1:]:
        print(numbers_of(line.split(), vocabulary))
