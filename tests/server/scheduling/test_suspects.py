"""Which jobs kill their worker is found out by halving, and everybody else is answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.scheduling.scheduler import Job, State
from bentoml.server.scheduling.suspects import Suspects


def running(count: int, api: int = 0) -> list[Job]:
    jobs = [Job(api, 0.0, 10.0, 1) for _ in range(count)]
    for job in jobs:
        job.state = State.RUNNING
    return jobs


@given(count=st.integers(1, 200), guilty_numbers=st.sets(st.integers(0, 199), min_size=1, max_size=4))
def test_the_guilty_are_condemned_and_all_others_answered(count: int, guilty_numbers: set[int]) -> None:
    jobs = running(count)
    guilty = [jobs[number % count] for number in guilty_numbers]
    suspects: Suspects[Job] = Suspects()
    suspects.accuse(jobs)
    condemned: list[Job] = []
    deaths = 0
    while group := suspects.next_group():
        assert all(job.state is State.RUNNING for job in group)
        if any(job in group for job in guilty):
            deaths += 1
            one = suspects.convict(group)
            if one is not None:
                one.state = State.DONE
                condemned.append(one)
        else:
            for job in group:
                job.state = State.DONE
    assert sorted(map(id, condemned)) == sorted({id(job) for job in guilty})
    assert all(job.state is State.DONE for job in jobs)
    assert deaths <= len(condemned) * (count.bit_length() + 1)
    assert not suspects


def test_each_api_is_tried_on_its_own() -> None:
    suspects: Suspects[Job] = Suspects()
    plain, coroutines = running(3, api=0), running(2, api=1)
    suspects.accuse([*plain, *coroutines])
    assert [suspects.next_group(), suspects.next_group(), suspects.next_group()] == [plain, coroutines, []]


def test_jobs_that_are_done_meanwhile_are_not_tried() -> None:
    suspects: Suspects[Job] = Suspects()
    jobs = running(4)
    jobs[0].state = State.DONE
    suspects.accuse(jobs)
    jobs[1].state = jobs[2].state = State.DONE
    assert list(suspects) == [jobs[3]]
    assert suspects.next_group() == [jobs[3]]
    assert suspects.next_group() == []


def test_trial_without_a_result_is_the_next_one_again() -> None:
    suspects: Suspects[Job] = Suspects()
    jobs = running(4)
    suspects.accuse(jobs)
    group = suspects.next_group()
    suspects.put_back(group)
    assert suspects.next_group() == group


def test_take_all_leaves_nothing() -> None:
    suspects: Suspects[Job] = Suspects()
    jobs = running(3)
    suspects.accuse(jobs)
    assert suspects.take_all() == jobs
    assert not suspects
