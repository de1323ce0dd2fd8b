"""Runs log_known_data, after making the pictures and the graph that it logs as they are.

    python known_data.py PROGRAM FOLDER

FOLDER gets logs/ (for TensorBoard), journal/ and inputs/, in place of those of a run before.
"""

import os
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image
from tensorboard.compat.proto import graph_pb2, types_pb2


def make(program, folder):
    inputs, journal, logs = (os.path.join(folder, n) for n in ("inputs", "journal", "logs"))
    for made in (inputs, journal, logs):
        shutil.rmtree(made, ignore_errors=True)
    os.makedirs(inputs)
    os.makedirs(journal)
    make_pictures(inputs)
    with open(os.path.join(inputs, "graph_def.pb"), "wb") as file:
        file.write(make_graph().SerializeToString(deterministic=True))
    subprocess.run([program, logs, journal, inputs], check=True, timeout=60)


def make_pictures(folder):
    down, across = np.mgrid[0:48, 0:64]
    rgb = np.stack([across * 4, down * 5, (across + down) * 2], axis=2).astype(np.uint8)
    picture = Image.fromarray(rgb)
    picture.save(os.path.join(folder, "picture.png"))
    picture.save(os.path.join(folder, "picture.jpg"), quality=90)
    picture.save(os.path.join(folder, "picture.bmp"))
    frames = [Image.fromarray(np.roll(rgb, 8 * i, axis=1)) for i in range(8)]
    frames[0].save(os.path.join(folder, "animation.gif"), save_all=True,
                   append_images=frames[1:], duration=100, loop=0)


def make_graph():
    """A graph with what the builder does not make: a function, tensors, other attributes."""
    graph = graph_pb2.GraphDef()
    graph.versions.producer = 22
    start = graph.node.add(name="input", op="Placeholder")
    start.attr["dtype"].type = types_pb2.DT_FLOAT
    start.attr["shape"].shape.dim.add(size=-1)
    weights = graph.node.add(name="net/weights", op="Const", device="/device:CPU:0")
    tensor = weights.attr["value"].tensor
    tensor.dtype = types_pb2.DT_FLOAT
    tensor.tensor_shape.dim.add(size=3)
    tensor.tensor_content = np.float32([1, 2, 3]).tobytes()
    graph.node.add(name="net/product", op="Mul", input=["input", "net/weights"])
    graph.node.add(name="net/twice", op="Twice", input=["net/product", "^input"])
    function = graph.library.function.add()
    function.signature.name = "Twice"
    function.signature.input_arg.add(name="x", type=types_pb2.DT_FLOAT)
    function.signature.output_arg.add(name="y", type=types_pb2.DT_FLOAT)
    function.node_def.add(name="sum", op="AddV2", input=["x", "x"])
    function.ret["y"] = "sum:z:0"
    return graph


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: known_data.py PROGRAM FOLDER")
    make(*sys.argv[1:])
