"""One file per remedy, one line here each."""

from steadygrad.registry import Catalogue
from steadygrad.remedies.catalog.reinitialize import Reinitialize
from steadygrad.remedies.remedy import Remedy

REMEDIES: Catalogue[type[Remedy]] = Catalogue("remedies", (Reinitialize,))
