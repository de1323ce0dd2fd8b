"""The Custom Scalars tab has the charts that were asked for, each with its lines and no others."""

import numpy as np
import pytest
import tensorboardX.summary
from tensorboard.plugins.custom_scalar import layout_pb2, summary as layout_summary

import event_files
import runs
from server import Server

TAG = "custom_scalars__config__"


@pytest.fixture(scope="module")
def logged(kind_inputs):
    """run -> tag -> [(step, value)]."""
    found = {}
    with open(kind_inputs / "scalars", "rb") as file:
        while line := file.readline():
            run, step, value, size = line.decode().split()
            tag = file.read(int(size)).decode("utf-8")
            found.setdefault(run, {}).setdefault(tag, []).append((int(step), np.float32(value)))
    return found


@pytest.fixture(scope="module")
def layout(kind_server):
    """Category -> chart title -> chart."""
    return charts_of(kind_server)


def charts_of(server):
    return {category["title"]: {chart["title"]: chart for chart in category.get("chart", [])}
            for category in server.plugin("custom_scalars", "layout")["category"]}


def lines_of(server, run, regexes):
    """What the page asks for to draw a chart: tag -> [(step, value)]."""
    regex = regexes[0] if len(regexes) == 1 else "|".join(f"({r})" for r in regexes)
    answer = server.plugin("custom_scalars", "scalars", run=run, tag=regex)
    assert answer["regex_valid"]
    return {tag: [(step, np.float32(value)) for _, step, value in points]
            for tag, points in answer["tag_to_events"].items()}


def newest_layouts(logdir):
    """run -> the last layout in its files."""
    found = {}
    for run, paths in runs.event_files(logdir).items():
        for path in paths:
            for event in event_files.read_events(path):
                for value in event.summary.value:
                    if value.tag == TAG:
                        found[run] = layout_pb2.Layout.FromString(value.tensor.string_val[0])
    return found


# --- by hand -------------------------------------------------------------------------------------

def test_a_tag_is_drawn_and_no_other(kind_server, layout, logged):
    assert list(layout["literal"]) == list(logged["tags"])
    assert len(layout["literal"]) > 40
    for run in ("tags", "other"):
        for tag, chart in layout["literal"].items():
            lines = lines_of(kind_server, run, chart["multiline"]["tag"])
            assert lines == {tag: logged[run][tag]}, f"{tag!r} in {run}"


def test_several_tags_share_a_chart(kind_server, layout, logged):
    lines = lines_of(kind_server, "tags", layout["groups"]["two"]["multiline"]["tag"])
    assert lines == {tag: logged["tags"][tag] for tag in ("loss", "loss2")}


def test_regexes_match_beginnings(kind_server, layout, logged):
    regexes = layout["groups"]["regex"]["multiline"]["tag"]
    assert regexes == ["lo.*", "[0-9]"]
    assert set(lines_of(kind_server, "tags", regexes)) == {
        "loss", "loss2", "loss\n", "loss/a", "5"}
    assert set(lines_of(kind_server, "manual", regexes)) == {"low(x"}


def test_margins_have_their_three_tags(kind_server, layout, logged):
    series, = layout["margins"]["band"]["margin"]["series"]
    assert series == {"value": "mean.x", "lower": "low(x", "upper": "high"}
    steps = [[step for step, _ in logged["manual"][tag]] for tag in series.values()]
    assert steps[0] == steps[1] == steps[2]  # or the page draws nothing
    escaped = ["mean\\.x", "low\\(x", "high"]  # the page escapes these
    assert lines_of(kind_server, "manual", escaped) == logged["manual"]


def test_categories_may_be_closed(kind_server):
    closed = {category["title"]: category["closed"]
              for category in kind_server.plugin("custom_scalars", "layout")["category"]}
    assert [title for title, is_closed in closed.items() if is_closed] == ["groups"]


# --- series --------------------------------------------------------------------------------------

@pytest.mark.parametrize("run, charts", [
    ("growing", {"even": 40, "odd": 39}),
    ("rotated", {"rotated 1": 2, "rotated 2": 2}),
    ("resumed", {"resumed": 2})])
def test_series_are_drawn_together(kind_server, layout, logged, run, charts):
    for chart, count in charts.items():
        lines = lines_of(kind_server, run, layout["series"][chart]["multiline"]["tag"])
        assert list(lines) and set(lines) == {f"{chart}/line.{i}" for i in range(count)}
        assert lines == {tag: logged[run][tag] for tag in lines}


def test_the_newest_layout_counts(layout):
    assert [title for title in layout if title.startswith("growing")] == ["growing 29"]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
def test_the_newest_layout_counts_when_few_are_kept(kind_logs, fast):
    with Server(kind_logs, fast, samples=None) as server:
        layout = charts_of(server)
        assert [title for title in layout if title.startswith("growing")] == ["growing 29"]
        assert len(layout["series"]["even"]["multiline"]["tag"]) == 40
        assert len(layout["series"]["odd"]["multiline"]["tag"]) == 39


def test_a_resumed_run_has_the_charts_that_it_logs(layout):
    assert "resumed" in layout["series"] and "lost chart" not in layout["series"]


def test_rotation_happened(kind_logs):
    assert len(runs.event_files(kind_logs)["rotated"]) >= 3


# --- a run for each ------------------------------------------------------------------------------

def test_runs_have_one_tag_in_common(kind_server, logged):
    tags = kind_server.plugin("scalars", "tags")
    for run in ("by_run/train", "by_run/eval/test"):
        assert list(tags[run]) == ["loss"]
        points = kind_server.plugin("scalars", "scalars", run=run, tag="loss")
        assert [(step, np.float32(value)) for _, step, value in points] == logged[run]["loss"]


def test_server_had_nothing_to_say(kind_server):
    assert [line for line in kind_server.complaints()
            if "Detected out of order event.step" not in line] == []  # that is the resumed run


# --- the records ---------------------------------------------------------------------------------

def records(logdir, run):
    return [value for path in runs.event_files(logdir)[run]
            for event in event_files.read_events(path)
            for value in event.summary.value if value.tag == TAG]


def test_records_are_those_of_tensorboard(kind_logs):
    """But for the class, which it derives when it reads."""
    ours, = records(kind_logs, "manual")
    layout = layout_pb2.Layout.FromString(ours.tensor.string_val[0])
    theirs, = layout_summary.pb(layout).value
    assert ours.metadata.data_class == 2 and theirs.metadata.data_class == 0
    assert (ours.metadata.plugin_data.SerializeToString()
            == theirs.metadata.plugin_data.SerializeToString())
    assert ours.tensor.dtype == theirs.tensor.dtype
    assert ours.tensor.tensor_shape.SerializeToString() == b""
    assert theirs.tensor.tensor_shape.SerializeToString() == b""
    assert layout == layout_pb2.Layout.FromString(theirs.tensor.string_val[0])
    assert layout.version == 0


def test_layouts_are_those_of_tensorboardx(kind_logs):
    """But for literal tags, which it takes for regular expressions, and for a closed category."""
    ours = newest_layouts(kind_logs)["manual"]
    theirs, = tensorboardX.summary.custom_scalars({
        "literal": {chart.title: ["Multiline", list(chart.multiline.tag)]
                    for chart in ours.category[0].chart},
        "groups": {"two": ["Multiline", ["loss\\Z", "loss2\\Z"]],
                   "regex": ["Multiline", ["lo.*", "[0-9]"]]},
        "margins": {"band": ["Margin", ["mean.x", "low(x", "high"]]}}).value
    assert theirs.tag == TAG
    layout = layout_pb2.Layout.FromString(theirs.tensor.string_val[0])
    layout.category[1].closed = True
    assert ours == layout
