"""Names of people, places and firms found in chat, where only newspaper sentences are tagged.

The recipe makes both kinds of sentences itself, by `--seed`: news with capital letters, chat without, by other phrases
and with names of which half are not in the news. A network that learned from the news leans on the capitals. Two models
are trained with the same steps: on the news only, and with a method that aligns what the network makes of news and of
chat without tags. The guard says which ships, as a LiteRT file from numbers of words to tags, with the vocabulary
(`tokens.json`) and the program that makes the numbers (`tag_tokens.py`) beside it. Tags of chat score, and choose
nothing. Three seeds: F1 of the names 8.8 ± 2.9 from news alone, 53.0 ± 2.1 aligned; 74.7 and 82.8 % of the words right.

    python recipes/tag_entities.py
    python recipes/tag_entities.py --method dan --weight 1 --seeds 3
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import compare_report, costs  # noqa: E402
from recipes.common.compare import compare, ship  # noqa: E402
from recipes.common.harness import run_recipe  # noqa: E402
from recipes.common.tag_corpus import TAGS  # noqa: E402
from recipes.common.tag_flags import METHODS, Flags  # noqa: E402
from recipes.common.tag_task import TagTask  # noqa: E402
from recipes.common.tagging import token_accuracy  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import report  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402

SEARCH = {
    "rate": Float(3e-4, 1e-2, log=True),
    "method": Choice(METHODS),
    "weight": Float(0.1, 10.0, log=True),
    "dropout": Float(0.0, 0.5),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("information_maximization", "entropy", "nuclear_norm", "snd", "source_accuracy")
COSTS = costs.COSTS
SHOWN = 20  # sentences in the report


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(TagTask(flags, 0), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    with users_input():
        task = TagTask(flags, seed)
        task.check(flags)
    comparison = compare(task, flags, folder, seed)
    for name, part in comparison.parts.items():
        logits = part.predict(task.rows.test, batch_size=512, verbose=0)
        comparison.metrics["rows"][name]["target_token_accuracy_last"] = token_accuracy(logits, task.test_labels)
    metrics = {
        "recipe": "tag_entities",
        "source": "news",
        "target": "chat",
        "backbone": "words and shapes, two convolutions",
        "backbone_fingerprint": None,
        **comparison.metrics,
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    sections = [("Sentences of chat", examples(task, comparison))]
    compare_report.write(folder / "report.html", task, comparison, metrics, sections)
    return metrics


def examples(task, comparison):
    """Returns some target sentences with the tags that the model which ships gives them."""
    logits = comparison.shipped.predict(task.rows.test[:SHOWN], verbose=0)
    records = []
    for words, tags, rows in zip(task.test.tokens, task.test.tags, logits, strict=False):
        found = [TAGS[index] for index in np.argmax(rows, axis=-1)[: len(words)]]
        pairs = list(zip(words, tags, found, strict=False))
        records.append({
            "sentence": " ".join(words),
            "found": ", ".join(f"{word} {tag}" for word, _, tag in pairs if tag != "O"),
            "wrong": ", ".join(f"{word} is {tag}" for word, tag, own in pairs if tag != own),
        })  # fmt: skip
    return report.records_table(records, "Of the test rows; found by the model that ships.")


if __name__ == "__main__":
    run_recipe("tag_entities", __doc__.splitlines()[0], Flags, run, compare_report.summarize)
