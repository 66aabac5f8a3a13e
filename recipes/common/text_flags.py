"""The flags of `recipes/sentiment.py`."""

import dataclasses
from pathlib import Path

import keras

from recipes.common.harness import flag
from recipes.common.method_flags import MethodFlags

OWN = ("bag", "transformer")


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks read no text."""

    source: str = flag("", "labelled texts, .jsonl or .csv, plain or .gz; by default made-up reviews of books")
    target: str = flag("", "texts of the other place; no label is read; by default made-up reviews of kitchenware")
    test: str = flag("", "labelled texts of that place, to score; may be the file of --target")
    text: str = flag("text", "column of the texts, or several to join: title,text")
    label: str = flag("label", "column of the classes")
    encoding: str = flag("utf-8", "encoding of the files")
    skip_empty: bool = flag(False, "go on without rows that have no text, and print how many")
    backbone: str = flag("bag", "bag or transformer, made of the texts; or a text embedding: DIR, https://, kaggle://")
    words: int = flag(10_000, "size of the vocabulary of a backbone made of the texts")
    length: int = flag(256, "words of a text that such a backbone looks at")
    width: int = flag(64, "features of such a backbone")
    freeze: bool = flag(False, "leave the text embedding as it is: its vectors are computed once")
    method: str = flag("mmd", "one or several, with commas: mmd, mcc (self-training), dann, cdan, coral...")
    steps: int = flag(600, "training steps of each model")
    epochs: int = flag(6, "parts of the steps, after each of which the target is scored without labels")
    bottleneck: int = flag(64, "width of the layer that is aligned")
    batch_size: int = flag(64, "rows of each domain in a step")
    rate: float = flag(1e-3, "rate of Adam: as --classifier-lr, under the name that `tlkeras tune` searches")
    classifier_lr: float = flag(0.0, "rate of the classifier and the backbone; 0: that of --rate")
    critic_lr: float = flag(0.0, "rate of the methods' own layers, such as DANN's critic; 0: that of the classifier")
    int8: bool = flag(False, "write an int8 LiteRT file too; only of a text embedding, whose vectors are floats")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        given = [name for name in ("source", "target") if getattr(self, name)]
        self._require(len(given) != 1, "must both be given, or neither", "source", "target")
        self._require(given or not self.test, "needs --source and --target", "test")
        for name in (*given, "test"):
            path = getattr(self, name)
            self._require(not path or Path(path).is_file(), "must be a file", name)
        self._require(all(self.columns), "must be names of columns, separated by commas", "text")
        for name in ("words", "length", "width", "bottleneck", "batch_size"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        self._require(self.rate > 0, "must be above 0", "rate")
        for name in ("classifier_lr", "critic_lr"):
            self._require(getattr(self, name) >= 0, "must not be negative", name)
        of_texts = self.backbone in OWN
        self._require(not (of_texts and self.freeze), "is for a pretrained embedding", "freeze", "backbone")
        self._require(not (of_texts and self.int8), "needs a text embedding: word numbers stay integers", "int8")
        super().__post_init__()

    def way(self, names):
        """Returns how the methods are trained: by Adam, with a rate of their own for the methods' layers."""
        rate = self.classifier_lr or self.rate
        own = {"optimizer": lambda: keras.optimizers.Adam(rate), "critic_rate": (self.critic_lr or rate) / rate}
        return dataclasses.replace(super().way(names), **own)

    @property
    def columns(self):
        """The columns of the texts."""
        return tuple(self.text.split(","))
