"""Optimizers whose step is fitted to each layer: LARS, LAMB, and LARC and AGC around any other.

    >>> import torch
    >>> from steadygrad import optim
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    >>> groups = optim.groups_by_role(net, weight_decay=1e-4)
    >>> [len(group["params"]) for group in groups]
    [1, 3]
    >>> optimizer = optim.LARS(groups, lr=1.0)
"""

from steadygrad.optim.agc import AGC as AGC
from steadygrad.optim.agc import adaptive_clip_ as adaptive_clip_
from steadygrad.optim.lamb import LAMB as LAMB
from steadygrad.optim.larc import LARC as LARC
from steadygrad.optim.lars import LARS as LARS
from steadygrad.optim.roles import groups_by_role as groups_by_role
from steadygrad.optim.roles import roles as roles
from steadygrad.optim.trust_ratio import trust_ratios as trust_ratios

LAYERWISE = (LARS, LAMB, LARC, AGC)
