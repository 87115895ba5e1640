"""Jobs without a page: cancelling, pacing, errors, and one at a time."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from cnnvis_widgets.widgets.jobs.jobs import Job, Pacer, Slot

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Never:
    def ready(self) -> bool:
        return False


class Always:
    def ready(self) -> bool:
        return True


@pytest.mark.parametrize(("steps_a_second", "steps_shown"), [(6, 60), (12, 120), (15, 120), (999, 120)])
def test_pacer_keeps_its_rate_whatever_the_steps_take(steps_a_second, steps_shown):
    clock = Clock()
    pacer = Pacer(12, clock)
    count = 0
    for step in range(10 * steps_a_second):
        clock.now = 100 + step / steps_a_second
        count += pacer.ready()
    assert count == pytest.approx(steps_shown, abs=2)


def test_pacer_does_not_catch_up_after_a_pause():
    clock = Clock()
    pacer = Pacer(10, clock)
    assert pacer.ready()
    clock.now += 60
    assert [pacer.ready() for _ in range(20)].count(True) <= 2


def test_every_due_step_is_shown_and_the_last_one_again_as_final():
    shown = []
    job = Job(lambda: iter_of(1, 2, 3), show=lambda *each: shown.append(each), pacer=Always())
    job.run()
    assert shown == [(1, False), (2, False), (3, False), (3, True)]
    assert job.finished
    assert not job.cancelled


def iter_of(*values):
    yield from values


def test_the_final_step_is_shown_even_if_none_was_due():
    shown = []
    Job(lambda: iter_of(1, 2, 3), show=lambda *each: shown.append(each), pacer=Never()).run()
    assert shown == [(3, True)]


def test_a_job_without_steps_shows_nothing():
    shown = []
    Job(lambda: iter_of(), show=lambda *each: shown.append(each)).run()
    assert shown == []


def test_cancelled_between_steps_it_keeps_the_last_picture_and_closes_the_work():
    shown, closed = [], []

    def steps():
        try:
            for index in range(100):
                if index == 3:
                    job.cancel()
                yield index
        finally:
            closed.append(True)

    last = []
    job = Job(steps, show=lambda *each: shown.append(each), done=lambda job: last.append(job.latest), pacer=Always())
    job.run()
    assert shown == [(0, False), (1, False), (2, False), (3, True)]
    assert closed == [True]
    assert last == [3]


def test_what_was_computed_does_not_outlive_its_job_in_a_circle():
    watched = []

    def steps():
        for _ in range(3):
            step = np.zeros(4)
            watched.append(weakref.ref(step))
            yield step

    job = Job(steps, show=lambda step, final: job.cancelled, pacer=Always())
    gc.disable()
    try:
        job.run()
        assert len(watched) == 3
        assert [each() for each in watched] == [None] * 3
    finally:
        gc.enable()


def test_cancelled_before_it_began_it_does_no_work():
    job = Job(lambda: pytest.fail("work was begun"), show=lambda *each: pytest.fail("shown"))
    job.cancel()
    job.run()
    assert job.finished
    assert job.error is None


def test_an_error_is_kept_and_the_partial_result_shown():
    shown, ended = [], []

    def steps():
        yield 1
        raise ValueError("broken")

    job = Job(steps, show=lambda *each: shown.append(each), done=ended.append, pacer=Never())
    job.run()
    assert shown == [(1, True)]
    assert ended == [job]
    assert isinstance(job.error, ValueError)
    assert job.error.__traceback__ is not None


def test_an_error_while_drawing_is_kept_too():
    def show(step, final):
        raise RuntimeError("cannot draw")

    job = Job(lambda: iter_of(1), show=show, pacer=Always())
    job.run()
    assert str(job.error) == "cannot draw"


def test_an_error_at_the_very_end_still_finishes_the_job():
    def done(job):
        raise RuntimeError("no pane")

    job = Job(lambda: iter_of(1), done=done)
    job.run()
    assert job.wait(0)
    assert str(job.error) == "no pane"


def waiting_job(log, name, started, go_on):
    def steps():
        log.append(f"{name} begins")
        started.set()
        while True:
            assert go_on.wait(10)
            yield name

    return Job(steps, done=lambda job: log.append(f"{name} ends"))


def test_a_slot_runs_one_job_at_a_time_and_the_newest_wins():
    log, slot = [], Slot()
    started, go_on = threading.Event(), threading.Event()
    first = waiting_job(log, "first", started, go_on)
    slot.start(first)
    assert started.wait(10)
    skipped = Job(lambda: pytest.fail("superseded work was begun"))
    last = Job(lambda: iter_of(log.append("last begins")), done=lambda job: log.append("last ends"))
    slot.start(skipped)
    slot.start(last)
    assert first.cancelled
    assert skipped.cancelled
    assert not last.finished
    go_on.set()
    assert last.wait(10)
    assert log == ["first begins", "first ends", "last begins", "last ends"]
    assert skipped.error is None


def test_a_flood_of_jobs_takes_one_thread():
    slot, go_on, ended, last = Slot(), threading.Event(), [], []

    def long_step():
        go_on.wait(10)
        yield 0

    before = set(threading.enumerate())
    slot.start(Job(long_step, done=ended.append))
    for number in range(300):
        slot.start(
            Job(lambda number=number: iter_of(number), show=lambda step, _: last.append(step), done=ended.append)
        )
    new = set(threading.enumerate()) - before
    assert [thread.name for thread in new if thread.name == "cnnvis-job"] == ["cnnvis-job"]
    go_on.set()
    slot.wait(10)
    assert len(ended) == 301  # each was told that it is over
    assert set(last) == {299}
    assert all(job.finished and job.error is None for job in ended)


def test_a_job_that_leaves_python_does_not_stop_those_after_it():
    slot, ended = Slot(), []

    def leaves():
        raise SystemExit("a rule that calls sys.exit")
        yield

    slot.start(Job(leaves, done=ended.append))
    slot.start(Job(lambda: iter_of(1), done=ended.append), replace=False)
    slot.wait(10)
    assert [type(job.error) for job in ended] == [RuntimeError, type(None)]
    assert "sys.exit" in str(ended[0].error)


def test_a_slot_can_also_let_the_job_before_finish():
    log, slot = [], Slot()
    started, go_on = threading.Event(), threading.Event()

    def steps():
        started.set()
        assert go_on.wait(10)
        yield log.append("first")

    slot.start(first := Job(steps))
    assert started.wait(10)
    slot.start(second := Job(lambda: iter_of(log.append("second"))), replace=False)
    go_on.set()
    assert second.wait(10)
    assert not first.cancelled
    assert log == ["first", "second"]


def test_stopping_a_slot_ends_its_job():
    log, slot = [], Slot()
    slot.stop()
    started, go_on = threading.Event(), threading.Event()
    go_on.set()
    job = waiting_job(log, "endless", started, go_on)
    slot.start(job)
    assert started.wait(10)
    slot.stop(10)
    assert job.finished
    assert log == ["endless begins", "endless ends"]
