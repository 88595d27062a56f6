"""A rule's page as text, made from its class."""

import inspect

from steadygrad.rules.rule import Rule


def explanation(rule: type[Rule]) -> str:
    """Title, what is seen and why it matters, thresholds with their reasons, consequences, specimens."""
    lines = [f"{rule.code} {rule.slug}: {rule.title}", "", inspect.cleandoc(rule.__doc__ or "")]
    if rule.thresholds:
        lines += ["", "Thresholds (override as `slug.name`):"]
        lines += [f"  {rule.slug}.{name} = {t.value:g}  {t.why}" for name, t in rule.thresholds.items()]
    if rule.explains:
        lines += ["", f"Can be the cause of: {', '.join(rule.explains)}."]
    if rule.needs_data:
        lines += ["", "Off when inputs are generated."]
    lines += ["", f"Fires on: {'; '.join(s.name for s in rule.sick())}.", f"Silent on: {'; '.join(s.name for s in rule.healthy())}."]
    return "\n".join(lines)
