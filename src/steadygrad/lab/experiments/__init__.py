"""One line here puts an experiment into `steadygrad lab`, the site and the contract test."""

from steadygrad.lab.experiment import Experiment
from steadygrad.lab.experiments.activation_gains import ActivationGains
from steadygrad.lab.experiments.batch_size_sweep import BatchSizeSweep
from steadygrad.lab.experiments.bias_before_norm import BiasBeforeNorm
from steadygrad.lab.experiments.constant_init_convex import ConstantInitConvex
from steadygrad.lab.experiments.covariate_shift import CovariateShift
from steadygrad.lab.experiments.deep_linear import DeepLinear
from steadygrad.lab.experiments.default_init_depth_width import DefaultInitDepthWidth
from steadygrad.lab.experiments.depth_learning_rate import DepthLearningRate
from steadygrad.lab.experiments.dropout_breaks_symmetry import DropoutBreaksSymmetry
from steadygrad.lab.experiments.eigenvalue_bounds import EigenvalueBounds
from steadygrad.lab.experiments.fixed_gamma_beta import FixedGammaBeta
from steadygrad.lab.experiments.float64_fails_too import Float64FailsToo
from steadygrad.lab.experiments.gaussian_product import GaussianProduct
from steadygrad.lab.experiments.hundred_thousand_layers import HundredThousandLayers
from steadygrad.lab.experiments.init_range_finder import InitRangeFinder
from steadygrad.lab.experiments.large_weights import LargeWeights
from steadygrad.lab.experiments.large_weights_large_lr import LargeWeightsLargeLr
from steadygrad.lab.experiments.lars_rescue import LarsRescue
from steadygrad.lab.experiments.layers_over_time import LayersOverTime
from steadygrad.lab.experiments.lenet_batch_norm import LenetBatchNorm
from steadygrad.lab.experiments.lyapunov import Lyapunov
from steadygrad.lab.experiments.million_layers import MillionLayers
from steadygrad.lab.experiments.norm_before_or_after import NormBeforeOrAfter
from steadygrad.lab.experiments.norm_in_which_layers import NormInWhichLayers
from steadygrad.lab.experiments.norm_invariances import NormInvariances
from steadygrad.lab.experiments.norm_learning_curves import NormLearningCurves
from steadygrad.lab.experiments.norm_learning_rates import NormLearningRates
from steadygrad.lab.experiments.norm_or_dropout import NormOrDropout
from steadygrad.lab.experiments.plain_batch_norm_explodes import PlainBatchNormExplodes
from steadygrad.lab.experiments.quarter_per_layer import QuarterPerLayer
from steadygrad.lab.experiments.relu_vs_sigmoid import ReluVsSigmoid
from steadygrad.lab.experiments.sequence_init import SequenceInit
from steadygrad.lab.experiments.sigmoid_gradient import SigmoidGradient
from steadygrad.lab.experiments.standardized_inputs import StandardizedInputs
from steadygrad.lab.experiments.super_resolution_icnr import SuperResolutionIcnr
from steadygrad.lab.experiments.symmetry import Symmetry
from steadygrad.lab.experiments.ten_thousand_convolutions import TenThousandConvolutions
from steadygrad.lab.experiments.ten_thousand_layers import TenThousandLayers
from steadygrad.lab.experiments.ten_thousand_layers_fashion import TenThousandLayersFashion
from steadygrad.lab.experiments.tied_weights import TiedWeights
from steadygrad.lab.experiments.train_test_gap import TrainTestGap
from steadygrad.lab.experiments.trainable_depth import TrainableDepth
from steadygrad.lab.experiments.whitening import Whitening
from steadygrad.lab.experiments.without_normalizers import WithoutNormalizers
from steadygrad.lab.experiments.xavier_dilemma import XavierDilemma
from steadygrad.lab.experiments.xavier_variance import XavierVariance
from steadygrad.registry import Catalogue

EXPERIMENTS: Catalogue[Experiment] = Catalogue(
    "experiments",
    (
        SigmoidGradient(), GaussianProduct(), DeepLinear(), Symmetry(), DropoutBreaksSymmetry(),
        XavierVariance(), XavierDilemma(), DefaultInitDepthWidth(),
        LargeWeights(), QuarterPerLayer(), LargeWeightsLargeLr(), LarsRescue(),
        ConstantInitConvex(), EigenvalueBounds(), ReluVsSigmoid(),
        TiedWeights(), SuperResolutionIcnr(), SequenceInit(), Lyapunov(),
        ActivationGains(), Float64FailsToo(), InitRangeFinder(), StandardizedInputs(), TrainTestGap(),
        LenetBatchNorm(), PlainBatchNormExplodes(), BatchSizeSweep(), BiasBeforeNorm(),
        NormLearningCurves(), NormLearningRates(), NormInWhichLayers(), NormOrDropout(), FixedGammaBeta(), NormBeforeOrAfter(), NormInvariances(),
        Whitening(), CovariateShift(), LayersOverTime(), WithoutNormalizers(),
        TrainableDepth(), DepthLearningRate(), TenThousandLayers(), TenThousandLayersFashion(), TenThousandConvolutions(),
        HundredThousandLayers(), MillionLayers(),
    ),
)  # fmt: skip
