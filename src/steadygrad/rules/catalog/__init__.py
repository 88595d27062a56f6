"""One file per rule, one line here each; in the order D, L, I, A, G, N, B, O, S, then by number."""

from steadygrad.registry import Catalogue
from steadygrad.rules.catalog.attached_advantage import AttachedAdvantage
from steadygrad.rules.catalog.attention_logits import AttentionLogits
from steadygrad.rules.catalog.attenuating_activation import AttenuatingActivation
from steadygrad.rules.catalog.bias_before_norm import BiasBeforeNorm
from steadygrad.rules.catalog.blind_loss import BlindLoss
from steadygrad.rules.catalog.bn_momentum import BnMomentum
from steadygrad.rules.catalog.chaos import Chaos
from steadygrad.rules.catalog.classes_as_regression import ClassesAsRegression
from steadygrad.rules.catalog.climbing_step import ClimbingStep
from steadygrad.rules.catalog.constant_input import ConstantInput
from steadygrad.rules.catalog.constant_target import ConstantTarget
from steadygrad.rules.catalog.correlated_inputs import CorrelatedInputs
from steadygrad.rules.catalog.correlation_collapse import CorrelationCollapse
from steadygrad.rules.catalog.dead_units import DeadUnits
from steadygrad.rules.catalog.dropout_noise import DropoutNoise
from steadygrad.rules.catalog.epsilon import Epsilon
from steadygrad.rules.catalog.exploding_activation import ExplodingActivation
from steadygrad.rules.catalog.exploding_gradient import ExplodingGradient
from steadygrad.rules.catalog.frozen_among_trainable import FrozenAmongTrainable
from steadygrad.rules.catalog.frozen_at_random import FrozenAtRandom
from steadygrad.rules.catalog.half_range import HalfRange
from steadygrad.rules.catalog.head_activation import HeadActivation
from steadygrad.rules.catalog.input_scale import InputScale
from steadygrad.rules.catalog.inverted_mask import InvertedMask
from steadygrad.rules.catalog.labels import Labels
from steadygrad.rules.catalog.lasting_dropout import LastingDropout
from steadygrad.rules.catalog.layer_out_of_line import LayerOutOfLine
from steadygrad.rules.catalog.linear_stack import LinearStack
from steadygrad.rules.catalog.logits_into_probability_loss import LogitsIntoProbabilityLoss
from steadygrad.rules.catalog.loss_at_start import LossAtStart
from steadygrad.rules.catalog.loss_rewards_error import LossRewardsError
from steadygrad.rules.catalog.loss_scale import LossScale
from steadygrad.rules.catalog.loss_sum import LossSum
from steadygrad.rules.catalog.lr_too_high import LrTooHigh
from steadygrad.rules.catalog.lr_too_low import LrTooLow
from steadygrad.rules.catalog.mixed_samples import MixedSamples
from steadygrad.rules.catalog.no_gradient import NoGradient
from steadygrad.rules.catalog.nonfinite_backward import NonfiniteBackward
from steadygrad.rules.catalog.nonfinite_forward import NonfiniteForward
from steadygrad.rules.catalog.nonfinite_input import NonfiniteInput
from steadygrad.rules.catalog.nonfinite_weights import NonfiniteWeights
from steadygrad.rules.catalog.norm_in_eval import NormInEval
from steadygrad.rules.catalog.normalization_growth import NormalizationGrowth
from steadygrad.rules.catalog.nothing_trainable import NothingTrainable
from steadygrad.rules.catalog.one_value_per_channel import OneValuePerChannel
from steadygrad.rules.catalog.optimizer_settings import OptimizerSettings
from steadygrad.rules.catalog.order_blind import OrderBlind
from steadygrad.rules.catalog.oscillation import Oscillation
from steadygrad.rules.catalog.output_constant import OutputConstant
from steadygrad.rules.catalog.output_range import OutputRange
from steadygrad.rules.catalog.outside_optimizer import OutsideOptimizer
from steadygrad.rules.catalog.penalty_decides import PenaltyDecides
from steadygrad.rules.catalog.poisoned_statistics import PoisonedStatistics
from steadygrad.rules.catalog.posterior_collapse import PosteriorCollapse
from steadygrad.rules.catalog.recurrent_forgetting import RecurrentForgetting
from steadygrad.rules.catalog.saturation import Saturation
from steadygrad.rules.catalog.sees_target import SeesTarget
from steadygrad.rules.catalog.shape_broadcast import ShapeBroadcast
from steadygrad.rules.catalog.sharpness import Sharpness
from steadygrad.rules.catalog.sigmoid_before_logits_loss import SigmoidBeforeLogitsLoss
from steadygrad.rules.catalog.signal_drift import SignalDrift
from steadygrad.rules.catalog.single_score import SingleScore
from steadygrad.rules.catalog.softmax_axis import SoftmaxAxis
from steadygrad.rules.catalog.softmax_before_cross_entropy import SoftmaxBeforeCrossEntropy
from steadygrad.rules.catalog.softmax_of_one import SoftmaxOfOne
from steadygrad.rules.catalog.squashed_twice import SquashedTwice
from steadygrad.rules.catalog.subnormal import Subnormal
from steadygrad.rules.catalog.symmetric_units import SymmetricUnits
from steadygrad.rules.catalog.target_scale import TargetScale
from steadygrad.rules.catalog.train_eval_gap import TrainEvalGap
from steadygrad.rules.catalog.turned_by_view import TurnedByView
from steadygrad.rules.catalog.unread_input import UnreadInput
from steadygrad.rules.catalog.unregistered_weights import UnregisteredWeights
from steadygrad.rules.catalog.unstable_log import UnstableLog
from steadygrad.rules.catalog.vanishing_gradient import VanishingGradient
from steadygrad.rules.catalog.weight_scale import WeightScale
from steadygrad.rules.catalog.zero_gradient import ZeroGradient
from steadygrad.rules.catalog.zero_weights import ZeroWeights
from steadygrad.rules.rule import Rule

RULES: Catalogue[type[Rule]] = Catalogue(
    "rules",
    (
        NonfiniteInput,
        InputScale,
        ConstantInput,
        CorrelatedInputs,
        TargetScale,
        Labels,
        ConstantTarget,
        UnreadInput,
        SoftmaxBeforeCrossEntropy,
        SigmoidBeforeLogitsLoss,
        LogitsIntoProbabilityLoss,
        ShapeBroadcast,
        LossAtStart,
        LossSum,
        OutputRange,
        OutputConstant,
        ClassesAsRegression,
        LossRewardsError,
        UnstableLog,
        SoftmaxAxis,
        SquashedTwice,
        SoftmaxOfOne,
        BlindLoss,
        LossScale,
        PenaltyDecides,
        AttachedAdvantage,
        PosteriorCollapse,
        SymmetricUnits,
        WeightScale,
        ZeroWeights,
        RecurrentForgetting,
        Saturation,
        DeadUnits,
        SignalDrift,
        CorrelationCollapse,
        AttenuatingActivation,
        Chaos,
        AttentionLogits,
        ExplodingActivation,
        DropoutNoise,
        SingleScore,
        LayerOutOfLine,
        VanishingGradient,
        ExplodingGradient,
        NoGradient,
        NormalizationGrowth,
        ZeroGradient,
        NonfiniteWeights,
        NonfiniteForward,
        NonfiniteBackward,
        HalfRange,
        Subnormal,
        Epsilon,
        OneValuePerChannel,
        BiasBeforeNorm,
        NormInEval,
        PoisonedStatistics,
        TrainEvalGap,
        BnMomentum,
        LastingDropout,
        LrTooHigh,
        LrTooLow,
        OutsideOptimizer,
        ClimbingStep,
        Sharpness,
        Oscillation,
        OptimizerSettings,
        LinearStack,
        NothingTrainable,
        HeadActivation,
        FrozenAmongTrainable,
        MixedSamples,
        UnregisteredWeights,
        FrozenAtRandom,
        TurnedByView,
        SeesTarget,
        OrderBlind,
        InvertedMask,
    ),
    keys=("code", "slug"),
)
