"""A plan as text: what `--dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.deploy.plans.plan import Plan


def plan_text(plan: Plan) -> str:
    """The files, each below a line with its name, then the steps with their numbers, then the notes.

    Returns:
        Lines joined by newlines, without a final one.
    """
    parts = [f"# {name}\n{text.rstrip()}\n" for name, text in plan.files.items()]
    if plan.steps:
        steps = [f"# {number}. {step.title}" for number, step in enumerate(plan.steps, 1)]
        parts.append("\n".join("\n".join([head, *step.lines()]) for head, step in zip(steps, plan.steps, strict=True)))
        parts[-1] += "\n"
    parts += [f"# Note: {note}\n" for note in plan.notes]
    return "\n".join(parts).rstrip("\n")
