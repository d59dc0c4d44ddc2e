"""One cycle after another: wake, sense, journal, maybe report, sleep.

On mains the tag sleeps lightly and stays in here; on battery it sleeps deeply, and the next wake starts at main.py
again. A quiet cycle touches neither flash nor radio. Every wait is bounded, and a watchdog stands behind the bounds.
"""

import gc
import os
import sys
import time
from binascii import crc32, hexlify

import machine
from micropython import const

from tag import VERSION, board, clock, config, crash, retained, routine, settings, use
from tag.journal import Journal
from tag.retained import state
from tag.use import span

_WATCHDOG_MS = const(25_000)  # a scan, joining a network and a talk together are bounded to 23 s
_TALK_MS = const(8_000)
_DAY_S = const(86_400)
_SETTLED_S = const(300)  # still for so long: the move is over
_SCAN_GAP_S = const(3600)  # between scans, however often it moves
_RETRY_S = const(60)
_MOST_FAILURES = const(38)  # then 13 again: clock.set_rtc goes through its guesses, a dozen and one from each date
_AGAIN = const(13)
_ONCE = const(1)  # how often the present anchors were noted
_TWICE = const(2)
_SAFE_MV = const(3000)  # below, flash may be written wrongly
_SAVING_S = const(900)
_MAINTAIN_S = const(10)  # how long it waits, awake, between cycles in maintenance
_MAINTAIN_REPORT_S = const(60)
_SAFE_MODE_S = const(3600)
_UNPROVISIONED_S = const(3600)
_QUICK_STARTS = const(3)  # without a state and without an answer; those that follow wait with scan and report
_MOST_DOUBLINGS = const(6)
_CRASH_S = const(60)
_LONGEST_CRASH_S = const(3600)
_NEVER = const(0xFFFF_FFFF)

# By machine.reset_cause(), where 4 is deep sleep: a start only when the state did not survive it. The last two: _cause.
_CAUSES = ("unknown", "power_on", "hard_reset", "watchdog", "unknown", "soft_reset", "panic", "brownout")
_WATCHDOG = const(3)
_PANIC = const(6)
_BROWNOUT = const(7)


def live() -> None:
    """Live for ever. Only a sleep or a reset leads out of here."""
    try:
        tag = Tag()
        if state.crashes >= crash.MOST:
            tag.safe()
        tag.fit()
        while True:
            tag.once()
    except config.NotProvisioned as error:
        print("not provisioned: %s" % error)
        machine.deepsleep(_UNPROVISIONED_S * 1000)
    except KeyboardInterrupt:  # somebody is at the serial line: the reset that follows is theirs
        retained.expect_reset()
        raise
    except Exception as error:
        _crashed(error)


class Tag:
    """The tag from one start of the chip to the next."""

    def __init__(self) -> None:
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._open_config: config.Config | None = None
        self._open_journal: Journal | None = None
        self._talkative = False  # whether this cycle is worth a line about its sleep
        self._usual_report_s = _SAFE_MODE_S
        kept = _is_kept()
        wanted = state.rebooting
        state.rebooting = False
        cause = _cause(kept, wanted)
        self._cut_short = kept and state.reporting  # the last report was; MicroPython does not know every reset's cause
        if kept and not wanted and cause in (_WATCHDOG, _PANIC, _BROWNOUT):
            state.crashes = min(state.crashes + 1, 255)
        elif not kept and cause == machine.PWRON_RESET:
            state.crashes = 0  # whoever switched it off and on wants a new beginning
        given_up = state.crashes == crash.MOST  # the state itself may be why
        started = not kept or cause != machine.DEEPSLEEP_RESET
        if started or state.crashes:
            from tag import wipe

            _spare_cell()
            wipe.finish()
        if started or given_up:
            self._start(cause if started else _PANIC, kept and not given_up)

    def fit(self) -> None:
        """Take up what senses use."""
        self._mains = board.mains()
        self._take_up_sensors()
        if self._cut_short:
            self._postpone_report()

    def _take_up_sensors(self) -> None:
        self._use = use.of(state.kind, state.cells)
        self._usual_report_s = self._use.REPORT_S
        self._motion = board.motion()

    def safe(self) -> None:
        """One cycle of safe mode: nothing but a report, and what the gateway says to it.

        Life goes on as usual after new settings or a reboot, and once a day to see whether it can.
        """
        self._watchdog.feed()
        now = clock.now()
        state.seen = now
        span.begin(now)  # nobody looked: that is no quiet
        print("safe mode: %s" % crash.last())
        if self._cut_short:
            self._postpone_report()
        else:
            self._report(now)
        if now - state.boot_at >= _DAY_S:
            state.boot_at = now
            state.crashes = crash.MOST - 1
        retained.save()
        while clock.now() < state.maintain_until:
            self._watchdog.feed()
            _spare_cell()
            if clock.now() >= state.report_at:
                self._report(clock.now())
                retained.save()
            time.sleep_ms(_MAINTAIN_S * 1000)
        print("sleep %d ms" % (_SAFE_MODE_S * 1000))
        machine.deepsleep(_SAFE_MODE_S * 1000)

    def once(self) -> None:
        """One cycle, the sleep at its end included."""
        self._watchdog.feed()
        woke = time.ticks_ms()
        mains = self._mains()
        if not mains and _is_low():
            machine.deepsleep(_SAVING_S * 1000)
        now = clock.now()
        state.seen = now
        state.wakes += 1
        motion = self._motion()
        if motion:
            state.moved = True
            state.moved_at = now
        sensed = self._use
        events = sensed.sense(mains, now)
        done = span.step(now, sensed.active, events)
        if done:
            self._note("use", *done)
        if sensed.unpowered != state.alarms:
            self._alarm(now, sensed.unpowered)
        if now >= state.report_at or state.moved or _is_daily_due(now):
            self._work(now)
            now = clock.now()
        state.crashes = 0
        awake_ms = time.ticks_diff(time.ticks_ms(), woke)
        state.awake_ms += awake_ms
        retained.save()
        pause = min(sensed.sense_s, max(1, state.report_at - now))
        if self._talkative:
            print("sleep %d ms after %d ms awake" % (pause * 1000, awake_ms))
            self._talkative = False
        if now < state.maintain_until:
            time.sleep_ms(min(pause, _MAINTAIN_S) * 1000)
            return
        if mains or sensed.light:
            state.light_s += pause
            state.light_wakes += 1
            machine.lightsleep(pause * 1000)
            return
        if sensed.WAKES_ON_MOTION and motion is not None:
            board.wake_on_motion()
        machine.deepsleep(pause * 1000)

    def _start(self, cause: int, kept: bool) -> None:
        """The chip started other than from deep sleep, or its state is lost or given up."""
        kind = use.KINDS.index(self._config().kind)
        anew = not kept or state.kind != kind
        if anew:
            self._keep_use()
            retained.renew()
        settings.restore(self._config().generation)
        unheard = 0
        if anew:
            _spare_cell()  # now by the settings' voltage
            unheard = clock.begin()
            state.kind = kind
            span.begin(clock.now())
            if state.crashes == crash.MOST:
                state.crashes += 1  # once is enough
        _count_boot(cause)
        state.report_at = clock.now()
        if unheard > _QUICK_STARTS:  # a cell too weak for the radio looks like power that comes, again and again
            state.report_at += _RETRY_S << min(unheard - _QUICK_STARTS, _MOST_DOUBLINGS)
        retained.save()
        self._talkative = True
        print("kitback %s tag %s boot %s" % (VERSION, _tag_id(), _CAUSES[cause]))
        journal = self._journal()
        print("journal %s oldest %d newest %d" % (journal.id, journal.oldest, journal.newest))

    def _keep_use(self) -> None:
        """Note the open span as far as it was sensed, before the state that knows of it goes; that goes in any case."""
        if not state.clock or state.sensed_at <= state.span_at:
            return
        told = span.so_far(state.sensed_at)
        span.begin(state.sensed_at)
        try:
            self._note("use", *told)
        except Exception as error:
            sys.print_exception(error)  # type: ignore[attr-defined]

    def _config(self):
        if not self._open_config:
            self._open_config = config.load()
        return self._open_config

    def _journal(self):
        if not self._open_journal:
            from tag import nvs

            self._open_journal = Journal(board.journal_flash(), lambda: nvs.count("journals"))
        return self._open_journal

    def _note(self, kind: str, at: int, *rest) -> None:
        """Journal a record. The state is kept at once, so that no reset makes the tag note the same thing again."""
        journal = self._journal()
        if state.boots:
            journal.append(state.clock, "boot", state.boot_at, _CAUSES[state.boot_cause], state.boots)
            state.boots = 0
        journal.append(state.clock, kind, at, *rest)
        retained.save()

    def _alarm(self, now: int, on: bool) -> None:
        """Note that the alarm began or ended, and report it in this cycle, unless the cell may be too weak for that."""
        state.alarms = on
        self._note("alarm", now, "unpowered", on)
        if clock.unheard() <= _QUICK_STARTS:
            state.report_at = now
            state.failures = 0

    def _work(self, now: int) -> None:
        """Everything that is due and not done in every cycle."""
        asked = state.asked
        state.asked = False
        cause = _fix_cause(now, asked)
        if cause:
            self._fix(now, cause)
        if asked or now - state.health_at >= routine.every_s():
            from tag import health

            state.health_at = now
            self._note("health", now, *health.since_last(now))
            self._take_up_sensors()  # one may have failed to start, and on mains there may be no other start for months
        if now >= state.report_at:
            self._report(now)

    def _fix(self, now: int, cause: str) -> None:
        """Listen for anchors, and note them unless they are the ones noted before."""
        from tag import scan

        # Before the scan: should it end in a reset, the next one waits its time.
        state.fixed = state.fixed or _ONCE
        state.moved = False
        state.scanned_at = now
        retained.save()
        anchors = scan.anchors(self._config().anchor_key)
        fix_sum = crc32(",".join(sorted(anchor for anchor, _ in anchors)).encode())
        same = fix_sum == state.fix_sum
        if cause == "moved" and same:
            return
        state.fix_at = now
        # Twice before it is no news: the gateway believes a new place when two fixes in a row agree.
        if cause == "due" and same and state.fixed == _TWICE and routine.away():
            return
        state.fixed = _TWICE if same else _ONCE
        state.fix_sum = fix_sum
        self._note("fix", now, cause, self._config().key_id, anchors)

    def _report(self, now: int) -> None:
        """Try to bring everything to the gateway; say when to try again."""
        self._talkative = True
        to_run: list = []
        why = self._talk(to_run)
        if why is None:
            state.failures = 0
            state.report_at = now + (_MAINTAIN_REPORT_S if now < state.maintain_until else self._report_s())
        else:
            print("report failed: %s; next try in %d s" % (why, self._postpone_report()))
        for command in to_run:
            from tag import commands

            self._watchdog.feed()
            commands.run(command)

    def _talk(self, to_run: list):
        """Why the talk with the gateway failed, or None. Commands that it brought are added to `to_run`."""
        from tag import wifi

        gc.collect()  # else what is loaded now lies scattered among the garbage, and leaves no room for a message
        journal = self._journal()
        battery_mv = board.battery_mv()
        uplink = None
        state.reporting = True
        retained.save()
        try:
            if not wifi.join(self._config().networks):
                return "no network"
            from tag import letters
            from tag.uplink import Uplink
            from tag.upload import Failed, Upload

            deadline: int = time.ticks_add(time.ticks_ms(), _TALK_MS)  # type: ignore[assignment]
            uplink = Uplink(self._config(), _tag_id(), deadline)
            upload = Upload(uplink, journal, self._config().secret, battery_mv, deadline)
            why = None
            try:
                upload.run()
            except Failed as failed:
                why = str(failed)
            letters.take(uplink, self._config(), upload, lambda: self._settle(upload), to_run)
            return why
        except MemoryError:
            raise  # the heap is broken up, and only a deep sleep, which a crash ends in, gives a new one
        except Exception as error:  # whatever else it was, the tag goes on
            return "%s %s" % (type(error).__name__, " ".join(str(error).split()))  # on one line
        finally:
            if uplink:
                uplink.close()
            wifi.leave()
            state.reporting = False
            retained.save()

    def _settle(self, upload) -> bool:
        """Bring everything to the gateway, the open span of use too. Whether it has it now."""
        now = clock.now()
        if now > state.span_at:
            told = span.so_far(now)
            span.begin(now)  # before the note, which keeps the state: no reset may tell of this time twice
            self._note("use", *told)
        try:
            upload.run()
        except Exception:  # the talk tells of its failures; here it only matters that the gateway has not everything
            return False
        return True

    def _report_s(self) -> int:
        return state.report_s or self._usual_report_s

    def _postpone_report(self) -> int:
        """After a failure: twice as long as after the last one, less up to a quarter by chance. Returns the seconds."""
        from tag import wifi

        wifi.forget()
        state.failures = state.failures + 1 if state.failures < _MOST_FAILURES else _AGAIN
        wait = min(_RETRY_S << state.failures - 1, self._report_s())
        wait -= wait * os.urandom(1)[0] // 1024
        state.report_at = clock.now() + wait
        state.reporting = False
        return wait


def _is_kept() -> bool:
    """Whether the state is there and its clock goes on. Memory may outlast power, but then the RTC begins anew."""
    if not retained.load():
        return False
    # A report saves when it begins, and the radio may brown out in that very second.
    goes_on = machine.reset_cause() != machine.PWRON_RESET or clock.now() + state.reporting > state.seen
    if state.clock and goes_on and not clock.ran_backwards():
        return True
    state.seen = _NEVER  # a sleep may follow before there is a new clock; this one must not pass for going on then
    retained.save()
    return False


def _cause(kept: bool, wanted: bool) -> int:
    """Why the chip started. MicroPython says power on also of a brownout, and hard reset of a panic too."""
    cause = machine.reset_cause()
    if kept and cause == machine.PWRON_RESET:
        return _BROWNOUT
    return _PANIC if kept and cause == machine.HARD_RESET and not wanted else cause


def _is_low() -> bool:
    return board.battery_mv() < (state.safe_mv or _SAFE_MV)


def _spare_cell() -> None:
    """On battery and below a safe voltage touch neither flash nor radio: sleep."""
    try:
        low = not board.mains()() and _is_low()
    except Exception:  # that is for a cycle to raise, and for safe mode to tell
        return
    if low:
        print("supply too low; sleep %d ms" % (_SAVING_S * 1000))  # also what a board without a cell says
        machine.deepsleep(_SAVING_S * 1000)


def _is_daily_due(now: int) -> bool:
    return now - state.fix_at >= (state.fix_s or _DAY_S) or now - state.health_at >= routine.every_s()


def _fix_cause(now: int, asked: bool):
    """Why it is time for a fix, or None."""
    if not state.fixed:
        return "boot" if now >= state.report_at else None
    if asked:
        return "due"
    if now - state.scanned_at < (state.scan_gap_s or _SCAN_GAP_S):
        return None
    if now - state.fix_at >= (state.fix_s or _DAY_S):
        return "due"
    return "moved" if state.moved and now - state.moved_at >= (state.settled_s or _SETTLED_S) else None


def _count_boot(cause: int) -> None:
    """Starts that lead nowhere are counted, and noted with the first thing that is."""
    state.boots = state.boots + 1 if state.boots and state.boot_cause == cause else 1
    state.boot_cause = cause
    if state.crashes < crash.MOST:  # in safe mode its day counts from here, whatever ends its reports
        state.boot_at = clock.now()


def _crashed(error: Exception) -> None:
    """A cycle raised. Tell, sleep, begin anew; when that keeps happening, the next start gives the state up."""
    sys.print_exception(error)  # type: ignore[attr-defined]
    crash.note(error)
    pause = min(_CRASH_S << min(state.crashes, 6), _LONGEST_CRASH_S)
    _count_boot(_PANIC)
    retained.save()
    machine.deepsleep(pause * 1000)


def _tag_id() -> str:
    return hexlify(machine.unique_id()).decode()
