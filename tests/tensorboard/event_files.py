"""Reads event files with TensorBoard's own record reader and messages, and checks their form."""

import math

import numpy as np
from tensorboard.compat.proto import event_pb2, graph_pb2
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

import runs
from runs import Histogram, Run

DT_STRING = 7


def read_events(path):
    """The events of a file.  Raises when a length or a checksum is wrong or the end is missing."""
    reader = PyRecordReader_New(path)
    events = []
    while True:
        try:
            reader.GetNext()
        except errors.OutOfRangeError:
            return events
        events.append(event_pb2.Event.FromString(reader.record()))


def read(logdir, only=None):
    """run name -> Run.  An image is its encoded bytes, a histogram a Histogram.

    |only|: the plugins whose values are read."""
    found = {}
    for name, paths in runs.event_files(logdir).items():
        run = found[name] = Run()
        kinds = {}
        for path in paths:
            for event in read_events(path):
                add_event(run, event, kinds, only)
    return found


def add_event(run, event, kinds, only=None):
    """Adds what |event| holds; |kinds| remembers the plugin of each tag."""
    if event.WhichOneof("what") == "graph_def":
        run.graph = graph_pb2.GraphDef.FromString(event.graph_def)
    for value in event.summary.value:
        assert value.tag, "a value without a tag"
        plugin = value.metadata.plugin_data.plugin_name
        if value.tag not in kinds:
            assert plugin, f"the first value of {value.tag!r} names no plugin"
            kinds[value.tag] = plugin
        if only and kinds[value.tag] not in only:
            continue
        if value.HasField("metadata"):
            names = (value.metadata.display_name, value.metadata.summary_description)
            if any(names):
                run.names[value.tag] = names
        assert plugin in ("", kinds[value.tag]), f"{value.tag!r} changes its plugin"
        run.wall_times.setdefault(value.tag, []).append(event.wall_time)
        series, item = _item(run, kinds[value.tag], value)
        series.setdefault(value.tag, []).append((event.step, item))


def _item(run, plugin, value):
    field = value.WhichOneof("value")
    if plugin == "scalars" and field == "simple_value":
        return run.scalars, np.float32(value.simple_value)
    if plugin == "histograms" and field == "histo":
        return run.histograms, _histogram(value.histo)
    if plugin == "images" and field == "image":
        picture = value.image.encoded_image_string
        assert (value.image.width, value.image.height) == runs.image_size(picture)
        return run.images, [picture]
    if plugin == "images" and field == "tensor":
        return run.images, _samples(value.tensor)
    if plugin == "text" and field == "tensor" and value.tensor.dtype == DT_STRING:
        text, = value.tensor.string_val
        return run.texts, text.decode("utf-8")
    raise AssertionError(f"{value.tag!r}: {field} of plugin {plugin!r}")


def _samples(tensor):
    """Width and height as text, then one string per picture."""
    assert tensor.dtype == DT_STRING
    assert [dim.size for dim in tensor.tensor_shape.dim] == [len(tensor.string_val)]
    width, height, *pictures = tensor.string_val
    assert (int(width), int(height)) == runs.image_size(pictures[0])
    return pictures


def _histogram(histo):
    h = Histogram(histo.min, histo.max, histo.num, histo.sum, histo.sum_squares,
                  np.array(histo.bucket_limit), np.array(histo.bucket))
    assert len(h.limits) == len(h.counts), "TensorBoard drops such a histogram"
    assert np.all(np.isfinite(h.limits)) and np.all(np.diff(h.limits) > 0)
    assert math.isfinite(h.minimum) and math.isfinite(h.maximum)
    if len(h.counts):
        # The fast loader shows empty outer buckets as buckets that run backwards.
        assert h.counts[0] > 0 and h.counts[-1] > 0
    return h
