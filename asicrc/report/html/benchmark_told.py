"""The page of a benchmark of which only the JSON is left: scores and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicrc.errors import BadFile
from asicrc.evidence import Estimate
from asicrc.report.html.benchmark_page import lead_of, score_table, score_tiles, words_of_scores
from asicrc.report.html.inline_figure import inline_figure
from asicrc.report.html.number_text import number
from asicrc.report.html.page import Command, Judged, Page, Pairs, Picture, Pictures, Section, Text, Verdicts
from asicrc.report.reservoir_figure import scores_panel


def benchmark_json_page(found: Mapping[str, Any], where: str, *, name: str = "") -> Page:
    """From what `asicrc benchmark --json` printed: scores and verdicts. Raises BadFile."""
    try:
        held = _Told.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadFile(
            f"{where} is no result of a benchmark: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            "give what `asicrc benchmark ... --json` printed",
        ) from None
    scores = {score.name: score.estimate(held.seeds) for score in held.scores}
    value, meaning = held.value_verdict, held.interpretation_verdict
    judged = [
        Judged("Does the procedure give the published number?", value, ""),
        Judged("Does the number mean what is claimed?", meaning, ""),
    ]
    drawing = inline_figure(scores_panel(scores, None), "f-scores")
    told = words_of_scores(scores)
    return Page(
        kind="Benchmark",
        title=held.task,
        lead=lead_of(scores, held.channel, device="device" in scores),
        facts=[
            ("runs", number(held.seeds)),
            ("to train", number(held.n_train)),
            ("to test", number(held.n_test)),
            ("washout", number(held.washout)),
        ],
        tiles=score_tiles(scores, value, meaning, held.smallest_effect),
        sections=[
            Section("figures", "Figures", [Pictures([Picture(drawing, *told)])]),
            Section("scores", "Scores", [score_table(scores, {})]),
            Section("verdicts", "Verdicts", [Verdicts(judged)]),
            Section(
                "provenance",
                "Provenance",
                [
                    Pairs([("file", name or where)]),
                    Text(
                        "The JSON of a benchmark holds scores and verdicts. The captures hold the rest: "
                        "device, versions, seeds, digests; a report that is made with --report shows it."
                    ),
                ],
            ),
            Section(
                "again",
                "How to run it again",
                [
                    Command(
                        "Score the captures again, with every figure:",
                        f"asicrc benchmark {held.task.replace('_', '-')} --capture FILE --report report.html",
                    )
                ],
            ),
        ],
    )


class _Score(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    name: Annotated[str, Field(max_length=200)]
    nrmse: float | None
    low: float | None
    high: float | None

    def estimate(self, n: int) -> Estimate:
        value, low, high = (np.nan if part is None else part for part in (self.nrmse, self.low, self.high))
        return Estimate(value, low, high, n, method="over captures or seeds")


class _Told(BaseModel):
    """What a benchmark prints, checked: the file may be somebody else's."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    task: Annotated[str, Field(max_length=200)]
    n_train: Annotated[int, Field(ge=0)]
    n_test: Annotated[int, Field(ge=0)]
    washout: Annotated[int, Field(ge=0)]
    seeds: Annotated[int, Field(ge=1)]
    scores: Annotated[list[_Score], Field(min_length=1, max_length=500)]
    channel: Annotated[str, Field(max_length=200)] | None = None
    value_verdict: Annotated[str, Field(max_length=200)]
    interpretation_verdict: Annotated[str, Field(max_length=200)]
    smallest_effect: float | None = None
