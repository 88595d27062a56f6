"""Biases of outputs: predictions that start where the data are."""

from math import log

from steadygrad.errors import InputError
from steadygrad.randomness.composed import Table, table
from steadygrad.randomness.law import Fans, Independent, constant
from steadygrad.schemes.parts import counted
from steadygrad.schemes.scheme import Scheme


class prior_bias(Scheme):  # noqa: N801 - called like the functions they are known as
    """The logit of a probability: −log((1 − π)/π), so that σ(b) = π before training.

    Args:
        probability: π, of the positive class; 0.01 in detectors, where almost everything is background.

    Raises:
        InputError: not strictly between 0 and 1.

    Source: Lin et al. 2017, arXiv:1708.02002, sections 3.3 and 4.1.

    Example:
        >>> round(prior_bias(0.01).law(Fans(1.0, 1.0)).mean, 6)
        -4.59512
    """

    name = "prior_bias"
    formula = "b = −log((1 − probability)/probability)"
    source = "Lin, Goyal, Girshick, He & Dollár 2017, arXiv:1708.02002, sections 3.3 and 4.1"
    assumes = "a sigmoid, and weights before it so small that logits stay near the bias"
    fails = "softmax outputs; probabilities unlike the data's"
    scales = False
    role = "bias"
    shape = (80,)

    def __init__(self, probability: float = 0.01) -> None:
        if not 0.0 < probability < 1.0:
            raise InputError(f"`probability` of {self.name} must lie between 0 and 1, got {probability!r}")
        self.probability = probability

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The logit."""
        return constant(-log((1.0 - self.probability) / self.probability))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Rare, and frequent."""
        return cls(), cls(0.75)


class class_prior(Scheme):  # noqa: N801
    """−log(classes): sigmoid outputs that start near 1/classes each, as for binary losses over many classes.

    Example:
        >>> round(class_prior(1000).law(Fans(1.0, 1.0)).mean, 6)
        -6.907755
    """

    name = "class_prior"
    formula = "b = −log(classes)"
    source = "the negative log bias of the vision transformer's pretraining head (timm weight_init='jax_nlhb')"
    assumes = "a sigmoid over classes of which one in `classes` holds, and zero weights before it"
    fails = "softmax outputs, to which a shared bias says nothing"
    scales = False
    role = "bias"
    shape = (1000,)

    def __init__(self, classes: int) -> None:
        self.classes = counted(classes, "classes", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The constant."""
        return constant(-log(self.classes))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A thousand."""
        return (cls(1000),)


class stn_identity(Scheme):  # noqa: N801
    """The bias of a spatial transformer's last layer, whose weight is zero: the identity map (1, 0, 0, 0, 1, 0).

    Args:
        dims: 2 for images, 3 for volumes: the rows of a dims × (dims + 1) matrix [I, 0].

    Source: Jaderberg et al. 2015, arXiv:1506.02025, section 4.

    Example:
        >>> stn_identity().law(Fans(1.0, 1.0)).values.tolist()
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """

    name = "stn_identity"
    formula = "b = (1, 0, 0, 0, 1, 0), the rows of [I, 0]"
    source = "Jaderberg, Simonyan, Zisserman & Kavukcuoglu 2015, arXiv:1506.02025"
    assumes = "a weight of zeros before it, torch.nn.functional.affine_grid after it"
    fails = "a random weight before it, which moves the map with the input from the first step"
    scales = False
    role = "bias"
    needs = "one axis of dims·(dims + 1)"
    shape = (6,)

    def __init__(self, dims: int = 2) -> None:
        self.dims = counted(dims, "dims", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Table:
        """The table."""
        rows = range(self.dims)
        return table([float(row == column) for row in rows for column in range(self.dims + 1)])
