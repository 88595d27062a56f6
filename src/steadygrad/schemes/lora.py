"""Low-rank adapters: x·Aᵀ·Bᵀ, which starts at 0 because B does."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, constant, normal, uniform
from steadygrad.schemes.scheme import Scheme, one_of, positive

DISTRIBUTIONS = ("uniform", "normal")


class lora_a(Scheme):  # noqa: N801 - called like the functions they are known as
    """The down-projection A (rank × in): U(±1/√fan_in), or N(0, 1/rank²) with "normal" (fan_out is the rank).

    Args:
        distribution: "uniform", of the authors' code, or "normal", PEFT's init_lora_weights="gaussian".

    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1 (Gaussian); the code has kaiming_uniform_(a=√5).

    Example:
        >>> lora_a("normal").law(Fans(768.0, 8.0)).std
        0.125
    """

    name = "lora_a"
    formula = "w ~ U(±gain/√fan_in), or N(0, (gain/fan_out)²)"
    source = "Hu et al. 2021, arXiv:2106.09685, section 4.1, and microsoft/LoRA (uniform), huggingface/peft (normal)"
    assumes = "B of zeros beside it, and alpha/rank in front"
    fails = "B not zero: the adapted network then does not start at the pretrained one"

    def __init__(self, distribution: str = "uniform") -> None:
        self.distribution = one_of(distribution, DISTRIBUTIONS, "distribution", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The law of A."""
        if self.distribution == "normal":
            return normal(gain / positive(fans.fan_out, fans, self.name))
        bound = gain / sqrt(positive(fans.fan_in, fans, self.name))
        return uniform(-bound, bound)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Both."""
        return cls(), cls("normal")


class lora_b(Scheme):  # noqa: N801
    """The up-projection B (out × rank): zeros, so that the adapter adds nothing at first. To be left alone by other schemes.

    Example:
        >>> lora_b().law(Fans(8.0, 768.0)).rms((768, 8))
        0.0
    """

    name = "lora_b"
    formula = "w = 0"
    source = "Hu et al. 2021, arXiv:2106.09685, section 4.1"
    assumes = "A random beside it"
    fails = "A of zeros as well: neither then has a gradient"
    scales = False

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The point mass at 0."""
        return constant(0.0)
