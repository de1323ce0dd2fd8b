"""What a run holds, whether it comes from a journal of calls, an event file or a server."""

import dataclasses
import io
import os

import numpy as np
from PIL import Image

# Steps come with every value: a series is a list of (step, value).


@dataclasses.dataclass
class Histogram:
    minimum: float
    maximum: float
    count: float
    total: float
    total_of_squares: float
    limits: np.ndarray  # right edges
    counts: np.ndarray


@dataclasses.dataclass
class Run:
    scalars: dict = dataclasses.field(default_factory=dict)  # tag -> series of np.float32
    histograms: dict = dataclasses.field(default_factory=dict)  # tag -> series
    images: dict = dataclasses.field(default_factory=dict)  # tag -> series of lists, one per sample
    texts: dict = dataclasses.field(default_factory=dict)  # tag -> series of str
    names: dict = dataclasses.field(default_factory=dict)  # tag -> (display name, description)
    graph: object = None  # GraphDef
    wall_times: dict = dataclasses.field(default_factory=dict)  # tag -> list, one per value

    def kinds(self):
        return {"scalars": self.scalars, "histograms": self.histograms,
                "images": self.images, "text": self.texts}


def bits(value):
    """The bits of a float32; every NaN is the same one."""
    value = np.float32(value)
    return "nan" if np.isnan(value) else int(value.view(np.uint32))


def bit_series(series):
    return [(step, bits(value)) for step, value in series]


def event_files(logdir):
    """run name -> paths of its event files, in TensorBoard's order."""
    found = {}
    for folder, _, names in os.walk(logdir):
        paths = [os.path.join(folder, name) for name in sorted(names) if "tfevents" in name]
        if paths:
            found[os.path.relpath(folder, logdir)] = paths
    return found


def image_size(data):
    """Width and height of an encoded picture."""
    return Image.open(io.BytesIO(data)).size


def decode_image(data):
    """Pixels of an encoded picture's first frame as height x width x channels."""
    image = Image.open(io.BytesIO(data))
    if is_16_bit_png(data):
        # Pillow makes 8 bits of most 16-bit pictures.
        import tensorflow as tf
        return tf.io.decode_png(data, dtype=tf.uint16).numpy()
    if image.mode == "P":
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def is_16_bit_png(data):
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[24] == 16
