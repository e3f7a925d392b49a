"""The emulator's process: the loop between the pty, the chain and the miner.

The job's frame occupies the line before the chip has it, and each answer before the host has it; both in
real time, whatever the time scale. So a host sees a nonce at

    write of the job + 88 bytes' time + due * time_scale + 11 bytes' time.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from types import FrameType

from firmware_protocols.bm13xx import (
    ChipDecoder,
    Command,
    Damaged,
    FullJob,
    MidstateJob,
    encode,
    model_by_name,
)
from simulators.bm13xx.chain import Chain
from simulators.bm13xx.chip import is_busy_work
from simulators.bm13xx.crystal import Crystal
from simulators.bm13xx.device_model import DeviceModel, IdealDevice
from simulators.bm13xx.line_faults import LineFaults
from simulators.bm13xx.miner import Miner
from simulators.bm13xx.outbox import END_OF_TIME_NS, Outbox, Outgoing, Stretch
from simulators.bm13xx.process import ring, run_process
from simulators.bm13xx.report import SendRecord, announce, closing_report, say, warn
from simulators.bm13xx.scale import OptionError, Scale, options_from_arguments, parse_scale
from simulators.bm13xx.sender import Sender
from simulators.bm13xx.terminal import Terminal
from simulators.bm13xx.uart import HostSpeed, Line, misheard, speeds_agree

SPIN_NS = 300_000
"""Before a frame is due the loop stops sleeping and watches the clock: on an idle virtual machine `select`
was measured to return 113 us late in the median, and 134 us in one of ten cases."""
_LOOK_AT_LEAST_EVERY_NS = 2_000_000  # for input, however busy the sending is
_IDLE_S = 0.02  # the host's speed is looked at this often

LATE_SHARE_TOLD = 0.05
CALIBRATED_AT_C = 25.0
"""Temperature at which a crystal with a drift has its stated frequency."""

USAGE = 2
FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run one emulator until stdin ends or a signal comes; return its exit code.

    2 is an option that is not understood (said on stderr), 1 a failure of the emulator itself.
    """
    try:
        scale = parse_scale(options_from_arguments(arguments))
        sends = SendRecord(scale.truth)
    except (OptionError, OSError) as error:
        warn(str(error))
        return USAGE
    return run_process(
        lambda woken, wake: Endpoint(scale, IdealDevice(scale.faults.temperature_c), sends, woken, wake)
    )


class Endpoint:
    """One chain behind one pty. `woken` and `wake` are the ends of a pipe that other threads ring.

    A board round the chain (simulators/bitaxe) is a subclass that overrides `further_fds`, `serve` and
    `announce`, and uses `reset_chips` and `deaf`.
    """

    def __init__(self, scale: Scale, device: DeviceModel, sends: SendRecord, woken: int, wake: int) -> None:
        model = model_by_name(scale.chip)
        self.terminal = Terminal()
        self.outbox = Outbox(lambda: ring(wake))
        self._stepped_ns = self._looked_ns = time.monotonic_ns()
        self.crystal = Crystal(self._looked_ns)
        self.miner = Miner(scale, model, device, self.outbox, self.crystal, warn)
        self._scale = scale
        self._device = device
        self._sends = sends
        self._woken = woken
        self._model = model
        self._chain = self._powered_on()
        self.deaf = False
        """Whether the chips hear nothing: held in reset, or without enough voltage."""
        self._decoder = ChipDecoder(model)
        self._from_host = Line()
        self._host_speed = HostSpeed(self.terminal.fd)
        self._line_faults = LineFaults(scale, sends.fault_counts)
        self._sender = Sender(self.terminal, self._host_speed, self._line_faults, scale, sends)
        self._answers = Stretch()
        self._ended: str | None = None
        self._saw_job = False
        self._parent = os.getppid()
        self._job_ignored = False

    def run(self) -> int:
        """Serve the line until something ends it; say on stderr how it went; return the exit code.

        The line is announced when the hash kernel is loaded: a chip that was reset is ready to hash, and the
        first nonces of a job that came sooner would all come late.
        """
        self.miner.start()
        while not self.miner.ready.is_set() and self._ended is None:
            self._look(END_OF_TIME_NS)
        if self._ended is None:
            self.announce()
        while self._ended is None:
            item = self.outbox.head()
            due_ns = self._sender.planned_ns(item, self._chain.baud) if item else END_OF_TIME_NS
            now_ns = time.monotonic_ns()
            if due_ns - now_ns > SPIN_NS or now_ns - self._looked_ns > _LOOK_AT_LEAST_EVERY_NS:
                self._look(due_ns - SPIN_NS)
            elif item is not None:
                while time.monotonic_ns() < due_ns:
                    pass
                if self.outbox.take(item):
                    self._sender.send(item, self._chain.baud, self._push)
        return self._close()

    def announce(self) -> None:
        """Say on stdout where the line is."""
        announce(self._scale, self.terminal.name, os.getpid())

    def further_fds(self) -> Sequence[int]:
        """Descriptors beside the line's to wait for."""
        return ()

    def serve(self, readable: Sequence[int], now_ns: int) -> None:
        """Called after every wait, at least every 20 ms of real time, with what can be read."""

    def reset_chips(self, at_ns: int) -> None:
        """All chips forget their registers and their work, and the line has its first speed again."""
        self._chain = self._powered_on()
        self._decoder = ChipDecoder(self._model)
        self.outbox.end(self._answers, at_ns)
        self._answers = Stretch()
        self._device.set("frequency_mhz", 0.0)
        self.miner.assign(None, at_ns)

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._ended = signal.Signals(number).name
        self.outbox.wake()

    def _powered_on(self) -> Chain:
        scale = self._scale
        return Chain(
            self._model,
            chips=scale.chips,
            chip_id=scale.chip_id,
            time_scale=scale.time_scale,
            seed=scale.seed,
            midstate_order=scale.midstate_order,
        )

    def _look(self, until_ns: int) -> None:
        """Wait for input until `until_ns` at the latest, or not at all, and deal with what there is."""
        wait_s = min(max(0.0, (until_ns - time.monotonic_ns()) / 1e9), _IDLE_S)
        if wait_s > SPIN_NS / 1e9:
            self._sends.flush()
        fds = [self.terminal.fd, 0, self._woken, *self.further_fds()]
        readable, _, _ = select.select(fds, [], [], wait_s)
        now_ns = self._looked_ns = time.monotonic_ns()
        self._step_device(now_ns)
        self.serve(readable, now_ns)
        if self._woken in readable:
            os.read(self._woken, 4096)
        if 0 in readable and not os.read(0, 4096):
            self._ended = "stdin"
        elif os.getppid() != self._parent:
            self._ended = "parent"
        elif self.miner.failure is not None:
            self._ended = "failure"
        elif now_ns >= self._line_faults.hangup_ns:
            self._ended = "hangup_after"
        elif self.terminal.fd in readable:
            self._receive()
        else:
            self._host_speed.now()

    def _receive(self) -> None:
        data, read_ns = self.terminal.read(), time.monotonic_ns()
        if data is None:
            self._ended = "host hung up"
            return
        if self._scale.end_on_hangup:
            self.terminal.let_host_hang_up()
        if self.deaf:
            return
        speeds, baud = self._host_speed.of_waiting_bytes(), self._chain.baud
        if not any(speeds_agree(speed, baud) for speed in speeds):
            self._sends.garbled_bytes += len(data)
            data = misheard(data, speeds[-1], baud)
        for received in self._decoder.receive_data(data, read_ns):
            if isinstance(received.frame, Damaged):
                continue  # a chip ignores what its checksum says is damaged
            at_ns = self._from_host.occupy(read_ns, len(received.raw), baud)
            self._obey(received.frame, at_ns)

    def _obey(self, command: Command, at_ns: int) -> None:
        before = self._chain.work
        answers = self._chain.receive(command, self.crystal.chip_ns(at_ns))
        if not self._scale.silent:
            frames = (encode(answer.response, self._model, short=answer.short) for answer in answers)
            self.outbox.add(Outgoing(at_ns, at_ns, frame, stretch=self._answers) for frame in frames)
        if self._chain.work is before:
            return
        self._device.set("frequency_mhz", self._chain.frequency_mhz)
        is_job = isinstance(command, FullJob | MidstateJob) and not is_busy_work(command)
        if self._scale.flood_rate and (self._saw_job or not is_job):
            if is_job and not self._job_ignored:
                self._job_ignored = True
                warn("a flood offers proofs of the first job only; later jobs are ignored")
            return
        if is_job and not self._saw_job:
            self._saw_job = True
            self._line_faults.first_job(at_ns)
        if not self._scale.silent:
            self.miner.assign(self._chain.work, at_ns)

    def _push(self, rest: bytes) -> None:
        """Write what the pty had no room for: a flood waits for its reader, and its rate shows it."""
        while rest and self._ended is None:
            select.select([0], [self.terminal.fd], [], _IDLE_S)
            self._look(0)
            rest = rest[self.terminal.write(rest) :]

    def _step_device(self, now_ns: int) -> None:
        self._device.step((now_ns - self._stepped_ns) / 1e9 / self._scale.time_scale)
        self._stepped_ns = now_ns
        faults = self._scale.faults
        warmer_c = self._device.temperature_c - CALIBRATED_AT_C
        self.crystal.set_ppm(faults.clock_ppm + faults.clock_drift * warmer_c, now_ns)

    def _close(self) -> int:
        self.terminal.close()
        self.miner.stop()
        self._sends.close()
        count = self.miner.count
        if self._scale.report:
            say(closing_report(self._ended or "", self._sends, count, self._device))
        elif count.late > LATE_SHARE_TOLD * max(count.proofs, 1) and not self._scale.flood_rate:
            warn(f"{count.late} of {count.proofs} proofs came late: their times are those of this machine")
        if self.miner.failure is not None:
            warn(f"the miner failed: {self.miner.failure!r}")
            return FAILED
        return 0
