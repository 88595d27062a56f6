"""The command line: one file per command; each parses, calls, and turns the outcome into an exit status.

    0 healthy    1 findings of severity error    2 usage    130 interrupted

Commands import torch and the rest only when they run, so that `--help` is instant.
"""

import sys

from steadygrad.errors import SteadygradError

INTERRUPTED = 130


def main() -> None:
    """Entry point of `steadygrad`."""
    from steadygrad.cli.application import application

    try:
        application(prog_name="steadygrad")
    except SteadygradError as error:
        if "--traceback" in sys.argv:
            raise
        print(f"steadygrad: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            raise
        print("steadygrad: interrupted; nothing was changed", file=sys.stderr)
        sys.exit(INTERRUPTED)
