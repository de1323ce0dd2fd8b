"""A run that was killed and resumed, one that lies in many files, and one that was both, look as if
nothing had happened, with either loader."""

import glob
import os
import subprocess

import numpy as np
import pytest

import served
from server import Server


@pytest.fixture(scope="module")
def logs(request, tmp_path_factory):
    program = request.config.getoption("--interrupted-run")
    if program is None:
        pytest.skip("no --interrupted-run")
    folder = tmp_path_factory.mktemp("resumed") / "logs"
    subprocess.run([program, folder], check=True, timeout=60)
    return folder


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def answers(request, logs):
    with Server(logs, fast=request.param) as server:
        yield served.read(server)


@pytest.fixture(scope="module", params=["interrupted", "rotated", "rotated_interrupted"])
def run(request):
    return request.param


def files_of(logs, run):
    return sorted(glob.glob(f"{logs}/{run}/*"))


def test_nothing_but_event_files_is_left(logs, run):
    assert all("tfevents" in os.path.basename(path) for path in files_of(logs, run))
    assert len(files_of(logs, "interrupted")) == 3


def test_rotated_runs_lie_in_files_of_the_size_that_was_asked_for(logs):
    assert len(files_of(logs, "rotated")) >= 4
    assert len(files_of(logs, "rotated_interrupted")) >= 6
    sizes = [os.path.getsize(path) for path in files_of(logs, "rotated")]
    assert all(1 << 20 <= size < 2 << 20 for size in sizes[:-1])  # a filler is half a MiB


def test_scalars_are_those_of_the_whole_run(answers, run):
    assert len(answers["whole"].scalars["loss"]) == 90
    assert answers[run].scalars == answers["whole"].scalars


def test_wall_times_grow(answers, run):
    for times in answers[run].wall_times.values():
        assert times == sorted(times)


def test_histograms_are_those_of_the_whole_run(answers, run):
    got, want = (answers[name].histograms["weights"] for name in (run, "whole"))
    assert [step for step, _ in got] == [step for step, _ in want] == list(range(0, 90, 10))
    for (_, one), (_, other) in zip(got, want):
        assert np.array_equal(one, other)


def test_pictures_are_those_of_the_whole_run(answers, run):
    assert len(answers["whole"].images["picture"]) == 9
    assert answers[run].images["picture"] == answers["whole"].images["picture"]


def test_fillers_of_rotated_runs_are_alike(answers):
    fillers = [answers[name].images["filler"] for name in ("rotated", "rotated_interrupted")]
    assert [step for step, _ in fillers[0]] == list(range(5, 90, 10))
    assert fillers[0] == fillers[1]


def test_texts_are_those_of_the_whole_run(answers, run):
    assert len(answers["whole"].texts["words"]) == 9
    assert answers[run].texts == answers["whole"].texts


def test_names_stay_with_their_tags(answers, run):
    assert {tag: answers[run].names[tag] for tag in answers["whole"].names} \
        == answers["whole"].names
