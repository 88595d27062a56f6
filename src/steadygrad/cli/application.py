"""All commands, assembled."""

import typer

from steadygrad.cli import check, demo, explain, init, lab, phase, rules

application = typer.Typer(
    help="A linter for the numerics of neural networks: says before training whether a model will train, and the one cause if not.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
application.command()(check.check)
application.command()(init.init)
application.command()(explain.explain)
application.command()(rules.rules)
application.command()(demo.demo)
application.command()(phase.phase)
application.add_typer(lab.application, name="lab")


@application.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """A linter for the numerics of neural networks: says before training whether a model will train, and the one cause if not."""
    if show:
        from steadygrad import __version__

        typer.echo(f"steadygrad {__version__}")
        raise typer.Exit
