"""Pipelines in, pipelines out; no model."""

from tlkeras.data.batches import ImageBatches
from tlkeras.data.checks import check_labels, check_multi_hot, check_value_range, check_values
from tlkeras.data.folders import ImageFolder, image_folder, unlabelled_images
from tlkeras.data.images import LabelledImages
from tlkeras.data.labelled import LabelledRows
from tlkeras.data.order import epoch_order
from tlkeras.data.pair import PairBatches, pair
from tlkeras.data.recordings import Waveforms
from tlkeras.data.splits import class_weights, few_per_class, stratified_split
from tlkeras.data.table import Table, table
from tlkeras.data.tags import tag_labels
from tlkeras.data.text_file import TextFile, text_file
from tlkeras.data.tfds import TfdsImages, from_tfds
from tlkeras.data.views import views
from tlkeras.data.waveforms import unlabelled_waveforms, waveforms

__all__ = [
    "ImageBatches",
    "ImageFolder",
    "LabelledImages",
    "LabelledRows",
    "PairBatches",
    "Table",
    "TextFile",
    "TfdsImages",
    "Waveforms",
    "check_labels",
    "check_multi_hot",
    "check_value_range",
    "check_values",
    "class_weights",
    "epoch_order",
    "few_per_class",
    "from_tfds",
    "image_folder",
    "pair",
    "stratified_split",
    "table",
    "tag_labels",
    "text_file",
    "unlabelled_images",
    "unlabelled_waveforms",
    "views",
    "waveforms",
]
