"""`steadygrad demo`."""

from pathlib import Path

import typer


def demo(
    output: Path = typer.Option(Path("steadygrad-demo.html"), "-o", "--output", help="Where the HTML report goes."),
    quick: bool = typer.Option(False, help="Fewer training steps."),
) -> None:
    """Diagnose, repair and train the textbook's sick networks on real digits; writes one HTML report."""
    from steadygrad.lab.demo import run
    from steadygrad.whole_file import check_writable, write_whole

    check_writable(output)
    page = run(quick=quick, say=typer.echo)
    write_whole(output, page)
    typer.echo(f"\nThe curves and full reports: {output.resolve()}")
