"""What TensorBoard serves, as Run objects."""

import numpy as np
from google.protobuf import text_format
from tensorboard.compat.proto import graph_pb2

from runs import Run


def read(server):
    """run name -> Run.

    A histogram is its array of (left, right, count); a text is HTML."""
    found = {name: Run() for name in server.json("runs")}
    for plugin, add in (("scalars", _add_scalars), ("histograms", _add_histograms),
                        ("images", _add_images), ("text", _add_texts)):
        for name, tags in server.plugin(plugin, "tags").items():
            for tag in tags:
                add(server, found[name], name, tag)
                if isinstance(tags, dict):  # the text plugin has no names
                    found[name].names[tag] = (tags[tag]["displayName"], tags[tag]["description"])
    for name, about in server.plugin("graphs", "info").items():
        assert about["run_graph"]
        found[name].graph = _graph(server, name)
    return found


def number(value):
    """JSON has no words for these; TensorBoard makes strings of them."""
    return {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}.get(value, value)


def _add_scalars(server, run, name, tag):
    points = server.plugin("scalars", "scalars", run=name, tag=tag)
    run.scalars[tag] = [(step, np.float32(number(value))) for _, step, value in points]
    run.wall_times[tag] = [number(time) for time, _, _ in points]


def _add_histograms(server, run, name, tag):
    points = server.plugin("histograms", "histograms", run=name, tag=tag)
    run.histograms[tag] = [(step, np.array(bins, np.float64).reshape(-1, 3))
                           for _, step, bins in points]
    run.wall_times[tag] = [time for time, _, _ in points]


def _add_images(server, run, name, tag):
    samples = server.plugin("images", "tags")[name][tag]["samples"]
    steps = {}
    for sample in range(samples):
        points = server.plugin("images", "images", run=name, tag=tag, sample=sample)
        run.wall_times.setdefault(tag, [image["wall_time"] for image in points])
        for image in points:
            path = "plugin/images/individualImage?" + image["query"]
            steps.setdefault(image["step"], []).append(server.get(path))
    run.images[tag] = list(steps.items())


def _add_texts(server, run, name, tag):
    points = server.plugin("text", "text", run=name, tag=tag)
    run.texts[tag] = [(point["step"], point["text"]) for point in points]
    run.wall_times[tag] = [point["wall_time"] for point in points]


def _graph(server, name):
    text, _ = server.get("plugin/graphs/graph", run=name)
    return text_format.Parse(text.decode("utf-8"), graph_pb2.GraphDef())
