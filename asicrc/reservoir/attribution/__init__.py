"""What a score means: better than every null, by which channel, and what that says of the claim."""

from asicrc.reservoir.attribution.channel import Attribution, Channel, Group, attribute
from asicrc.reservoir.attribution.instrument import instrument_verdict, planted_capacity
from asicrc.reservoir.attribution.paired import CAPACITY_MARGINS, TASK_MARGINS, Margins, judge_gain
from asicrc.reservoir.attribution.published import PUBLISHED, PublishedScore, value_verdict

__all__ = [
    "CAPACITY_MARGINS",
    "PUBLISHED",
    "TASK_MARGINS",
    "Attribution",
    "Channel",
    "Group",
    "Margins",
    "PublishedScore",
    "attribute",
    "instrument_verdict",
    "judge_gain",
    "planted_capacity",
    "value_verdict",
]
