"""The measured counterparts of `theory`: Jacobians, their products and spectra, signals and symmetries of real modules.

jacobian_chain          a network as a chain of Jacobians; exact and probed spectra, gradients as products
log_product, log_singular_values, exponents     products of any length
signals                 q, c and χ per layer beside the predicted ones
symmetries              what may be permuted, flipped and rescaled without changing the function
"""

from steadygrad.measured.chain import JacobianChain as JacobianChain
from steadygrad.measured.chain import Layer as Layer
from steadygrad.measured.chain import jacobian_chain as jacobian_chain
from steadygrad.measured.log_product import LogMatrix as LogMatrix
from steadygrad.measured.log_product import exponents as exponents
from steadygrad.measured.log_product import log_product as log_product
from steadygrad.measured.log_product import log_singular_values as log_singular_values
from steadygrad.measured.signals import Signal as Signal
from steadygrad.measured.signals import signals as signals
from steadygrad.measured.singular import Probed as Probed
from steadygrad.measured.singular import SingularValues as SingularValues
from steadygrad.measured.symmetry import Symmetry as Symmetry
from steadygrad.measured.symmetry import symmetries as symmetries
