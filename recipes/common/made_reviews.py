"""Made-up reviews of two kinds of product, for a run without files: some words of praise are shared, most are not."""

import numpy as np

from tlkeras.data import TextFile

SHARED = {
    "positive": "good great excellent wonderful love recommend perfect happy".split(),
    "negative": "bad poor terrible awful disappointed waste return worst".split(),
}
OWN = {
    "books": {
        "positive": "gripping moving insightful page-turner vivid witty".split(),
        "negative": "boring predictable padded shallow tedious unreadable".split(),
        "things": "novel author story chapter plot reader ending hero".split(),
    },
    "kitchen": {
        "positive": "sturdy sharp quiet easy-to-clean reliable non-stick".split(),
        "negative": "leaking rusty flimsy noisy scratched overheating".split(),
        "things": "pan blade kettle handle lid motor oven knife".split(),
    },
}
FRAMES = ("The {thing} is {word}.", "What a {word} {thing}!", "I found it {word}; the {thing} even more so.",
          "For a {thing} this was {word}.", "My sister has the same {thing}.", "It came with a {thing}.")  # fmt: skip
CLASSES = ("negative", "positive")
COMMON = 0.6  # of the words of praise or complaint are said of both kinds of product
SLIPS = 0.15  # of the words are of the other class: "not bad", and praise before a complaint


def made_reviews(domain, count, seed) -> TextFile:
    """Returns labelled reviews of one kind of product.

    Args:
        domain: `"books"` or `"kitchen"`.
        count: How many.
        seed: Integer.
    """
    random = np.random.default_rng([seed, list(OWN).index(domain)])
    labels = random.permutation(np.arange(count) % 2)
    texts = np.empty(count, object)
    texts[:] = [_review(domain, int(label), random) for label in labels]
    return TextFile(f"made-up reviews of {domain}", texts, labels, CLASSES, np.arange(1, count + 1), ())


def _review(domain, label, random):
    sentences = []
    for _ in range(random.integers(2, 7)):
        kind = CLASSES[label if random.random() > SLIPS else 1 - label]
        words = SHARED[kind] if random.random() < COMMON else OWN[domain][kind]
        frame, thing = FRAMES[random.integers(len(FRAMES))], random.choice(OWN[domain]["things"])
        sentences.append(frame.format(thing=thing, word=random.choice(words)))
    return " ".join(sentences)
