"""What a device has to have before it can be called a reservoir: echo state, separation, fading memory,
consistency. One drive asks for all of them."""

from asicrc.reservoir.prerequisites.answers import Prerequisites, prerequisites_of
from asicrc.reservoir.prerequisites.plan import PrerequisitePlan, load_plan, shipped_plans
from asicrc.reservoir.prerequisites.taking import (
    Outlook,
    analyse_file,
    outlook,
    take_in_memory,
    take_to_file,
)

__all__ = [
    "Outlook",
    "PrerequisitePlan",
    "Prerequisites",
    "analyse_file",
    "load_plan",
    "outlook",
    "prerequisites_of",
    "shipped_plans",
    "take_in_memory",
    "take_to_file",
]
