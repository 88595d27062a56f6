"""The command line: one file per command; each parses, calls, and turns the outcome into an exit status.

    0 healthy    1 findings of severity error    2 usage, or nothing could be measured    130 interrupted

Commands import torch and the rest only when they run, so that `--help` is instant.
"""

import io
import os
import sys

from steadygrad.errors import SteadygradError

UNUSABLE = 2
INTERRUPTED = 130


def main() -> None:
    """Entry point of `steadygrad`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✗ still gets its report
    try:
        from steadygrad.cli.application import application

        status = application(prog_name="steadygrad", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        status = _told(error)
    if status == INTERRUPTED:  # typer turns an interrupt into its status
        print("steadygrad: interrupted; nothing was changed", file=sys.stderr)
    sys.exit(status or 0)


def _told(error: Exception) -> int:
    """Say what went wrong; a traceback only when asked for, or when the mistake is ours."""
    import traceback

    from typer import _click

    if isinstance(error, _click.exceptions.ClickException):
        error.show()
    elif isinstance(error, SteadygradError) and "--traceback" not in sys.argv:
        print(f"steadygrad: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)
        if not isinstance(error, SteadygradError):
            print("steadygrad: this is a defect of steadygrad; please report it with the lines above", file=sys.stderr)
    return UNUSABLE
