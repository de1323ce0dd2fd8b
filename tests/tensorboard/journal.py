"""What a journal of calls says that the runs must hold, worked out without the library."""

import dataclasses
import json
import os

import numpy as np

from tensorboard.compat.proto import graph_pb2, types_pb2

from runs import Run


@dataclasses.dataclass
class Pixels:
    """A picture that was drawn: height x width x channels, 0 to |white|.

    What floating-point pixels stand for may lie between two whole values."""

    values: np.ndarray
    white: int

    def problem(self, decoded):
        wanted = np.uint16 if self.white == 65535 else np.uint8
        if decoded.dtype != wanted or decoded.shape != self.values.shape:
            return f"{decoded.dtype} {decoded.shape} for {wanted.__name__} {self.values.shape}"
        error = np.abs(decoded.astype(np.float64) - self.values)
        if error.max() > 0.5 + 1e-6:
            where = tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))
            return f"pixel {where} is {decoded[where]}, not {self.values[where]:.3f}"
        return None


def read(folder, inputs):
    """run name -> Run.  A histogram is its array of float64, or a raw_histogram's call."""
    runs = {}
    graph = None
    with open(os.path.join(folder, "calls.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            kind = call["call"]
            if "run" in call:
                run = runs.setdefault(call["run"], Run())
            if kind == "graph_new":
                graph = GraphModel(folder)
                run.graph = graph.graph
            elif kind == "graph_def":
                run.graph = graph_pb2.GraphDef.FromString(_bytes(inputs, call["input"]))
            elif kind.startswith("graph_"):
                getattr(graph, kind[len("graph_"):])(call)
            elif kind != "open":
                _apply(run, call, folder, inputs)
    return runs


def suffixes(folder):
    """run name -> file name suffixes of its writers, in the order they were opened."""
    found = {}
    with open(os.path.join(folder, "calls.jsonl"), encoding="utf-8") as lines:
        for call in map(json.loads, lines):
            if call["call"] == "open":
                found.setdefault(call["run"], []).append(call["suffix"] or "")
    return found


def _apply(run, call, folder, inputs):
    kind, tag, step = call["call"], call["tag"], call.get("step")
    if kind == "names":
        run.names[tag] = (call["display_name"] or "", call["description"] or "")
    elif kind == "scalar":
        with np.errstate(over="ignore", under="ignore"):
            value = np.float32(float.fromhex(call["value"]))
        run.scalars.setdefault(tag, []).append((step, value))
    elif kind == "histogram":
        run.histograms.setdefault(tag, []).append((step, _histogram_data(folder, call)))
    elif kind == "raw_histogram":
        run.histograms.setdefault(tag, []).append((step, call))
    elif kind == "image":
        _add_sample(run, tag, step, _pixels(folder, call))
    elif kind == "encoded_image":
        _add_sample(run, tag, step, _bytes(inputs, call["input"]))
    elif kind == "text":
        run.texts.setdefault(tag, []).append((step, call["markdown"]))
    else:
        raise ValueError(f"unknown call {kind}")


def _add_sample(run, tag, step, sample):
    series = run.images.setdefault(tag, [])
    if not series or series[-1][0] != step:
        series.append((step, []))
    series[-1][1].append(sample)


def _bytes(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def _array(folder, call):
    data = _bytes(folder, call["data"])
    if call["dtype"] == "bfloat16":
        # The upper half of a float32.
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    if call["dtype"] == "bool":
        return np.frombuffer(data, np.uint8) != 0
    return np.frombuffer(data, call["dtype"])


def _indices(first, shape, strides):
    """The places of a strided view's elements."""
    places = np.full(shape, first, np.int64)
    for axis, (size, stride) in enumerate(zip(shape, strides)):
        along = [1] * len(shape)
        along[axis] = size
        places = places + (np.arange(size) * stride).reshape(along)
    return places


def _packed_strides(shape):
    return [int(np.prod(shape[axis + 1:])) for axis in range(len(shape))]


def _histogram_data(folder, call):
    array = _array(folder, call)
    if "first" in call:
        shape = call["shape"] or [call["count"]]
        strides = call.get("strides")
        if not call["shape"]:
            strides = [call["stride"] or 1]
        array = array[_indices(call["first"], shape, strides or _packed_strides(shape))]
    with np.errstate(invalid="ignore"):
        return array.astype(np.float64).reshape(-1)


def _pixels(folder, call):
    shape, strides = call["shape"], call["strides"]
    if not any(strides):
        strides = _packed_strides(shape)
    values = _array(folder, call)[_indices(call["first"], shape, strides)]
    if values.dtype == np.uint8 or values.dtype == np.uint16:
        return Pixels(values.astype(np.float64), 255 if values.dtype == np.uint8 else 65535)
    with np.errstate(invalid="ignore"):
        values = values.astype(np.float64)
    values = np.clip(np.where(np.isnan(values), 0, values), 0, 1)
    return Pixels(values * 255, 255)


PLACES = ("first", "second", "third")  # where a list of texts is


def _dtype(name):
    """TensorFlow's number of what NumPy calls so."""
    return getattr(types_pb2, "DT_" + {"float16": "HALF"}.get(name, name.upper()))


class GraphModel:
    """Builds the GraphDef that the tb_graph_* calls of a journal describe."""

    def __init__(self, folder):
        self.graph = graph_pb2.GraphDef()
        self._folder = folder
        self._scopes = []
        self._controls = {}

    def push(self, call):
        self._scopes.append(call["scope"])

    def pop(self, _):
        self._scopes.pop()

    def add(self, call):
        self.graph.node.add(name="/".join([*self._scopes, call["name"]]), op=call["op"])

    def connect(self, call):
        start, port, end = call["edge"]
        name = self.graph.node[start].name
        inputs = self.graph.node[end].input
        controls = [i for i in inputs if i.startswith("^")]
        data = [i for i in inputs if not i.startswith("^")]
        data.append(f"{name}:{port}" if port else name)
        inputs[:] = data + controls

    def control(self, call):
        start, end = call["edge"]
        self.graph.node[end].input.append("^" + self.graph.node[start].name)

    def device(self, call):
        self.graph.node[call["node"]].device = call["device"]

    def shape(self, call):
        shapes = self._attribute(call, "_output_shapes").list.shape
        while len(shapes) <= call["port"]:
            shapes.add(unknown_rank=True)
        shapes[call["port"]].Clear()
        for size in call["sizes"]:
            shapes[call["port"]].dim.add(size=size)

    def int(self, call):
        self._attribute(call).i = call["value"]

    def ints(self, call):
        self._attribute(call).list.i.extend(call["value"])

    def float(self, call):
        self._attribute(call).f = float.fromhex(call["value"])

    def bool(self, call):
        self._attribute(call).b = bool(call["value"])

    def string(self, call):
        self._attribute(call).s = call["value"].encode()

    def dtype(self, call):
        self._attribute(call).type = _dtype(call["value"])

    def floats(self, call):
        self._attribute(call).list.f.extend(float.fromhex(x) for x in call["value"])

    def bools(self, call):
        self._attribute(call).list.b.extend(bool(x) for x in call["value"])

    def strings(self, call):
        self._attribute(call).list.s.extend(call[place].encode() for place in PLACES)

    def dtypes(self, call):
        self._attribute(call).list.type.extend(_dtype(call[place]) for place in PLACES)

    def shape_attr(self, call):
        for size in call["sizes"]:
            self._attribute(call).shape.dim.add(size=size)

    def tensor(self, call):
        tensor = self._attribute(call).tensor
        tensor.dtype = _dtype(call["dtype"])
        for size in call["sizes"]:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = _bytes(self._folder, call["data"])

    def _attribute(self, call, name=None):
        return self.graph.node[call["node"]].attr[name or call["name"]]
