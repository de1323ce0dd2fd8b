"""Stock TensorBoard serves what was logged, with either loader."""

import pytest

import served
from checks import (check_bins, check_graph, check_names, check_pictures, check_scalars,
                    check_texts, finite_count)


@pytest.fixture(scope="module")
def answers(server):
    return served.read(server)


def test_the_loader_is_the_one_asked_for(server):
    provider = server.json("environment")["debug"]["data_provider"]
    assert ("GrpcDataProvider" in provider) == server.fast


def test_runs_and_tags_are_those_logged(answers, logged):
    assert sorted(answers) == sorted(logged)
    for name, run in logged.items():
        for kind, tags in run.kinds().items():
            assert sorted(answers[name].kinds()[kind]) == sorted(tags), f"{kind} of {name}"


def test_every_dashboard_has_data(server):
    listing = server.json("plugins_listing")
    for plugin in ("scalars", "timeseries", "histograms", "distributions", "images", "graphs",
                   "text"):
        assert listing[plugin]["enabled"], plugin


def test_scalars_have_all_steps_and_values(answers, logged):
    check_scalars(answers, logged)


def test_wall_times_are_those_in_the_files(answers, parsed):
    for name, run in answers.items():
        for tag, times in run.wall_times.items():
            assert times == parsed[name].wall_times[tag], f"{name} {tag}"


def test_histograms_have_the_buckets_in_the_files(answers, parsed):
    check_bins(answers, parsed)


def test_histograms_count_every_finite_value(answers, logged):
    for name, run in logged.items():
        for tag, series in run.histograms.items():
            counts = [(step, bins[:, 2].sum()) for step, bins in answers[name].histograms[tag]]
            assert counts == [(step, finite_count(data)) for step, data in series], f"{name} {tag}"


def test_distributions_have_all_steps(server, logged):
    for name, run in logged.items():
        for tag, series in run.histograms.items():
            points = server.plugin("distributions", "distributions", run=name, tag=tag)
            assert [step for _, step, _ in points] == [step for step, _ in series], f"{name} {tag}"


def test_images_have_the_pixels_logged(answers, logged):
    check_pictures(answers, logged)


def test_texts_are_rendered(answers, logged):
    check_texts(answers, logged)
    html = {tag: series[-1][1] for tag, series in answers["train"].texts.items()}
    assert "<table>" in html["table"] and "<strong>1.5</strong>" in html["table"]
    assert "<a href=\"https://example.org/a?b=c&amp;d=e\"" in html["markdown"]
    assert "<script" not in html["html"]


def test_names_are_those_given(answers, logged):
    check_names(answers, logged)


def test_graphs_are_those_logged(answers, logged):
    check_graph(answers, logged)


def test_time_series_has_every_tag(server, logged):
    tags = server.plugin("timeseries", "tags")
    for name, run in logged.items():
        assert sorted(tags["scalars"]["runTagInfo"].get(name, [])) == sorted(run.scalars)
        assert sorted(tags["histograms"]["runTagInfo"].get(name, [])) == sorted(run.histograms)
        shown = [tag for tag, about in tags["images"]["tagRunSampledInfo"].items() if name in about]
        assert sorted(shown) == sorted(run.images)


def test_server_complains_of_nothing(server, answers):
    assert server.complaints() == []
