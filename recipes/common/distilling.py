"""One teacher, and a student that is trained on its answers to unlabelled images, or on labels."""

import dataclasses
import sys
from pathlib import Path

import keras

from recipes.common.augmented_batches import AugmentedBatches
from recipes.common.small_net import small_net
from tlkeras import load, methods, surgery, transfer
from tlkeras.backbones import from_handle
from tlkeras.data.batches import ImageBatches

SMALL = "small"


@dataclasses.dataclass(frozen=True)
class Course:
    """How a student is trained.

    Attributes:
        epochs: Passes over its images.
        batch_size: Images in a step.
        rate: Rate of Adam at the start; it falls along a cosine to 0.
        augment: Whether images are augmented anew in every epoch.
        seed: Seed of the order and of the augmentation.
        folder: Where the state of the run is kept.
    """

    epochs: int
    batch_size: int
    rate: float
    augment: bool
    seed: int
    folder: Path


def open_teacher(path):
    """Returns the image classifier in a `.keras` file, which ends in logits whatever it ended in, frozen.

    Raises:
        ValueError: If the file holds no classifier of images of a fixed size.
    """
    teacher = load(path, compile=False)
    shapes = [tuple(tensor.shape) for tensor in (*(getattr(teacher, "inputs", None) or ()), *teacher.outputs)]
    if [len(shape) for shape in shapes] != [4, 2] or None in shapes[0][1:] or shapes[1][1] < 2:
        raise ValueError(f"`--teacher` must be a classifier of images of a fixed size. Received: shapes {shapes}")
    last = teacher.output._keras_history.operation
    if isinstance(last, keras.layers.Softmax):
        teacher = keras.Model(teacher.input, last.input, name=teacher.name)
    elif getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
    teacher.trainable = False
    return teacher


def make_student(name, keep, teacher):
    """Returns a new student, all of which trains.

    Args:
        name: `"small"`, or the handle of a backbone.
        keep: Share of the teacher's channels that the student is made of instead, or 0.
        teacher: What `open_teacher` returned.

    Raises:
        ValueError: If the backbone does not take the teacher's images, or channels of the teacher cannot be cut.
    """
    shape, classes = tuple(teacher.input_shape[1:]), teacher.output_shape[-1]
    if keep:
        student = surgery.prune_channels(teacher, keep)
    elif name == SMALL:
        student = small_net(shape, classes)
    else:
        student = surgery.classifier(from_handle(name, trainable=True, input_shape=shape), classes)
    for layer in student._flatten_layers():  # the flag of the model alone reaches no layer that was frozen before
        layer.trainable = True
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # 0.999 in MobileNetV2: made for a hundred thousand steps, not for some hundred
    return student


def learn_from_teacher(student, teacher, images, course, temperature):
    """Trains a student on the teacher's answers to images; no label is read. Returns the history."""
    terms = [methods.LogitDistillation(teacher, temperature=temperature, view="target", tap="output")]
    return _fit(student, terms, images, course, lambda batch: {"target": batch[0]})


def learn_from_labels(student, images, course):
    """Trains a student on labelled images. Returns the history."""
    return _fit(student, [], images, course, lambda batch: batch)


def _fit(student, terms, images, course, form):
    """Trains to the end of the course; goes on where an interrupted run stopped."""
    trained = transfer.TransferModel(student, terms)
    batch_size = min(course.batch_size, len(images))
    steps = course.epochs * (len(images) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(course.rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(rate)
    trained.compile(adam, loss, metrics=["accuracy"], jit_compile=False)  # XLA is slow for convolutions on a CPU
    checkpoint = transfer.Checkpoint(course.folder)
    first = checkpoint.restore(trained)
    if first < course.epochs:
        kind = AugmentedBatches if course.augment else ImageBatches
        order = {"seed": course.seed, "first_epoch": first, **({} if course.augment else {"shuffle": True})}
        trained.fit(
            Formed(kind(images, batch_size, **order), form), initial_epoch=first, epochs=course.epochs, shuffle=False,
            callbacks=[checkpoint], verbose=1 if sys.stdout.isatty() else 2,
        )  # fmt: skip
    return checkpoint.history


class Formed(keras.utils.PyDataset):
    """The batches of another data set in another form.

    Args:
        batches: `keras.utils.PyDataset`.
        form: Function of a batch.
    """

    def __init__(self, batches, form):
        super().__init__()
        self.batches, self.form = batches, form

    def __len__(self):
        """Returns the number of batches."""
        return len(self.batches)

    def __getitem__(self, index):
        """Returns batch `index`."""
        return self.form(self.batches[index])

    def on_epoch_end(self):
        """Tells the other data set."""
        self.batches.on_epoch_end()
