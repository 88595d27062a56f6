"""Normalization: the math (`functional`), the layers, and tools for any model that uses them.

    >>> import torch
    >>> from steadygrad import normalization
    >>> layer = normalization.BatchNorm(3, momentum=0.9, momentum_of="old", variance="biased")
    >>> layer(torch.randn(8, 3, 5, 5)).shape
    torch.Size([8, 3, 5, 5])
    >>> normalization.NORMS["group"].axes
    ('group', 'positions')
"""

from steadygrad.normalization import functional as functional
from steadygrad.normalization.catalogue import NORMS as NORMS
from steadygrad.normalization.catalogue import Norm as Norm
from steadygrad.normalization.layers import *  # noqa: F403
from steadygrad.normalization.tools.audit import NormState as NormState
from steadygrad.normalization.tools.audit import audit as audit
from steadygrad.normalization.tools.calibrate import calibrate as calibrate
from steadygrad.normalization.tools.fold import Folding as Folding
from steadygrad.normalization.tools.fold import fold as fold
from steadygrad.normalization.tools.freeze import freeze as freeze
from steadygrad.normalization.tools.freeze import unfreeze as unfreeze
from steadygrad.normalization.tools.replace import replace as replace
from steadygrad.normalization.tools.strip import strip_dead_bias as strip_dead_bias
