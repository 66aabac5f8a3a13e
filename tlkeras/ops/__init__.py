"""Pure functions on tensors, written in `keras.ops` only."""

from tlkeras.ops.auc import auc_interval
from tlkeras.ops.calibration import expected_calibration_error
from tlkeras.ops.central_moments import central_moment_discrepancy
from tlkeras.ops.class_discrepancy import contrastive_discrepancy
from tlkeras.ops.classifier_discrepancy import classifier_discrepancy
from tlkeras.ops.conditioning import check_classes, entropy_weights, multilinear_map
from tlkeras.ops.consistency import (
    aligned_probabilities,
    class_imbalance,
    curriculum_thresholds,
    largest_class_share,
    pseudo_labels,
    soft_cross_entropy,
    squared_difference,
)
from tlkeras.ops.contrast import class_indices, contrast
from tlkeras.ops.discrepancy import coral, jmmd, lmmd, mmd
from tlkeras.ops.distillation import distillation
from tlkeras.ops.domain_loss import domain_cross_entropy, soft_minimum
from tlkeras.ops.fake_quant import fake_quant, fake_quant_weights, nudged_range
from tlkeras.ops.gradient import gradient_penalty, input_gradient, reverse_gradient
from tlkeras.ops.importance import density_ratios, target_likeness
from tlkeras.ops.information import class_confusion, entropy, information_maximization
from tlkeras.ops.kernels import gaussian_mixture, squared_distances
from tlkeras.ops.label_shift import bbse, check_prior, mlls, prior_corrected
from tlkeras.ops.margin import margin_disparity, value_disparity
from tlkeras.ops.moments import covariance
from tlkeras.ops.norms import norm_gap, norm_step, row_norms
from tlkeras.ops.open_set import unknown_cross_entropy
from tlkeras.ops.permutation import mmd_permutation_test
from tlkeras.ops.perturbation import adversarial_direction, random_rows, unit_rows
from tlkeras.ops.positions import coarsened
from tlkeras.ops.prototypes import nearest_prototype
from tlkeras.ops.regularization import attended_distance, batch_spectral_shrinkage, half_squared_norm
from tlkeras.ops.relationship import category_relationship
from tlkeras.ops.sliced import random_directions, sliced_wasserstein
from tlkeras.ops.spectral import largest_squared_singular_values, nuclear_norm, squared_singular_values
from tlkeras.ops.subspace import damped_eigenvectors, subspace_distance
from tlkeras.ops.transport import joint_cost, sinkhorn_divergence, sinkhorn_plan

__all__ = [
    "adversarial_direction",
    "aligned_probabilities",
    "attended_distance",
    "auc_interval",
    "batch_spectral_shrinkage",
    "bbse",
    "category_relationship",
    "central_moment_discrepancy",
    "check_classes",
    "check_prior",
    "class_confusion",
    "class_imbalance",
    "class_indices",
    "classifier_discrepancy",
    "coarsened",
    "contrast",
    "contrastive_discrepancy",
    "coral",
    "covariance",
    "curriculum_thresholds",
    "damped_eigenvectors",
    "density_ratios",
    "distillation",
    "domain_cross_entropy",
    "entropy",
    "entropy_weights",
    "expected_calibration_error",
    "fake_quant",
    "fake_quant_weights",
    "gaussian_mixture",
    "gradient_penalty",
    "half_squared_norm",
    "information_maximization",
    "input_gradient",
    "jmmd",
    "joint_cost",
    "largest_class_share",
    "largest_squared_singular_values",
    "lmmd",
    "margin_disparity",
    "mlls",
    "mmd",
    "mmd_permutation_test",
    "multilinear_map",
    "nearest_prototype",
    "norm_gap",
    "norm_step",
    "nuclear_norm",
    "nudged_range",
    "prior_corrected",
    "pseudo_labels",
    "random_directions",
    "random_rows",
    "reverse_gradient",
    "row_norms",
    "sinkhorn_divergence",
    "sinkhorn_plan",
    "sliced_wasserstein",
    "soft_cross_entropy",
    "soft_minimum",
    "squared_difference",
    "squared_distances",
    "squared_singular_values",
    "subspace_distance",
    "target_likeness",
    "unit_rows",
    "unknown_cross_entropy",
    "value_disparity",
]
