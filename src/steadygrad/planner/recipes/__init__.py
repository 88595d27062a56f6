"""One file per published rule, one line here."""

from steadygrad.planner.recipes.admin import Admin
from steadygrad.planner.recipes.deepnorm import DeepNorm, TFixup
from steadygrad.planner.recipes.fixup import Fixup
from steadygrad.planner.recipes.gpt2 import GPT2
from steadygrad.planner.recipes.he import He
from steadygrad.planner.recipes.lsuv import LSUV
from steadygrad.planner.recipes.recipe import Recipe
from steadygrad.planner.recipes.width import MuP, Spectral
from steadygrad.planner.recipes.xavier import Xavier

RECIPES: dict[str, Recipe] = {recipe.name: recipe() for recipe in (Xavier, He, LSUV, GPT2, Fixup, DeepNorm, TFixup, Admin, MuP, Spectral)}

__all__ = ["RECIPES", "Recipe"]
