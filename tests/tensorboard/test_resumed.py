"""A run that was killed and resumed looks as if nothing had happened, with either loader."""

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


def test_nothing_but_event_files_is_left(logs):
    names = [os.path.basename(path) for path in glob.glob(f"{logs}/interrupted/*")]
    assert len(names) == 3
    assert all("tfevents" in name for name in names)


def test_scalars_are_those_of_the_whole_run(answers):
    assert len(answers["whole"].scalars["loss"]) == 90
    assert answers["interrupted"].scalars == answers["whole"].scalars


def test_wall_times_grow(answers):
    for times in answers["interrupted"].wall_times.values():
        assert times == sorted(times)


def test_histograms_are_those_of_the_whole_run(answers):
    got, want = (answers[run].histograms["weights"] for run in ("interrupted", "whole"))
    assert [step for step, _ in got] == [step for step, _ in want] == list(range(0, 90, 10))
    for (_, one), (_, other) in zip(got, want):
        assert np.array_equal(one, other)


def test_pictures_are_those_of_the_whole_run(answers):
    assert len(answers["whole"].images["picture"]) == 9
    assert answers["interrupted"].images == answers["whole"].images


def test_texts_are_those_of_the_whole_run(answers):
    assert len(answers["whole"].texts["words"]) == 9
    assert answers["interrupted"].texts == answers["whole"].texts
