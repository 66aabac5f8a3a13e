import numpy as np

from tlkeras.data import epoch_order


def test_an_epoch_is_one_pass_over_the_larger_set():
    large, small = epoch_order([10, 4], batch_size=2, steps=5, seed=0, epoch=0)
    assert sorted(large.reshape(-1)) == list(range(10))
    assert sorted(small.reshape(-1)[:4]) == sorted(small.reshape(-1)[4:8]) == list(range(4))


def test_the_order_is_a_function_of_seed_and_epoch():
    orders = [epoch_order([50], 5, 10, seed, epoch)[0] for seed, epoch in [(0, 0), (0, 0), (0, 1), (1, 0)]]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2]) and not np.array_equal(orders[0], orders[3])
