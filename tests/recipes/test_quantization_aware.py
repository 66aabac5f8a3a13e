from recipes.benchmarks import quantization_aware


def run(float32, tensor, aware):
    compared = ("tensor", "aware_tensor", "aware_channel")
    near = {f"{row}_{fact}": value for row in compared for fact, value in NEAR.items()}
    rows = {"float": float32, "channel": float32, "aware_channel": float32, "converter": tensor, "tensor": tensor}
    return {**rows, "aware_tensor": aware, **near, "commit": "abc", "versions": {"keras": "3"}}


NEAR = {"agreement": 0.987, "steps": 1.25, "steps_largest": 17.0}


def test_the_page_tells_which_share_of_the_loss_is_closed():
    text = quantization_aware.page([run(0.9, 0.5, 0.9), run(0.8, 0.4, 0.72)])
    assert "closes 90 % of the post-training\nloss, in the worst seed 80 %; measured" in text  # 4 and 3.2 of 4 tenths
    assert "| post-training, one step a kernel | 45.0 ± 7.1 | 40.0 | 50.0, 40.0 |" in text
    assert "| quantisation-aware, one step a kernel | 81.0 ± 12.7 | 4.0 | 90.0, 72.0 |" in text
    assert "for at least 98.7 %" in text and "at most 1.25 steps" in text and "\n17 at the largest" in text
