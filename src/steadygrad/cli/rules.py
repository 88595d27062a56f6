"""`steadygrad rules`."""

import typer


def rules() -> None:
    """List all rules."""
    from steadygrad.rules.catalog import RULES

    for rule in RULES:
        typer.echo(f"{rule.code}  {rule.slug:<30} {rule.title}")
