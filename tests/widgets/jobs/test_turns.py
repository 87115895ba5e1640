"""Explorers share one machine: a step each, in the order in which they asked; cells that are run again are noticed."""

from __future__ import annotations

import threading

import pytest

from cnnvis_widgets.widgets.jobs.cells import LatestRuns, Run, current_run
from cnnvis_widgets.widgets.jobs.jobs import Job
from cnnvis_widgets.widgets.jobs.turns import Turns

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


def until(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not happen within ten seconds")


def test_turns_are_handed_on_in_the_order_of_asking():
    turns, order = Turns(), []

    def work(name):
        for _ in range(3):
            with turns:
                order.append(name)

    with turns:
        threads = []
        for count, name in enumerate("abc", 1):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            until(lambda count=count: turns.waiting == count)
    for thread in threads:
        thread.join(10)
    # a thread may ask again only after the others were served, so that none has two turns more than another
    for end in range(1, len(order) + 1):
        counts = [order[:end].count(name) for name in "abc"]
        assert max(counts) - min(counts) <= 1
    assert len(order) == 9
    assert turns.waiting == 0


def test_two_jobs_compute_a_step_each():
    turns, order, both = Turns(), [], threading.Barrier(2)

    def steps(name):
        for _ in range(20):
            order.append(name)
            yield name

    jobs = [Job(lambda name=name: steps(name), turns=turns) for name in "ab"]
    threads = [threading.Thread(target=lambda job=job: (both.wait(10), job.run())) for job in jobs]
    with turns:
        for thread in threads:
            thread.start()
        until(lambda: turns.waiting == 2)
    for thread in threads:
        thread.join(10)
    assert sorted(order) == ["a"] * 20 + ["b"] * 20
    assert "".join(order) in ("ab" * 20, "ba" * 20)


def test_a_job_that_is_cancelled_while_it_waits_computes_nothing():
    turns = Turns()
    job = Job(lambda: never(), turns=turns)
    with turns:
        thread = threading.Thread(target=job.run)
        thread.start()
        until(lambda: turns.waiting == 1)
        job.cancel()
    thread.join(10)
    assert job.finished
    assert job.error is None
    assert turns.waiting == 0


def never():
    pytest.fail("a step was computed")
    yield


def test_an_error_gives_the_turn_back():
    turns = Turns()

    def steps():
        yield 1
        raise ValueError("broken")

    job = Job(steps, turns=turns)
    job.run()
    assert isinstance(job.error, ValueError)
    with turns:
        assert turns.waiting == 0


def test_a_turn_that_rests_is_lent():
    turns, log = Turns(), []

    def other():
        with turns:
            log.append("other")

    with turns:
        thread = threading.Thread(target=other)
        thread.start()
        until(lambda: turns.waiting == 1)
        with turns.resting():
            thread.join(10)
            log.append("rested")
        log.append("again")
    assert log == ["other", "rested", "again"]
    with turns.resting():  # without a turn there is nothing to lend
        assert turns.waiting == 0


class Left:
    def __init__(self):
        self.calls = 0

    def stop(self):
        self.calls += 1


def test_a_cell_that_is_run_again_ends_what_its_earlier_run_left():
    run = Run("first cell", "1")
    runs = LatestRuns(lambda: run)
    one, two, beside = Left(), Left(), Left()
    runs.leave(one.stop)
    runs.leave(two.stop)  # made by the same run
    run = Run("second cell", "2")
    runs.leave(beside.stop)
    assert (one.calls, two.calls, beside.calls) == (0, 0, 0)
    run = Run("first cell", "3")
    new = Left()
    del two
    runs.leave(new.stop)
    assert (one.calls, beside.calls, new.calls) == (1, 0, 0)
    run = Run("first cell", "4")
    runs.leave(Left().stop)
    assert (one.calls, new.calls) == (1, 1)


def test_outside_of_a_notebook_nothing_is_ended():
    assert current_run() is None
    runs = LatestRuns()
    left = Left()
    runs.leave(left.stop)
    runs.leave(left.stop)
    assert left.calls == 0
