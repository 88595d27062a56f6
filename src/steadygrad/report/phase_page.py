"""A phase diagram as one self-contained HTML page: opens from disk, asks nothing of the network, escapes every name."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from steadygrad.report import phase_plot, phase_view
from steadygrad.theory.activation import Activation


def render_phase(activation: Activation, view: phase_view.PhaseView) -> str:
    """The page of one activation."""
    environment = Environment(
        loader=PackageLoader("steadygrad.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    rows = [(number, point, phase_view.point_row(point)) for number, point in enumerate(view.points, 1)]
    return environment.get_template("phase.html").render(
        title=f"Phase diagram of {view.name} – steadygrad", heading=f"Phase diagram of {view.name}", view=view, plot=phase_plot.phase_plot(activation, view),
        rows=rows, headings=phase_view.POINT_HEADINGS, line_headings=phase_view.LINE_HEADINGS, source=phase_view.SOURCE,
    )  # fmt: skip
