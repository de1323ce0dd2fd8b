"""What a graph's nodes took, graphs with tags of their own and Keras models, with either loader."""

import json

import pytest
import tensorflow as tf
from google.protobuf import text_format
from keras.src.callbacks.tensorboard import keras_model_summary
from tensorboard.compat.proto import config_pb2, graph_pb2
from tensorboard.plugins.graph import keras_util
from tensorflow.core.protobuf import config_pb2 as tf_config_pb2
from tensorflow.python.ops import summary_ops_v2

import event_files
import runs


@pytest.fixture(scope="module")
def costs(kind_inputs):
    """tag -> what the program passed to the library, in order."""
    found = {}
    for line in (kind_inputs / "costs.tsv").read_text(encoding="utf-8").splitlines():
        tag, node, start, duration, size, device, shape = line.split("\t")
        sizes = None if shape == "none" else [int(size) for size in shape.split(",") if size]
        found.setdefault(tag, []).append(
            (node, float(start), float(duration), int(size), device, sizes))
    return found


def node_stats(cost):
    """What should be in the message for one node."""
    node, start, duration, size, device, sizes = cost
    message = {"node_name": node, "all_start_micros": max(1, round_half_up(start)),
               "all_start_nanos": max(1, round_half_up(1000 * start))}
    if duration:
        for name in "op_end_rel", "all_end_rel":
            message[f"{name}_micros"] = max(1, round_half_up(duration))
            message[f"{name}_nanos"] = max(1, round_half_up(1000 * duration))
    if size:
        message["memory"] = [{"allocator_name": device, "total_bytes": size}]
    if sizes is not None:
        message["output"] = [
            {"tensor_description": {"shape": {"dim": [{"size": size} for size in sizes]}}}]
    return message


def round_half_up(value):
    return int(value + 0.5)


def run_metadata(costs):
    devices = list(dict.fromkeys(device for *_, device, _ in costs))
    message = config_pb2.RunMetadata()
    for device in devices:
        message.step_stats.dev_stats.add(
            device=device, node_stats=[node_stats(cost) for cost in costs if cost[4] == device])
    return message


def served_profile(server, run, tag):
    text, _ = server.get("plugin/graphs/run_metadata", run=run, tag=tag)
    return text_format.Parse(text.decode("utf-8"), config_pb2.RunMetadata())


def served_graph(server, **query):
    text, _ = server.get("plugin/graphs/graph", **query)
    return text_format.Parse(text.decode("utf-8"), graph_pb2.GraphDef())


def test_info_lists_every_tag(kind_server):
    info = kind_server.plugin("graphs", "info")
    assert sorted(info) == ["keras", "run"]
    assert info["run"]["run_graph"] and not info["keras"]["run_graph"]
    flags = {tag: tuple(sorted(name for name in about if about[name] is True))
             for tag, about in info["run"]["tags"].items()}
    assert flags == {"step 1": ("profile",), "step 2": ("profile",),
                     "evaluation": ("op_graph",), "evaluation with costs": ("op_graph", "profile"),
                     "sequential": ("conceptual_graph",), "functional": ("conceptual_graph",)}
    assert list(info["keras"]["tags"]) == ["keras"]


def test_profiles_have_the_numbers_logged(kind_server, costs):
    for tag, nodes in costs.items():
        served = served_profile(kind_server, "run", tag)
        del served.function_graphs[:]  # of a graph with a tag of its own
        assert served == run_metadata(nodes), tag


def test_no_number_that_the_page_needs_is_zero(kind_server, costs):
    """One would be left out of the text, and the page would add nothing to a number."""
    for tag in costs:
        for device in served_profile(kind_server, "run", tag).step_stats.dev_stats:
            for node in device.node_stats:
                assert node.all_start_micros > 0
                assert all(output.tensor_description.HasField("shape") for output in node.output)


def test_tagged_graphs_are_the_graph_logged(kind_server):
    graph = served_graph(kind_server, run="run")
    assert [node.name for node in graph.node] == ["images", "conv/kernel", "conv/conv", "dense",
                                                  "loss"]
    for tag in "evaluation", "evaluation with costs":
        assert served_graph(kind_server, run="run", tag=tag) == graph


def test_keras_graphs_are_the_models_logged(kind_server, kind_inputs):
    for run, tag, name in (("run", "sequential", "sequential"), ("run", "functional", "functional"),
                           ("keras", "keras", "sequential")):
        model = json.loads((kind_inputs / f"{name}.json").read_text(encoding="utf-8"))
        graph = served_graph(kind_server, run=run, tag=tag, conceptual="true")
        assert graph == keras_util.keras_model_to_graph_def(model)
    last = graph.node[-1]
    assert (last.name, list(last.input)) == ("model/second", ["model/first"])


def test_server_complains_of_nothing(kind_server):
    assert kind_server.complaints() == []


# --- other writers --------------------------------------------------------------------------------


class Model:
    """What TensorFlow takes for a Keras model."""

    def __init__(self, text):
        self._text = text

    def to_json(self):
        return self._text


def values_in(folder):
    paths, = [paths for name, paths in runs.event_files(folder).items() if name == "."]
    return {value.tag: value for path in paths for event in event_files.read_events(path)
            for value in event.summary.value}


def test_records_say_what_tensorflow_says(kind_logs, kind_inputs, tmp_path):
    ours = values_in(kind_logs / "run")
    model = Model((kind_inputs / "functional.json").read_text(encoding="utf-8"))
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for tag, write in (("evaluation", summary_ops_v2.run_metadata_graphs),
                           ("evaluation with costs", summary_ops_v2.run_metadata)):
            write(tag, tf_config_pb2.RunMetadata.FromString(ours[tag].tensor.string_val[0]), 0)
        keras_model_summary("functional", model, 0)
    theirs = values_in(tmp_path)
    assert sorted(theirs) == ["evaluation", "evaluation with costs", "functional"]
    for tag, value in theirs.items():
        # On purpose: the class, which the fast loader wants to know, and the shape that goes with
        # it, which the other one wants.
        value.metadata.data_class = 3
        value.tensor.tensor_shape.dim.add(size=1)
        assert comparable(ours[tag]) == comparable(value)


def comparable(value):
    """RunMetadata may be serialized in any order."""
    data = value.tensor.string_val[0]
    if value.metadata.plugin_data.plugin_name != "graph_keras_model":
        data = config_pb2.RunMetadata.FromString(data)
    return (data, value.metadata, value.tensor.dtype, value.tensor.tensor_shape)


def test_profiles_are_events_of_their_own(kind_logs):
    """As torch and TensorFlow's FileWriter write them."""
    paths, = [paths for name, paths in runs.event_files(kind_logs).items() if name == "run"]
    events = [event for event in event_files.read_events(paths[0])
              if event.WhichOneof("what") == "tagged_run_metadata"]
    assert [(event.tagged_run_metadata.tag, event.step) for event in events] == [
        ("step 1", 1), ("step 2", 1), ("step 2", 2)]
