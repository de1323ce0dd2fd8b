"""A run whose summaries were logged as they are is, to both loaders, the run that they come from."""

import numpy as np
import pytest

import event_files
import runs
import served


@pytest.fixture(scope="module")
def events(kind_logs):
    """run -> its events, the first one aside, which is the file's own."""
    found = {run: event_files.read_events(path) for run, (path,)
             in runs.event_files(kind_logs).items()}
    assert sorted(found) == ["copied", "made"]
    return {run: events[1:] for run, events in found.items()}


def test_events_are_those_of_the_run(events):
    assert len(events["copied"]) == len(events["made"]) > 35
    for copied, made in zip(events["copied"], events["made"]):
        assert copied == made


def test_every_kind_is_there(events):
    plugins = {value.metadata.plugin_data.plugin_name for event in events["copied"]
               for value in event.summary.value}
    assert plugins - {""} == {"scalars", "histograms", "images", "audio", "text", "pr_curves",
                              "mesh", "custom_scalars", "hparams", "mine"}


def test_loaders_show_the_same(kind_server):
    answers = served.read(kind_server)
    made, copied = answers["made"], answers["copied"]
    for kind, tags in made.kinds().items():
        assert tags and sorted(copied.kinds()[kind]) == sorted(tags), kind
    for tag, series in made.histograms.items():
        for (step, bins), (copied_step, copied_bins) in zip(series, copied.histograms[tag]):
            assert step == copied_step and np.array_equal(bins, copied_bins)
    assert copied.scalars == made.scalars and copied.texts == made.texts
    assert copied.images == made.images and copied.wall_times == made.wall_times
    assert copied.names == made.names and copied.names["loss"][0] == "the *loss*"
    for plugin, route in (("pr_curves", "pr_curves"), ("mesh", "meshes"), ("audio", "audio")):
        for tag in kind_server.plugin(plugin, "tags")["made"]:
            assert ask(kind_server, plugin, route, "copied", tag) == \
                ask(kind_server, plugin, route, "made", tag) != [], f"{plugin} {tag}"
    assert kind_server.complaints() == []


def ask(server, plugin, route, run, tag):
    """In an order that does not change: the fast loader has the parts of a mesh in any."""
    answer = server.plugin(plugin, route, run=run, tag=tag, sample=0)
    entries = answer[run] if isinstance(answer, dict) else answer
    return sorted(({key: value for key, value in entry.items() if key != "query"}
                   for entry in entries), key=repr)
