import pytest

from tlkeras.layers.block_names import Unit, group

KERNEL, NORM = ("kernel",), ("gamma", "beta", "moving_mean", "moving_variance")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["Conv1", "bn_Conv1", "expanded_conv_depthwise", "expanded_conv_project_BN", "block_1_expand"],
         ["Conv1", "expanded_conv", "block_1"]),
        (["conv", "expanded_conv_project", "expanded_conv_1_expand", "expanded_conv_10_expand_bn", "conv_1"],
         ["conv", "expanded_conv", "expanded_conv_1", "expanded_conv_10", "conv_1"]),
        (["conv_dw_1", "conv_dw_1_bn", "conv_pw_1", "conv_dw_2"], ["conv_1", "conv_2"]),
        (["conv1_conv", "conv1_bn", "conv2_block1_1_conv", "conv2_block1_0_bn", "conv2_block2_1_conv", "post_bn"],
         ["conv1", "conv2_block1", "conv2_block2"]),
        (["stem_conv", "block1a_dwconv", "block2a_se_reduce", "block2b_bn", "top_conv", "top_bn"],
         ["stem", "block1a", "block2a", "block2b", "top"]),
        (["Transformer/encoderblock_0/MlpBlock_3/Dense_0", "Transformer/encoderblock_0/LayerNorm_0", "pre_logits"],
         ["Transformer/encoderblock_0", "pre_logits"]),
        (["resnet_v1_50/block1/unit_1/bottleneck_v1/conv1", "resnet_v1_50/block1/unit_2/bottleneck_v1/conv1/BatchNorm"],
         ["resnet_v1_50/block1/unit_1", "resnet_v1_50/block1/unit_2"]),
        (["InceptionV3/Conv2d_1a_3x3", "InceptionV3/Mixed_5b/Branch_0/Conv2d_0a_1x1"],
         ["InceptionV3/Conv2d_1a_3x3", "InceptionV3/Mixed_5b"]),
        (["bert/encoder/layer_0/attention", "bert/encoder/layer_0/output/LayerNorm", "bert/encoder/layer_11/attention"],
         ["bert/encoder/layer_0", "bert/encoder/layer_11"]),
    ],
)  # fmt: skip
def test_names_of_published_models(paths, names):
    assert list(group([Unit(path, NORM if path in ("bn_Conv1", "post_bn") else KERNEL) for path in paths])) == names


def test_normalisation_alone_joins_the_block_before_it():
    units = [Unit("conv2d", KERNEL), Unit("batch_normalization", NORM), Unit("conv2d_1", KERNEL), Unit("ln", NORM)]
    assert group(units) == {"conv2d": [0, 1], "conv2d_1": [2, 3]}


def test_normalisation_named_after_its_block_begins_it():
    units = [Unit("conv1_conv", KERNEL), Unit("conv2_block1_preact_bn", NORM), Unit("conv2_block1_1_conv", KERNEL)]
    assert group(units) == {"conv1": [0], "conv2_block1": [1, 2]}


def test_branches_of_one_segment_are_one_block_and_take_the_numbered_name():
    units = [Unit("block2_sepconv1", KERNEL, 1), Unit("conv2d", KERNEL, 1), Unit("other", KERNEL, 2)]
    assert group(units) == {"block2": [0, 1], "other": [2]}


def test_a_segment_with_several_numbered_parts_is_cut_by_them():
    names = ["separable_conv_1_normal_left1_0", "adjust_conv_projection_1", "normal_conv_1_1", "reduction_bn_1_stem_1"]
    assert group([Unit(name, KERNEL, 0) for name in names]) == {"cell_0": [0], "cell_1": [1, 2], "cell_stem_1": [3]}


def test_nothing_makes_no_blocks():
    assert group([]) == {}
