"""Word numbers of a text, as the network beside this file was trained on: plain Python, nothing to install.

`python tokenize_text.py "A text." "Another."` prints them, one list of numbers a line.
"""

import json
import re
import sys
from pathlib import Path

PUNCTUATION = re.compile(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")
SMALL = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def tokenize(text, tokens):
    """Returns a list of `length` word numbers: 0 is padding, 1 a word that the vocabulary does not have.

    Small letters a-z, no ASCII punctuation, split at ASCII white space; other letters and signs stay as they are.

    Args:
        text: A `str`.
        tokens: Content of `tokens.json`: `{"words": [...], "length": 256}`; a word's number is its place.

    Example:
        >>> tokenize("A good FILM!", {"words": ["", "[UNK]", "good", "a"], "length": 4})
        [3, 2, 1, 0]
    """
    words = re.split("[ \t\n\v\f\r]+", PUNCTUATION.sub("", text.translate(SMALL)))
    numbers = {word: number for number, word in enumerate(tokens["words"])}
    found = [numbers.get(word, 1) for word in words if word][: tokens["length"]]
    return found + [0] * (tokens["length"] - len(found))


if __name__ == "__main__":
    vocabulary = json.loads(Path(__file__).with_name("tokens.json").read_text(encoding="utf-8"))
    for line in sys.argv[1:]:
        print(tokenize(line, vocabulary))
