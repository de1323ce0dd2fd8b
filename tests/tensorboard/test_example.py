"""Stock TensorBoard serves what is in the example's event files, with either loader."""

import pytest

import event_files
import served
from checks import check_bins, check_graph, check_names, check_pictures, check_scalars, check_texts


@pytest.fixture(scope="module")
def files(example_logs):
    return event_files.read(example_logs)


@pytest.fixture(scope="module")
def answers(example_server):
    return served.read(example_server)


def test_runs_are_train_and_validation(files):
    assert {"train", "validation"} <= set(files)
    assert set(files["train"].scalars) & set(files["validation"].scalars), "no curve to compare"


def test_every_dashboard_has_data(example_server, files):
    listing = example_server.json("plugins_listing")
    for plugin in ("scalars", "timeseries", "histograms", "distributions", "images", "graphs",
                   "text"):
        assert listing[plugin]["enabled"], plugin
    assert any(run.graph and len(run.graph.node) > 3 for run in files.values())


def test_runs_and_tags_are_those_in_the_files(answers, files):
    assert sorted(answers) == sorted(files)
    for name, run in files.items():
        for kind, tags in run.kinds().items():
            assert sorted(answers[name].kinds()[kind]) == sorted(tags), f"{kind} of {name}"


def test_served_data_is_that_in_the_files(answers, files):
    check_scalars(answers, files)
    check_pictures(answers, files)
    check_texts(answers, files)
    check_names(answers, files)
    check_graph(answers, files)


def test_histograms_are_those_in_the_files(answers, files):
    check_bins(answers, files, most_steps=51)


def test_steps_rise(files):
    for name, run in files.items():
        for tags in run.kinds().values():
            for tag, series in tags.items():
                steps = [step for step, _ in series]
                assert steps == sorted(set(steps)), f"{name} {tag}"


def test_server_complains_of_nothing(example_server, answers):
    assert example_server.complaints() == []
