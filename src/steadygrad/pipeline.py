"""trace → probe → judge, and nothing else."""

from collections.abc import Callable, Iterable
from typing import Any

from steadygrad.case import Case
from steadygrad.errors import ModelError
from steadygrad.graph.transaction import transaction
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments import EXPERIMENTS
from steadygrad.probes.session import measure
from steadygrad.rules.finding import Finding
from steadygrad.rules.judge import judge
from steadygrad.rules.rule import Rule


def observe(case: Case, *, mode: str = "train", depth: str = "fast", progress: Callable[[str], None] | None = None) -> Evidence:
    """Measure a case and put everything back as it was."""
    with transaction(
        case.model, optimizer=case.optimizer, inputs=case.inputs, targets=case.targets, loss_fn=case.loss_fn
    ) as held:
        return measure(case, held, mode=mode, depth=depth, experiments=EXPERIMENTS, progress=progress)


def examine(evidence: Evidence, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """Let every rule look, then judge. Rules about data stay silent on generated inputs."""
    active = [rule for rule in rules if not (rule.needs_data and evidence.conditions.generated_inputs)]
    findings = [finding for rule in active for finding in rule.examine(evidence)]
    return judge(findings, {rule.slug: rule for rule in active})


def run(case: Case, rules: Iterable[Rule], **settings: Any) -> tuple[Evidence, tuple[Finding, ...]]:
    """`observe`, then `examine`."""
    evidence = observe(case, **settings)
    findings = examine(evidence, rules)
    failure = evidence.conditions.failure
    if failure and not any(f.severity == "error" and f.code[0] in "DL" for f in findings):
        raise ModelError(failure)  # nothing explains it
    return evidence, findings

