"""Schemes turn the fans of a use into a law; they never see a tensor."""

from steadygrad.registry import Catalogue
from steadygrad.schemes.glorot import glorot_normal, glorot_uniform
from steadygrad.schemes.he import he_normal, he_uniform
from steadygrad.schemes.scheme import Scheme

SCHEMES: Catalogue[type[Scheme]] = Catalogue("schemes", (glorot_normal, glorot_uniform, he_normal, he_uniform))

__all__ = ["SCHEMES", "Scheme", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]
