"""What each method of `torch_reference.py` adds to the loss, in PyTorch: as the Transfer-Learning-Library computes it.

A term is built with the width of the bottleneck and the number of classes, and called with the bottleneck's output and
the logits of a batch, source rows first and as many target rows after them, and the step. Source is domain 1.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Term(nn.Module):
    """A term without weights, which are what a subclass adds here."""

    reads_target = True

    def __init__(self, width, classes):
        super().__init__()


class SourceOnly(Term):
    """No term; the target is not read, not even by BatchNorm."""

    reads_target = False


def ramp(step):
    """Returns the strength of a reversed gradient: 0 at the first step, 0.76 at step 2000."""
    return 2 / (1 + math.exp(-step / 1000)) - 1


def reverse(x, strength):
    """Returns `x`, whose gradient comes back multiplied by `-strength`."""
    return x.detach() - strength * (x - x.detach())


class Critic(nn.Sequential):
    """Logit of the source domain, and its loss: two hidden layers of 1024 units with BatchNorm."""

    def __init__(self, inputs):
        hidden = [[nn.Linear(n, 1024), nn.BatchNorm1d(1024), nn.ReLU()] for n in (inputs, 1024)]
        super().__init__(*hidden[0], *hidden[1], nn.Linear(1024, 1))

    def loss(self, x):
        """Returns the mean binary cross-entropy of rows of which the first half is the source."""
        domain = torch.zeros(len(x), 1)
        domain[: len(x) // 2] = 1
        return F.binary_cross_entropy_with_logits(self(x), domain)


class DANN(Term):
    """Critic on the bottleneck behind a reversed gradient. Ganin et al. 2016, https://arxiv.org/abs/1505.07818."""

    def __init__(self, width, classes):
        super().__init__(width, classes)
        self.critic = Critic(width)

    def forward(self, features, logits, step):
        """Returns the critic's loss."""
        return self.critic.loss(reverse(features, ramp(step)))


class CDAN(Term):
    """Critic on the outer product of features and predictions. Long et al. 2018, https://arxiv.org/abs/1705.10667.

    No gradient reaches the predictions, and no entropy weights: the defaults of the library's class and its example.
    """

    def __init__(self, width, classes):
        super().__init__(width, classes)
        self.critic = Critic(width * classes)

    def forward(self, features, logits, step):
        """Returns the critic's loss."""
        predictions = logits.softmax(1).detach()
        product = predictions[:, :, None] * features[:, None, :]
        return self.critic.loss(reverse(product.flatten(1), ramp(step)))


class CORAL(Term):
    """`||C_s - C_t||_F^2 / (4 d^2)`. Sun, Saenko 2016, https://arxiv.org/abs/1607.01719."""

    def forward(self, features, logits, step):
        """Returns the distance of the covariances."""
        source, target = features.chunk(2)
        return (torch.cov(source.T) - torch.cov(target.T)).square().mean() / 4


class CORALOfTllib(Term):
    """`||C_s - C_t||_F^2 / d^2 + ||m_s - m_t||^2 / d`: what the library computes under the paper's formula."""

    def forward(self, features, logits, step):
        """Returns the distance of the covariances and of the means."""
        source, target = features.chunk(2)
        covariances = (torch.cov(source.T) - torch.cov(target.T)).square().mean()
        return covariances + (source.mean(0) - target.mean(0)).square().mean()


class DAN(Term):
    """Unbiased MMD, sum of five Gaussian kernels. Long et al. 2015, https://arxiv.org/abs/1502.02791.

    `mean_i!=j k(s_i, s_j) + mean_i!=j k(t_i, t_j) - 2 mean_ij k(s_i, t_j)` is the default of the library's class.
    """

    def forward(self, features, logits, step):
        """Returns the MMD, without the constant that the library adds."""
        kernel, rows = self.kernel(features), len(features) // 2
        source, target = kernel[:rows, :rows], kernel[rows:, rows:]
        same = source.sum() - source.trace() + target.sum() - target.trace()
        return same / (rows * (rows - 1)) - 2 * kernel[:rows, rows:].mean()

    def kernel(self, x):
        """Returns `sum_k exp(-d / (2 * 2^k * mean d))`, k from -3 to 1, `d` the squared distances of all rows."""
        norms = x.square().sum(1)
        distances = norms[:, None] + norms[None, :] - 2 * x @ x.T
        return sum(torch.exp(-distances / (2 * 2.0**k * distances.detach().mean())) for k in range(-3, 2))


class DANBroadcast(DAN):
    """`DAN` at the price that the library pays: every kernel subtracts all pairs of rows again."""

    def kernel(self, x):
        """Returns the same as `DAN`'s."""
        kernels = []
        for k in range(-3, 2):
            distances = (x[None] - x[:, None]).square().sum(2)
            kernels.append(torch.exp(-distances / (2 * 2.0**k * distances.detach().mean())))
        return sum(kernels)


class DANLinear(DAN):
    """Linear-time MMD, the default of the library's example.

    `mean_i k(s_i, s_i+1) + k(t_i, t_i+1) - k(s_i, t_i+1) - k(s_i+1, t_i)`.
    """

    def forward(self, features, logits, step):
        """Returns the MMD of neighbours in the batch, without the constant that the library adds."""
        kernel, rows = self.kernel(features), len(features) // 2
        one = torch.arange(rows)
        two = (one + 1) % rows
        same = kernel[one, two] + kernel[one + rows, two + rows]
        return (same - kernel[one, two + rows] - kernel[two, one + rows]).mean()


class MCC(Term):
    """Class confusion of the target at temperature 2.5. Jin et al. 2020, https://arxiv.org/abs/1912.03699."""

    def forward(self, features, logits, step):
        """Returns the share of the confusion that is off the diagonal."""
        predictions = (logits.chunk(2)[1] / 2.5).softmax(1)
        entropy = -(predictions * torch.log(predictions + 1e-5)).sum(1).detach()
        weights = 1 + torch.exp(-entropy)
        confusion = (predictions * (weights / weights.mean())[:, None]).T @ predictions
        confusion = confusion / confusion.sum(1)
        return (confusion.sum() - confusion.trace()) / len(confusion)


class MDD(Term):
    """Margin disparity discrepancy, margin 4. Zhang et al. 2019, https://arxiv.org/abs/1904.05801.

    A second head agrees with the first on the source and disagrees on the target; behind a reversed gradient of
    strength up to 0.1 the bottleneck prevents it.
    """

    def __init__(self, width, classes):
        super().__init__(width, classes)
        self.head = nn.Linear(width, classes)

    def forward(self, features, logits, step):
        """Returns `4 * cross-entropy` on the source less `log(1 - p)` on the target, of the first head's answers."""
        answers = logits.argmax(1).chunk(2)
        source, target = self.head(reverse(features, 0.1 * ramp(step))).chunk(2)
        others = torch.log(torch.clamp(1 - target.softmax(1) + 1e-6, max=1.0))
        return 4 * F.cross_entropy(source, answers[0]) + F.nll_loss(others, answers[1])


class DeepMDD(MDD):
    """`MDD` with the library's own head; dropout precedes it in the bottleneck."""

    def __init__(self, width, classes):
        super().__init__(width, classes)
        self.head = deep_head(width, classes)


def deep_head(width, classes):
    """Returns a classifier with a hidden layer as wide as its input, and dropout 0.5."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, classes))
