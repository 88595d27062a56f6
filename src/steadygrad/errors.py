"""Every exception steadygrad raises on purpose.

    SteadygradError
    ├── InputError(ValueError)        an argument cannot be used: shape, dtype, value, missing loss …
    ├── TargetError(LookupError)      a TARGET, code, scheme or configuration name that names nothing
    ├── ModelError(RuntimeError)      the user's own code raised, or the model has nothing to measure
    ├── MissingExtra(ImportError)     an optional dependency is needed and absent
    └── RestoreError(RuntimeError)    something could not be put back as it was

Each message has four parts in one sentence or two: where, what must hold, what was got, and the call that works.
"""


class SteadygradError(Exception):
    """Base of all errors raised on purpose; the command line turns it into exit status 2."""


class InputError(SteadygradError, ValueError):
    """An argument cannot be used as given."""


class TargetError(SteadygradError, LookupError):
    """A name (TARGET, rule code, scheme, setting) that names nothing."""


class ModelError(SteadygradError, RuntimeError):
    """The model cannot be measured: its own code raised, or it has nothing to train."""


class MissingExtra(SteadygradError, ImportError):
    """An optional dependency is needed for this call and is not installed."""


class RestoreError(SteadygradError, RuntimeError):
    """Something that a measurement touched could not be put back as it was."""
