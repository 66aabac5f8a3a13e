"""The training loop of `torch_reference.py`: bottleneck, head and term on features, in PyTorch."""

import dataclasses

import torch
import torch.nn.functional as F
import torch_terms as terms
from torch import nn


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table: a term and how it is trained.

    Args:
        term: Class of `torch_terms`.
        rate: First learning rate.
        decay: `g` of the rate.
        weight_decay: Weight decay of every weight.
        rows: Rows of each domain in a batch.
        width: Units of the bottleneck.
        deep: Whether the heads have a hidden layer, and they and the bottleneck dropout.
        small: Whether the first weights are N(0, 0.005) in the bottleneck, with bias 0.1, and N(0, 0.01) in the heads,
            as in the library's MDD, not PyTorch's.
    """

    term: type
    rate: float
    decay: float
    weight_decay: float
    rows: int = 32
    width: int = 256
    deep: bool = False
    small: bool = False


class Learner(nn.Module):
    """Bottleneck, head and term of a row."""

    def __init__(self, row, inputs, classes):
        super().__init__()
        self.bottleneck = nn.Sequential(nn.Linear(inputs, row.width), nn.BatchNorm1d(row.width), nn.ReLU())
        if row.deep:
            self.bottleneck.append(nn.Dropout(0.5))
        self.head = terms.deep_head(row.width, classes) if row.deep else nn.Linear(row.width, classes)
        self.term = row.term(row.width, classes)
        if row.small:
            self.apply(_small)
            nn.init.normal_(self.bottleneck[0].weight, 0, 0.005)
            nn.init.constant_(self.bottleneck[0].bias, 0.1)

    def loss(self, source, labels, target, step):
        """Returns the supervised loss and the term on a batch."""
        features = self.bottleneck(torch.cat([source, target]) if self.term.reads_target else source)
        logits = self.head(features)
        supervised = F.cross_entropy(logits[: len(source)], labels)
        return supervised + self.term(features, logits, step) if self.term.reads_target else supervised

    def accuracy(self, x, labels):
        """Returns the share of right answers in inference mode."""
        self.eval()
        with torch.no_grad():
            return float((self.head(self.bottleneck(x)).argmax(1) == labels).float().mean())


def _small(layer):
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)


def batches(count, size):
    """Yields row numbers for ever: shuffled passes, the remainder of each dropped."""
    while True:
        yield from torch.randperm(count)[: count - count % size].split(size)


def train(learner, row, source, target, steps, fused):
    """Trains a learner on the steps of a range."""
    (source_x, source_y), target_x = source, target[0]
    optimizer = torch.optim.SGD(
        learner.parameters(), row.rate, momentum=0.9, weight_decay=row.weight_decay, nesterov=True, fused=fused
    )
    source_rows, target_rows = batches(len(source_x), row.rows), batches(len(target_x), row.rows)
    learner.train()
    for step in steps:
        optimizer.param_groups[0]["lr"] = row.rate * (1 + row.decay * step) ** -0.75
        chosen = next(source_rows)
        loss = learner.loss(source_x[chosen], source_y[chosen], target_x[next(target_rows)], step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if not torch.isfinite(loss):
        raise SystemExit(f"The loss must stay finite. Received: {float(loss)} after {len(steps)} steps of {row}")
