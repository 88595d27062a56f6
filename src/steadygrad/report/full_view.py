"""Full depth in words and rows, for every renderer."""

import math
from typing import Any

from steadygrad.report.record import Report

BLOCKS = 10


def sentences(report: Report) -> list[tuple[str, str]]:
    """(what, one line about it) for each experiment, and the time each stage took; [] at fast depth."""
    full = report.full
    if not full:
        return []
    made = []
    for name, words in (("curvature", _curvature), ("jacobian", _jacobian), ("mode-gap", _modes), ("rehearsal", _rehearsal)):
        if name in full:
            made.append((name, words(full[name])))
    made.append(("time", ", ".join(f"{stage} {seconds:.2g} s" for stage, seconds in report.seconds.items())))
    return made


def block_rows(report: Report, most: int = 10_000) -> list[tuple[str, list[str]]]:
    """A row per block of the Jacobian: where, then χ, its theory, spread, its theory, largest singular value, growth of
    differences; (“… n more”, []) where the middle is left out.
    """
    blocks = (report.full.get("jacobian") or {}).get("blocks") or []
    rows = [(b["where"] or "·", [_number(b[k]) for k in ("forward", "expected_forward", "spread", "expected_spread", "top", "chaos")]) for b in blocks]
    if len(rows) <= most:
        return rows
    half = most // 2
    return [*rows[:half], (f"… {len(rows) - 2 * half} more", []), *rows[-half:]]


HEADINGS = ("block", "χ", "theory", "spread", "theory", "largest s", "contrast")


def rehearsal_curve(report: Report) -> dict[str, list[tuple[float, float]]]:
    """The rehearsal's losses as one curve; {} without."""
    losses = (report.full.get("rehearsal") or {}).get("losses") or ()
    return {"loss of this batch": [(float(i), float(v)) for i, v in enumerate(losses)]} if losses else {}


def _curvature(c: dict[str, Any]) -> str:
    text = f"sharpness {c['sharpness']:.3g} ± {c['error']:.1g}, {c['along_gradient']:.3g} along the gradient ({c['method']}, {c['products']} products)"
    if c["rate_sharpness"] is not None and c["limit"]:
        text += f"; rate × sharpness {c['rate_sharpness']:.3g}, stable below {limit_words(c['limit_formula'], c['limit'])}"
        if c["stable_rate"]:
            text += f", that is a rate of {c['stable_rate']:.2g}"
    elif c["sharpness"] > 0.0:
        text += f"; plain gradient descent is stable below a rate of {2.0 / c['sharpness']:.2g}"
    return text


def limit_words(formula: str, limit: float) -> str:
    """`2(1 + β) = 3.8`; `2` alone where that is the formula."""
    return formula if formula == f"{limit:g}" else f"{formula} = {limit:.3g}"


def _jacobian(j: dict[str, Any]) -> str:
    text = f"{j['found']} blocks"
    if j["whole"] is not None:
        w = j["whole"]
        text += f"; the whole has mean s² {w['mean']:.3g}"
        if w["spread"] is not None and w["top"] is not None:
            text += f", spread {w['spread']:.3g} (0 is isometry), largest s {w['top']:.3g}"
    if j["contrast"] is not None:
        text += f"; inputs 0.1 % apart make outputs {100 * j['contrast']:.2g} % apart"
    return text


def _modes(m: dict[str, Any]) -> str:
    parts = []
    if m["train_loss"] is not None and m["eval_loss"] is not None:
        parts.append(f"loss {m['train_loss']:.4g} in train, {m['eval_loss']:.4g} in eval mode")
    if m["difference"] is not None:
        parts.append(f"outputs differ by {m['difference']:.2g} of their size")
    if m["norms"]:
        worst = max(m["norms"], key=lambda n: n["distance"])
        fresh = " (fresh statistics)" if worst["settled"] == 0.0 else ""
        parts.append(f"batch norms: {len(m['norms'])}, farthest `{worst['where']}` by {worst['distance']:.2g} σ{fresh}")
    if m["dropouts"]:
        parts.append(f"dropouts: {len(m['dropouts'])}")
    return "; ".join(parts)


def _rehearsal(r: dict[str, Any]) -> str:
    losses = r["losses"]
    kept = f", {r['kept']:.0%} of what its gradients promised" if isinstance(r["kept"], float) and math.isfinite(r["kept"]) else ""
    return f"loss of this batch {losses[0]:.4g} → {losses[-1]:.4g} in {len(losses) - 1} steps{kept}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
