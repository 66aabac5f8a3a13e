import types

import keras
import numpy as np
import pytest

from tlkeras.tuning import StopTrial, TrialStopped


def test_a_training_that_diverges_ends_with_its_epoch():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e3), "mse")
    epochs = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(logs["loss"]))
    with pytest.raises(TrialStopped, match=r"diverged: loss (inf|nan) after epoch") as caught:
        model.fit(np.ones((8, 1)), np.ones(8), batch_size=2, epochs=50, verbose=0, callbacks=[seen, StopTrial()])
    assert np.isfinite(epochs[:-1]).all() and not np.isfinite(epochs[-1])
    assert str(caught.value).endswith(f"after epoch {len(epochs)}")


def test_every_epoch_is_reported_but_those_that_collapsed():
    told = []
    select = types.SimpleNamespace(best_collapse=(), validator="snd")
    stop = StopTrial(select, patience=9, report=lambda epoch, score: told.append((epoch, score)))
    for epoch, collapsed in ((0, 1.0), (1, 0.0), (0, 0.0)):  # the last is that of a second `fit`
        stop.on_epoch_end(epoch, {"snd": 0.25 + epoch, "collapsed": collapsed})
    assert told == [(1, 1.25), (2, 0.25)]
    named = StopTrial(report=lambda epoch, score: told.append(score), score="val_accuracy")
    named.on_epoch_end(0, {"val_accuracy": 0.75})
    assert told[-1] == 0.75
    with pytest.raises(ValueError, match="`report` needs `select` or `score`"):
        StopTrial(report=print)


def test_what_a_report_raises_ends_the_training():
    def report(epoch, score):
        if epoch == 2:
            raise TrialStopped("pruned after epoch 3")

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    stop = StopTrial(report=report, score="loss")
    with pytest.raises(TrialStopped, match="pruned after epoch 3"):
        model.fit(np.ones((4, 1)), np.ones(4), epochs=9, verbose=0, callbacks=[stop])
    assert stop.epochs == 3


def test_a_collapse_counts_after_the_patience():
    select = types.SimpleNamespace(best_collapse=("predicts 1 of 4 expected classes",))
    stop = StopTrial(select, patience=2)
    for epoch in (0, 1):
        stop.on_epoch_end(epoch, {"loss": 1.0, "collapsed": 1.0})
    stop.on_epoch_end(2, {"loss": 1.0, "collapsed": 0.0})
    with pytest.raises(TrialStopped, match="collapsed after epoch 4: predicts 1 of 4 expected classes"):
        stop.on_epoch_end(3, {"loss": 1.0, "collapsed": 1.0})
    with pytest.raises(TrialStopped, match="collapsed after epoch 1$"):
        StopTrial().on_epoch_end(0, {"collapsed": 1.0})
