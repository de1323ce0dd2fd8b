import os
import subprocess

import pytest

import event_files
import journal
from server import Server


def pytest_addoption(parser):
    parser.addoption("--known-data", metavar="FOLDER", help="what known_data.py made")
    parser.addoption("--program", metavar="PROGRAM",
                     help="what logs the kind that is tested: it gets a logdir, and a folder for "
                          "copies of what it passed to the library")
    parser.addoption("--example-logs", metavar="LOGDIR",
                     help="the example's logdir; without it the example is not tested")
    parser.addoption("--gallery-logs", metavar="LOGDIR",
                     help="the gallery's logdir; without it the gallery is not tested")
    parser.addoption("--interrupted-run", metavar="PROGRAM",
                     help="log_interrupted_run; without it resuming is not tested")
    parser.addoption("--kill", metavar="PROGRAM",
                     help="battery_kill; without it killed runs are not tested")
    parser.addoption("--kill-write", metavar="PROGRAM", help="battery_kill_write; likewise")


@pytest.fixture(scope="session")
def known_folder(request):
    return os.path.abspath(request.config.getoption("--known-data"))


@pytest.fixture(scope="session")
def known_logs(known_folder):
    return os.path.join(known_folder, "logs")


@pytest.fixture(scope="session")
def logged(known_folder):
    """run name -> what the program passed to the library."""
    return journal.read(os.path.join(known_folder, "journal"),
                        os.path.join(known_folder, "inputs"))


@pytest.fixture(scope="session")
def parsed(known_logs):
    """run name -> what is in the event files."""
    return event_files.read(known_logs)


@pytest.fixture(scope="session")
def example_logs(request):
    logdir = request.config.getoption("--example-logs")
    if logdir is None:
        pytest.skip("no --example-logs")
    return os.path.abspath(logdir)


@pytest.fixture(scope="session")
def gallery_logs(request):
    logdir = request.config.getoption("--gallery-logs")
    if logdir is None:
        pytest.skip("no --gallery-logs")
    return os.path.abspath(logdir)


@pytest.fixture(scope="module")
def kind_logs(request, tmp_path_factory):
    """What --program has logged; what it passed is in the folder inputs beside it."""
    folder = tmp_path_factory.mktemp("kind")
    for name in ("logs", "inputs"):
        (folder / name).mkdir()
    subprocess.run([os.path.abspath(request.config.getoption("--program")), folder / "logs",
                    folder / "inputs"], check=True, timeout=60)
    return folder / "logs"


@pytest.fixture(scope="module")
def kind_inputs(kind_logs):
    return kind_logs.parent / "inputs"


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def kind_server(request, kind_logs):
    with Server(kind_logs, fast=request.param) as started:
        yield started


@pytest.fixture(scope="module", params=["fast", "slow", "tensorflow"])
def server(request, known_logs):
    """Both loaders; and the one in Python once more, with TensorFlow's reader."""
    with Server(known_logs, fast=request.param == "fast",
                tensorflow=request.param == "tensorflow") as started:
        yield started


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def example_server(request, example_logs):
    with Server(example_logs, fast=request.param) as started:
        yield started
