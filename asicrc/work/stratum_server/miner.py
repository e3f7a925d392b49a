"""One connected miner of the work server: its jobs, and its shares on their way in."""

from __future__ import annotations

from asicrc.transports.tcp_connection import TcpConnection
from asicrc.work.pool_work import EXTRANONCE2_SIZE
from asicrc.work.stratum_server.answers import Expected
from asicrc.work.stratum_server.hub import Hub
from asicrc.work.stratum_server.miner_talk import MinerTalk
from asicrc.work.stratum_server.rows import packed
from asicrc.work.stratum_server.work_line import WorkLine
from firmware_protocols.device import NO_JOB, NO_TIME, Job, Reason, Stamp, Verdict
from firmware_protocols.stratum_v1 import ErrorCode, Submit


class MinerConnection(MinerTalk):
    """A `MinerTalk` whose shares become events, and are answered when the verdict on them is here."""

    def __init__(self, hub: Hub, tcp: TcpConnection, extranonce1: bytes, t_ns: int) -> None:
        super().__init__(hub, tcp, extranonce1, EXTRANONCE2_SIZE, t_ns)
        self._hub = hub
        self._work_number = 0
        self._sent_ns = self._sent_before_ns = NO_TIME

    # From the session's thread

    def send_work(self, work: WorkLine) -> Job | None:
        """Its own job of this work, as it was sent; None where it has newer work or is gone."""
        with self._lock:
            return self._send_work(work, clean=work.clean)

    def set_difficulty(self, difficulty: float) -> None:
        """For the jobs from the next on."""
        with self._lock:
            self._tcp.send(self._codec.set_difficulty(difficulty))

    # From the receiver's thread

    def _share(self, submit: Submit, stamp: Stamp, n_in_read: int) -> bytes | None:
        """Take in a share. The answer, where no hash is needed to tell it."""
        codec, hub = self._codec, self._hub
        found = codec.shares.before_hashing(
            submit, authorized=submit.worker in codec.workers, subscribed=codec.subscribed
        )
        if found.code in (ErrorCode.UNAUTHORIZED, ErrorCode.NOT_SUBSCRIBED):
            self._refused_at_once += 1
            return codec.answer_submit(submit, found)
        self.shares += 1
        self.last_share_ns = stamp.t_ns
        job, version, extranonce2 = found.job, found.version, found.extranonce2
        seq = hub.next_seq()
        expected = None
        verdict, reason = Verdict.PENDING, Reason.NONE
        if job is None:
            reason = Reason.NO_JOB
        elif version is None or extranonce2 is None or found.code is ErrorCode.OTHER:
            verdict, reason = Verdict.MALFORMED, Reason.BAD_FIELDS
        else:
            before = job.previous_difficulty
            expected = Expected(
                self,
                submit.id,
                stamp.t_ns,
                job.difficulty,
                job.target(hub.algorithm),
                0 if before is None else hub.algorithm.target(before),
            )
            if found.stale:
                reason = Reason.CLEANED
        row = packed(
            seq,
            stamp.t_ns,
            stamp.kernel_ns,
            self._sent_ns if self._sent_ns <= stamp.t_ns else self._sent_before_ns,
            n_in_read,
            NO_JOB if job is None else job.number,
            submit.nonce,
            version or 0,
            submit.ntime,
            extranonce2 or b"",
            verdict,
            reason,
        )
        hub.share(seq, row, expected)
        if expected is not None:
            return None
        self._refused_at_once += 1
        return codec.answer_submit(submit, found)

    def _malformed_share(self, stamp: Stamp, n_in_read: int) -> None:
        seq = self._hub.next_seq()
        self.shares += 1
        self._refused_at_once += 1
        row = packed(
            seq, stamp.t_ns, stamp.kernel_ns, self._sent_ns, n_in_read, NO_JOB, 0, 0, 0, b"",
            Verdict.MALFORMED, Reason.BAD_FIELDS,
        )  # fmt: skip
        self._hub.share(seq, row, None)

    def _begin(self, stamp: Stamp) -> None:
        difficulty, work = self._hub.became_ready(self, stamp.t_ns)
        self._out.append(self._codec.set_difficulty(difficulty))
        self._send_answers()
        if work is not None:
            job = self._send_work(work, clean=True)
            if job is not None:
                self._hub.sent_by_itself(job)

    def _send_work(self, work: WorkLine, *, clean: bool) -> Job | None:
        if work.number <= self._work_number or self.left is not None:
            return None
        self._work_number = work.number
        hub = self._hub
        number = hub.next_job_number()
        notify, line = work.named(number, clean=clean)
        sent_ns = hub.clock.now_ns()
        if not self._tcp.send(line):
            return None
        self.jobs_waited += self._tcp.backlog_bytes > 0
        bound = self._codec.jobs.bind(notify, number=number, at_ns=sent_ns)
        self._sent_before_ns, self._sent_ns = self._sent_ns, sent_ns
        return bound.device_job(algorithm=hub.algorithm, chip_target=hub.algorithm.target(1.0))
