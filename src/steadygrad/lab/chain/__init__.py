"""A fused plain network for 100,000 layers and more: forward, backward and update in C where it was compiled, in torch elsewhere."""

from steadygrad.lab.chain.chain import Chain

__all__ = ["Chain"]
