"""Tensors: what readers make of those that log_tensor logs.  No dashboard shows them."""

import csv

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tbparse import SummaryReader
from tensorboard.backend.event_processing.event_accumulator import (
    STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator)
from tensorboard.util import tensor_util

import runs


def bits(array):
    """Its bytes: NaN is equal to itself."""
    return array.shape, array.dtype, np.ascontiguousarray(array).tobytes()


@pytest.fixture(scope="module")
def logged(kind_inputs):
    """tag -> [(step, array)]"""
    found = {}
    with open(kind_inputs / "index.tsv", newline="", encoding="utf-8") as f:
        for tag, step, dtype, sizes, name in csv.reader(f, delimiter="\t"):
            data = (kind_inputs / name).read_bytes()
            shape = [int(size) for size in sizes.split(",") if size]
            if dtype == "bool":
                array = np.frombuffer(data, np.uint8) != 0
            else:
                array = np.frombuffer(data, ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
            found.setdefault(tag, []).append((int(step), array.reshape(shape)))
    assert len(found) == 28
    return found


def check_equal(series, expected, tag):
    assert [step for step, _ in series] == [step for step, _ in expected], tag
    for (step, array), (_, wanted) in zip(series, expected):
        assert bits(np.asarray(array)) == bits(wanted), f"{tag} {step}"


def test_tensorflow_reads_every_tensor(kind_logs, logged):
    found = {}
    for paths in runs.event_files(str(kind_logs)).values():
        for path in paths:
            for event in tf.compat.v1.train.summary_iterator(path):
                for value in event.summary.value:
                    found.setdefault(value.tag, []).append(
                        (event.step, tf.make_ndarray(value.tensor)))
    assert sorted(found) == sorted(logged)
    for tag, expected in logged.items():
        check_equal(found[tag], expected, tag)


@pytest.mark.parametrize("run, make_ndarray", [("run", tensor_util.make_ndarray),
                                               ("run", tf.make_ndarray),
                                               ("hard", tf.make_ndarray)])
def test_event_accumulator_reads_every_tensor(kind_logs, logged, run, make_ndarray):
    """TensorBoard's own make_ndarray lacks bfloat16, and empty tensors of some types."""
    accumulator = EventAccumulator(str(kind_logs / run), STORE_EVERYTHING_SIZE_GUIDANCE)
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    assert len(tags) == 14
    for tag in tags:
        check_equal([(event.step, make_ndarray(event.tensor_proto))
                     for event in accumulator.Tensors(tag)], logged[tag], tag)
        metadata = accumulator.SummaryMetadata(tag)
        if tag == "broadcast":
            continue  # below
        assert metadata.plugin_data.plugin_name == "tensor"
        assert metadata.data_class == 2
        names = ("Formen", "of *many* ranks") if tag == "shapes" else ("", "")
        assert (metadata.display_name, metadata.summary_description) == names


def test_tensors_of_another_plugin_are_those_of_tf_summary_write(tmp_path, kind_logs, logged):
    (step, array), = logged["broadcast"]
    metadata = tf.compat.v1.SummaryMetadata(
        summary_description="for a plugin of our own", data_class=2,
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(
            plugin_name="own_plugin", content=b"\0content"))
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.write("broadcast", array, step=step, metadata=metadata)

    def read(logdir):
        accumulator = EventAccumulator(str(logdir), STORE_EVERYTHING_SIZE_GUIDANCE)
        accumulator.Reload()
        (event,) = accumulator.Tensors("broadcast")
        return (event.step, bits(tensor_util.make_ndarray(event.tensor_proto)),
                accumulator.SummaryMetadata("broadcast"),
                accumulator.PluginTagToContent("own_plugin"))

    assert read(kind_logs / "run") == read(tmp_path)


def test_tbparse_reads_tensors(kind_logs, logged):
    table = SummaryReader(str(kind_logs / "run"), event_types={"tensors"}).tensors
    for tag in ("types/float32", "types/int64", "shapes", "broadcast"):
        rows = table[table["tag"] == tag]
        dtype = logged[tag][0][1].dtype
        check_equal([(step, np.asarray(value, dtype))  # it makes a Python number of one element
                     for step, value in zip(rows["step"], rows["value"])], logged[tag], tag)


def test_tensors_are_those_of_tensorflow(tmp_path, kind_logs, logged):
    """The same fields, for types whose elements tf.make_tensor_proto has in tensor_content; it has
    single elements and other types in lists of their own, one by one."""
    content_types = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32",
                     "uint64")
    for paths in runs.event_files(str(kind_logs)).values():
        for path in paths:
            for event in tf.compat.v1.train.summary_iterator(path):
                for value in event.summary.value:
                    wanted = dict(logged[value.tag])[event.step]
                    if wanted.size > 1 and wanted.dtype.name in content_types:
                        assert value.tensor == tf.make_tensor_proto(wanted), value.tag


def test_server_shows_none_and_does_not_complain(kind_server):
    for plugin, route in (("scalars", "tags"), ("text", "tags"), ("histograms", "tags"),
                          ("images", "tags")):
        tags = kind_server.plugin(plugin, route)
        assert not any(tags.values()), plugin
    assert kind_server.complaints() == []
