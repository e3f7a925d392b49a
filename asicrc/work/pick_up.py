"""How long after its dispatch a network miner works on a job, as far as its shares tell."""

from __future__ import annotations

from firmware_protocols.device import Job, NonceBatch, Reading

JOBS_WAITED_FOR = 16_384


class PickUpTimes:
    """Two readings for each job that has a share, both from the dispatch on.

    `job_first_share_s`: to its first share, the pick-up and the wait for a proof together. Over many jobs the
    smallest bounds the pick-up from above. `old_job_last_share_s`: to the last share of an earlier job that
    came before it; the pick-up took at least that long, less the way of a share.
    """

    def __init__(self) -> None:
        self._unanswered: dict[int, tuple[bytes, int]] = {}
        """By number: the miner, by its extranonce1, and the dispatch."""
        self._newest: dict[bytes, int] = {}
        self._miner_of: dict[int, bytes] = {}
        self._old_share_ns: dict[bytes, int] = {}

    def sent(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._unanswered[job.number] = job.extranonce1, job.sent_ns
            self._miner_of[job.number] = job.extranonce1
            self._newest[job.extranonce1] = job.number
        while len(self._unanswered) > JOBS_WAITED_FOR:
            del self._unanswered[next(iter(self._unanswered))]
        while len(self._miner_of) > JOBS_WAITED_FOR:
            del self._miner_of[next(iter(self._miner_of))]
        while len(self._newest) > JOBS_WAITED_FOR:
            miner = next(iter(self._newest))
            del self._newest[miner]
            self._old_share_ns.pop(miner, None)

    def arrived(self, events: NonceBatch) -> list[Reading]:
        readings: list[Reading] = []
        for number, t_ns in zip(events["job"].tolist(), events["t_ns"].tolist(), strict=True):
            first = self._unanswered.pop(number, None)
            if first is not None:
                miner, sent_ns = first
                readings.append(Reading(t_ns, "job_first_share_s", (t_ns - sent_ns) / 1e9))
                old_ns = self._old_share_ns.pop(miner, 0)
                if old_ns > sent_ns and self._newest.get(miner) == number:
                    readings.append(Reading(old_ns, "old_job_last_share_s", (old_ns - sent_ns) / 1e9))
            elif (of := self._miner_of.get(number)) is not None and self._newest.get(of) != number:
                self._old_share_ns[of] = t_ns
        return readings
