"""The contestants that are Python: one round per line of JSON on standard input, one line of
JSON each on standard output.  What is measured is what contest.h and arrays.c measure.

    {"kind": "scalars", "way": "tensorboardX", "directory": DIR, "values": 1000,
     "bursts": 0, "singles": 0}
"""

import importlib
import json
import os
import sys
import tempfile
import time
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy

TAGS = ["train/loss", "train/accuracy", "train/grad_norm", "train/lr", "eval/loss",
        "eval/top1", "eval/top5", "time/forward", "time/backward", "time/data"]
SIDE = 512


def dir_bytes(path):
    return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())


class TensorboardX:
    def __init__(self, directory):
        self._writer = importlib.import_module("tensorboardX").SummaryWriter(directory)

    def log(self, tag, value, step):
        self._writer.add_scalar(tag, value, step)

    def histogram(self, data, step):
        self._writer.add_histogram("weights", data, step)

    def image(self, pixels, step):
        self._writer.add_image("photo", pixels, step, dataformats="HWC")

    def flush(self):
        self._writer.flush()

    def close(self):
        self._writer.close()


class Torch(TensorboardX):
    def __init__(self, directory):
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        self._writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(directory)


class Tensorflow:
    def __init__(self, directory):
        self._summary = importlib.import_module("tensorflow").summary
        self._writer = self._summary.create_file_writer(directory)
        self._writer.set_as_default()

    def log(self, tag, value, step):
        self._summary.scalar(tag, value, step)

    def histogram(self, data, step):
        self._summary.histogram("weights", data, step)

    def image(self, pixels, step):
        self._summary.image("photo", pixels[None], step)

    def flush(self):
        self._writer.flush()

    def close(self):
        self._writer.close()


class EventsWriter:
    """TensorFlow's C++ writer through its Python binding, with an event that is made already."""

    def __init__(self, directory):
        events = importlib.import_module("tensorflow.core.util.event_pb2")
        binding = importlib.import_module("tensorflow.python.client._pywrap_events_writer")
        self._event = events.Event(wall_time=time.time(), step=1000)
        self._event.summary.value.add(tag=TAGS[0], simple_value=0.5)
        self._writer = binding.EventsWriter(os.path.join(directory, "events"))

    def log(self, tag, value, step):
        self._writer.WriteEvent(self._event)

    def flush(self):
        self._writer.Flush()

    def close(self):
        self._writer.Close()


WAYS = {"tensorboardX": TensorboardX, "torch": Torch, "tensorflow": Tensorflow,
        "binding": EventsWriter}


def timed(call, *arguments):
    start = time.perf_counter_ns()
    call(*arguments)
    return time.perf_counter_ns() - start


def log_range(writer, start, end):
    for i in range(start, end):
        writer.log(TAGS[i % len(TAGS)], 1.0 / (i + 1), i // len(TAGS))


def scalars(way, directory, values, bursts, singles):
    cpu, wall = time.process_time(), time.perf_counter()
    writer = WAYS[way](directory)
    log_range(writer, 0, values)
    writer.close()
    result = {"values": values, "cpu_ns": (time.process_time() - cpu) * 1e9 / values,
              "wall_ns": (time.perf_counter() - wall) * 1e9 / values,
              "bytes": dir_bytes(directory) / values}
    if bursts:
        writer = WAYS[way](directory)
        means = []
        for burst in range(bursts):
            means.append(timed(log_range, writer, burst * 1000, burst * 1000 + 1000) / 1000)
            writer.flush()
        calls = [timed(writer.log, TAGS[i % len(TAGS)], 0.5, bursts * 1000 + i)
                 for i in range(singles)]
        writer.close()
        result["call_ns"] = numpy.median(means)
        for name, percent in (("p50", 50), ("p99", 99), ("p999", 99.9)):
            result[name] = numpy.percentile(calls, percent)
    return result


def arrays(log, data, writer, directory, count):
    def finish():
        writer.flush()
        time.sleep(0.5)  # some return while their thread still writes

    log(data, 0)
    finish()
    size, cpu, calls = dir_bytes(directory), time.process_time(), []
    for i in range(count):
        calls.append(timed(log, data, i + 1))
        writer.flush()
    finish()
    result = {"call_us": numpy.median(calls) / 1e3,
              "cpu_us": (time.process_time() - cpu) * 1e6 / count,
              "bytes": (dir_bytes(directory) - size) / count}
    writer.close()
    return result


def histogram(way, directory, data, count):
    values = numpy.fromfile(data, numpy.float32)
    if way in WAYS:
        writer = WAYS[way](directory)
        return arrays(writer.histogram, values, writer, directory, count)
    if way == "torch_histc":
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        count_up, arguments = torch.histc, (torch.from_numpy(values), 30)
    else:
        bins = {"numpy": 30, "numpy_exponential": exponential_limits()}[way]
        count_up, arguments = numpy.histogram, (values, bins)
    calls = [timed(count_up, *arguments) for _ in range(count)]
    return {"call_us": numpy.median(calls) / 1e3}


def load(way, directory):
    """TensorBoard's loader in Python, as its server runs it.  CPU time, since it runs long."""
    loader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = loader.EventAccumulator(directory, {loader.TENSORS: 100000, loader.SCALARS: 100000})
    cpu = time.process_time()
    events.Reload()
    return {"seconds": time.process_time() - cpu}


def exponential_limits():
    limits = 1e-12 * 1.1 ** numpy.arange(775)
    return numpy.concatenate([-limits[::-1], [0], limits])


def image(way, directory, data, count):
    pixels = numpy.fromfile(data, numpy.uint8).reshape(SIDE, SIDE, 3)
    if way == "deflate":  # what compressing the bytes costs, without the filters of PNG
        start, raw = time.process_time(), pixels.tobytes()
        sizes = [len(zlib.compress(raw, 6)) for _ in range(count)]
        return {"cpu_us": (time.process_time() - start) * 1e6 / count, "bytes": sizes[0]}
    writer = WAYS[way](directory)
    return arrays(writer.image, pixels, writer, directory, count)


def warm_up(way):
    """The first use of a library imports and builds what later ones find."""
    with tempfile.TemporaryDirectory() as directory:
        writer = WAYS[way](directory)
        log_range(writer, 0, 100)
        writer.close()


def main():
    answers = os.fdopen(os.dup(1), "w")  # what a library prints does not come between
    os.dup2(2, 1)
    kinds = {"scalars": scalars, "histogram": histogram, "image": image, "load": load}
    warm = set()
    for line in sys.stdin:
        request = json.loads(line)
        way = request["way"]
        if way in WAYS and way not in warm:
            warm_up(way)
            warm.add(way)
        kind = kinds[request.pop("kind")]
        print(json.dumps(kind(**request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
