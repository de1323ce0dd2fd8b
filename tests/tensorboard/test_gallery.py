"""Stock TensorBoard serves what is in the gallery's event files, for every kind and with either
loader."""

import os

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.compat.proto import config_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.util import tensor_util

import event_files
import runs
import served
from checks import check_bins, check_graph, check_names, check_pictures, check_scalars, check_texts
from server import Server

# All that TensorBoard has, but for those of other projects and for debuggers.
DASHBOARDS = ["timeseries", "scalars", "custom_scalars", "images", "audio", "graphs",
              "distributions", "histograms", "text", "pr_curves", "hparams", "mesh", "projector"]

# The kinds that event_files and served know.
COMMON = {"scalars", "histograms", "images", "text"}

# Rows of a curve's tensor.
CURVE = ["true_positives", "false_positives", "true_negatives", "false_negatives", "precision",
         "recall"]

MESH_PARTS = {1: "VERTEX", 2: "FACE", 3: "COLOR"}


@pytest.fixture(scope="module")
def values(gallery_logs):
    """(plugin, run, tag) -> [(step, Summary.Value)], and the metadata in the first of each."""
    found = {}
    for run, paths in runs.event_files(gallery_logs).items():
        plugins = {}
        for path in paths:
            for event in event_files.read_events(path):
                for value in event.summary.value:
                    plugin = plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
                    found.setdefault((plugin, run, value.tag), []).append((event.step, value))
    return found


@pytest.fixture(scope="module")
def files(gallery_logs):
    """run -> what is in it of the common kinds."""
    return event_files.read(gallery_logs, only=COMMON)


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def server(request, gallery_logs):
    with Server(gallery_logs, fast=request.param) as started:
        yield started


@pytest.fixture(scope="module")
def answers(server):
    return served.read(server)


def of_plugin(values, plugin):
    """(run, tag) -> series"""
    found = {(run, tag): series for (name, run, tag), series in values.items() if name == plugin}
    assert found, plugin
    return found


def served_tags(server, plugin):
    return {(run, tag) for run, tags in server.plugin(plugin, "tags").items() for tag in tags}


def test_every_dashboard_is_active(server):
    server.json("plugins_listing")  # makes the projector look for data
    server.wait_for("plugins_listing", lambda plugins: plugins["projector"]["enabled"])
    listing = server.json("plugins_listing")
    assert sorted(name for name in listing if listing[name]["enabled"]) == sorted(DASHBOARDS)


def test_runs_and_tags_are_those_in_the_files(answers, files):
    assert sorted(answers) == sorted(files)
    for name, run in files.items():
        for kind, tags in run.kinds().items():
            assert sorted(answers[name].kinds()[kind]) == sorted(tags), f"{kind} of {name}"


def test_common_kinds_are_those_in_the_files(answers, files):
    check_scalars(answers, files)
    check_pictures(answers, files)
    check_texts(answers, files)
    check_names(answers, files)
    check_graph(answers, files)
    check_bins(answers, files)


def test_sounds_are_those_in_the_files(server, values):
    wanted = of_plugin(values, "audio")
    assert served_tags(server, "audio") == set(wanted)
    for (run, tag), series in wanted.items():
        answer = server.plugin("audio", "audio", run=run, tag=tag, sample=0)
        got = [(sound["step"], server.get("plugin/audio/individualAudio?" + sound["query"])[0])
               for sound in answer]
        assert got == [(step, value.audio.encoded_audio_string) for step, value in series]


def test_curves_are_those_in_the_files(server, values):
    wanted = of_plugin(values, "pr_curves")
    assert served_tags(server, "pr_curves") == set(wanted)
    for (run, tag), series in wanted.items():
        got = server.plugin("pr_curves", "pr_curves", run=run, tag=tag)[run]
        assert [curve["step"] for curve in got] == [step for step, _ in series]
        for curve, (_, value) in zip(got, series):
            check_curve(curve, tensor_util.make_ndarray(value.tensor))


def check_curve(curve, tensor):
    """The server leaves thresholds out where nothing is found, and orders the others anew."""
    rows = np.array([curve[name] for name in CURVE], np.float32)
    kept = rows.shape[1]
    assert 0 < kept <= tensor.shape[1]
    assert {tuple(column) for column in rows.T} <= {tuple(column) for column in tensor.T}


def test_layout_is_that_in_the_files(server, values):
    layouts = [layout_pb2.Layout.FromString(series[-1][1].tensor.string_val[0])
               for series in of_plugin(values, "custom_scalars").values()]
    wanted = {(category.title, chart.title) for layout in layouts for category in layout.category
              for chart in category.chart}
    answer = server.plugin("custom_scalars", "layout")
    assert {(category["title"], chart["title"]) for category in answer["category"]
            for chart in category["chart"]} == wanted


def test_hyper_parameters_are_those_in_the_files(server, values):
    starts, statuses = {}, {}
    for (run, _), series in of_plugin(values, "hparams").items():
        for _, value in series:
            data = plugin_data_pb2.HParamsPluginData.FromString(
                value.metadata.plugin_data.content)
            if data.HasField("session_start_info"):
                starts[run] = {name: getattr(hparam, hparam.WhichOneof("kind"))
                               for name, hparam in data.session_start_info.hparams.items()}
            if data.HasField("session_end_info"):
                statuses[run] = api_pb2.Status.Name(data.session_end_info.status)
    groups = server.post("plugin/hparams/session_groups", {
        "experimentName": "", "colParams": [], "startIndex": 0, "sliceSize": 100,
        "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE"]})["sessionGroups"]
    assert {group["name"]: group["hparams"] for group in groups} == starts
    assert {group["name"]: group["sessions"][0]["status"] for group in groups} == statuses
    failed = {run for run, status in statuses.items() if status == "STATUS_FAILURE"}
    assert failed == {"sweep/hasty"} and len(statuses) == 6
    for group in groups:
        check_metrics(group, values)


def check_metrics(group, values):
    metrics = {metric["name"]["tag"]: metric["value"] for metric in group["metricValues"]}
    assert sorted(metrics) == ["accuracy", "loss"]
    for tag, value in metrics.items():
        _, last = values["scalars", group["name"], tag][-1]
        assert value == last.simple_value


def test_meshes_are_those_in_the_files(server, values):
    wanted = {}
    for (run, tag), series in of_plugin(values, "mesh").items():
        about = mesh_metadata.parse_plugin_metadata(
            series[0][1].metadata.plugin_data.content)
        for step, value in series:
            wanted[run, about.name, step, MESH_PARTS[about.content_type]] = value.tensor
    assert served_tags(server, "mesh") == {(run, name) for run, name, _, _ in wanted}
    for (run, name, step, part), tensor in wanted.items():
        body, _ = server.get("plugin/mesh/data", run=run, tag=name, step=step, sample=0,
                             content_type=part)
        assert body == tensor_util.make_ndarray(tensor)[0].tobytes(), f"{name} {step} {part}"


def test_embeddings_are_those_in_the_files(server, gallery_logs):
    folder = os.path.join(gallery_logs, "tour")
    with open(os.path.join(folder, "projector_config.pbtxt"), encoding="utf-8") as file:
        config = text_format.Parse(file.read(), ProjectorConfig())
    assert server.plugin("projector", "runs") == ["tour"]
    for entry in config.embeddings:
        rows, columns = entry.tensor_shape
        body, _ = server.get("plugin/projector/tensor", run="tour", name=entry.tensor_name)
        with open(os.path.join(folder, entry.tensor_path), encoding="utf-8") as file:
            points = np.loadtxt(file, np.float32, delimiter="\t")
        assert points.shape == (rows, columns)
        assert body == points.tobytes()
        for route, path in ("metadata", entry.metadata_path), ("sprite_image",
                                                               entry.sprite.image_path):
            body, _ = server.get(f"plugin/projector/{route}", run="tour", name=entry.tensor_name)
            with open(os.path.join(folder, path), "rb") as file:
                assert body.rstrip(b"\n") == file.read().rstrip(b"\n")


def test_further_graphs_are_there(server):
    about = server.plugin("graphs", "info")["tour"]["tags"]
    assert about["keras"]["conceptual_graph"] and about["a batch"]["profile"]
    text, _ = server.get("plugin/graphs/run_metadata", run="tour", tag="a batch")
    profile = text_format.Parse(text.decode("utf-8"), config_pb2.RunMetadata())
    nodes = [node.node_name for device in profile.step_stats.dev_stats
             for node in device.node_stats]
    assert len(nodes) == 5 and "conv2/Conv2D" in nodes
    text, _ = server.get("plugin/graphs/graph", run="tour", tag="keras", conceptual="true")
    assert text.count(b"node {") == 4


def test_server_complains_of_nothing(server, answers):
    assert server.complaints() == []
