"""What a learning-rate range test found."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class RateCurve:
    """Losses over exponentially growing learning rates.

    Attributes:
        rates: Learning rate of each batch, rising.
        losses: Loss of each batch.

    Example:
        >>> curve = RateCurve(np.geomspace(1e-4, 1, 50), np.r_[np.full(20, 2.0), np.linspace(2, 1, 20), np.full(10, 9)])
        >>> 0.005 < curve.suggestion < 0.02
        True
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """Mean of each loss and its neighbours, a tenth of the curve wide; centred, so that nothing shifts."""
        half = max(len(self.losses) // 20, 1)
        return np.array([self.losses[max(i - half, 0) : i + half + 1].mean() for i in range(len(self.losses))])

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest.

        There the loss still falls, and the minimum depends on the noise of a batch less than the steepest slope does.
        When the loss still fell at the highest rate, it is a lower bound.

        Raises:
            ValueError: If the loss never fell below its start by more than its own noise.
        """
        smoothed = self.smoothed
        start = self.losses[: max(len(self.losses) // 10, 2)].mean()
        noise = np.median(np.abs(np.diff(self.losses)))  # about one standard deviation, whatever the trend
        best = int(np.argmin(smoothed))
        if best == 0 or not smoothed[best] < start - 1.5 * noise:
            raise ValueError(
                "The loss never fell, so there is no rate to suggest: look at `plot()`, take more `steps` or other "
                "`rates`, and see that labels fit inputs and that something trains. Received: loss "
                f"{start:.4g} at the start, {smoothed[best]:.4g} at the lowest"
            )
        return float(self.rates[best]) / 10

    def plot(self, path=None):
        """Draws the curve.

        Args:
            path: Image file to write, or None.

        Returns:
            `matplotlib.figure.Figure`.
        """
        from matplotlib.figure import Figure  # documented lazy import: heavy, and only for the picture

        figure = Figure(figsize=(6, 4), layout="constrained")
        axis = figure.subplots()
        axis.plot(self.rates, self.losses, color="0.75", label="each batch")
        axis.plot(self.rates, self.smoothed, label="smoothed")
        try:
            axis.axvline(self.suggestion, color="tab:red", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        except ValueError:
            axis.set_title("the loss never fell", fontsize=10)
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss")
        smoothed = self.smoothed
        spread = max(smoothed[0] - smoothed.min(), 1e-3 * abs(smoothed[0]), 1e-12)
        axis.set_ylim(smoothed.min() - 0.2 * spread, max(smoothed[0], self.losses[0]) + spread)
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure
