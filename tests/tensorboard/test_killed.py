"""Runs whose writers were killed, before and after recovery: each loader shows every value that is
there, and neither complains."""

import collections
import os
import subprocess

import pytest

from server import Server

TRIALS = 20
KINDS = ("scalars", "histograms", "images", "text")


def read_counts(path, prefix):
    """run name -> {"scalars": 12, ..., "torn": 1}, as the program that killed has counted."""
    with open(path) as lines:
        return {f"{prefix}/{name}": {word: int(number) for word, number in
                                     (part.split("=") for part in parts)}
                for name, *parts in map(str.split, lines)}


@pytest.fixture(scope="module")
def killed(request, tmp_path_factory):
    """The logdir, and what the C programs have found in its runs."""
    programs = {"anytime": request.config.getoption("--kill"),
                "halfway": request.config.getoption("--kill-write")}
    if None in programs.values():
        pytest.skip("no --kill or no --kill-write")
    folder = tmp_path_factory.mktemp("killed")
    arguments = {"anytime": [str(TRIALS), "1"], "halfway": []}
    counts = {}
    for name, program in programs.items():
        (folder / "logs" / name).mkdir(parents=True)
        subprocess.run([os.path.abspath(program), *arguments[name], folder / "logs" / name],
                       check=True, timeout=240, cwd=folder)
        counts.update(read_counts(folder / "logs" / name / "counts", name))
    return folder / "logs", counts


def count_scalars(server, runs_and_tags):
    """A request for each tag, of which there are many, with all runs that have it."""
    counts = collections.Counter()
    runs = collections.defaultdict(list)
    for run, tags in runs_and_tags.items():
        for tag in tags:
            runs[tag].append(run)
    for tag, names in runs.items():
        points = server.post_form("plugin/scalars/scalars_multirun",
                                  [("tag", tag)] + [("runs", name) for name in names])
        counts.update({name: len(points[name]) for name in names})
    return counts


def count_values(server, kind):
    """run name -> how many values of a kind are served."""
    runs_and_tags = server.plugin(kind, "tags")
    if kind == "scalars":
        return count_scalars(server, runs_and_tags)
    return {name: sum(len(server.plugin(kind, kind, run=name, tag=tag)) for tag in tags)
            for name, tags in runs_and_tags.items()}


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def server(request, killed):
    with Server(killed[0], fast=request.param) as started:
        yield started


def test_some_runs_end_torn_until_they_are_recovered(killed):
    torn = {name: count["torn"] for name, count in killed[1].items()}
    assert sum(torn[name] for name in torn if "/killed/" in name) >= 3
    assert all(torn[name] == 0 for name in torn if "/recovered/" in name)
    assert max(torn.values()) == 1


def test_a_killed_run_has_what_it_will_have_or_less(killed):
    counts = killed[1]
    killed_runs = [name for name in counts if "/killed/" in name]
    assert len(killed_runs) >= TRIALS + 3
    for name in killed_runs:
        recovered = counts[name.replace("/killed/", "/recovered/")]
        assert all(counts[name][kind] <= recovered[kind] for kind in KINDS + ("graphs",))


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_served(server, killed, kind):
    served = count_values(server, kind)
    expected = {name: count[kind] for name, count in killed[1].items() if count[kind] > 0}
    assert len(expected) > TRIALS
    assert {name: count for name, count in served.items() if count > 0} == expected


def test_graphs_are_served(server, killed):
    served = {name for name, about in server.plugin("graphs", "info").items()
              if about["run_graph"]}
    assert served == {name for name, count in killed[1].items() if count["graphs"] > 0}


def test_the_server_does_not_complain(server):
    """But for the graphs, of which each run has several."""
    assert [line for line in server.complaints() if "more than one graph" not in line] == []
