"""`steadygrad explain CODE`."""

import typer


def explain(code: str = typer.Argument(..., help="A rule's code or slug, e.g. I101 or symmetric-units.")) -> None:
    """Explain a rule: what it sees, why that stops training, thresholds, what to do."""
    from steadygrad.door import explain as text

    typer.echo(text(code))
