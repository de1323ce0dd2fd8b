"""Makes RESULTS.md and the plots of what suite.py measured.

    python report.py RESULTS.json DIRECTORY
"""

import json
import pathlib
import sys

import matplotlib
import numpy

matplotlib.use("Agg")
from matplotlib import pyplot

INK, OURS, THEIRS, LIMIT = "#24292f", "#1f6feb", "#8c959f", "#d4a72c"
LABELS = {
    "tb_tag_log": "tblog: `tb_tag_log`",
    "tb_log_scalar": "tblog: `tb_log_scalar`",
    "exact_wall_times": "tblog: `tb_tag_log`, `exact_wall_times`",
    "one value a step": "tblog: `tb_tag_log`, one value a step",
    "CSV": "`fprintf` of a CSV line, `%.6f,%ld,%s,%.9g`",
    "CSV, integers": "... with the time as `%ld.%06ld`",
    "EventsWriter": "TensorFlow's `EventsWriter` in C++, an event each",
    "EventsWriter, serialized": "... with an event serialized before",
    "EventsWriter from Python": "... from Python, with an event made before",
    "tensorboard-rs": "tensorboard-rs: `add_scalar` (Rust)",
    "tensorboardX": "tensorboardX: `add_scalar`",
    "torch": "PyTorch: `add_scalar`",
    "tf.summary": "`tf.summary.scalar`",
}
PLAIN = {  # for the plots
    "tb_tag_log": "tblog, by handle", "tb_log_scalar": "tblog, by name",
    "exact_wall_times": "tblog, exact_wall_times", "CSV": "fprintf of a CSV line",
    "EventsWriter": "TensorFlow EventsWriter, C++",
    "EventsWriter from Python": "EventsWriter from Python",
    "tensorboard-rs": "tensorboard-rs (Rust)", "tensorboardX": "tensorboardX",
    "torch": "PyTorch SummaryWriter",
    "tf.summary": "tf.summary.scalar",
}


def number(value):
    """Three digits that count, with commas."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{int(round(value, -digits)):,}"
    return f"{value:.3g}"


def spread(values):
    """The median and the quartiles."""
    if len(values) == 1:
        return number(values[0])
    low, middle, high = numpy.percentile(values, [25, 50, 75])
    return f"{number(middle)} ({number(low)} – {number(high)})"


def median(values):
    return float(numpy.median(values))


def ratio(values, base):
    """The median of the rounds' ratios: both of a round met the same machine.  Where |base| had
    several turns in a round, their median counts."""
    if len(values) < len(base):
        base = numpy.median(numpy.reshape(base, (len(values), -1)), axis=1)
    return number(median(numpy.divide(values, base)))


def table(head, rows):
    left = "| " + " | ".join(head) + " |\n| --- |" + " ---: |" * (len(head) - 1) + "\n"
    return left + "".join("| " + " | ".join(row) + " |\n" for row in rows) + "\n"


def pairs(values):
    return "".join(f"- {name}: {value}\n" for name, value in values.items()) + "\n"


def scalars(results):
    ways, limits = results["scalars"], results["limits"]
    base = ways["tb_tag_log"]
    rows = []
    for name, label in LABELS.items():
        if name in ways:
            way = ways[name]
            rows.append([label, spread(way["call_ns"]), number(median(way["p50"])),
                         number(median(way["p99"])), number(median(way["p999"])),
                         spread(way["cpu_ns"]), number(min(way["cpu_ns"])),
                         number(median(way["bytes"])), ratio(way["call_ns"], base["call_ns"]),
                         ratio(way["cpu_ns"], base["cpu_ns"])])
    for name in ("tb_tag_log", "exact_wall_times"):
        way = ways[f"write() for {name}"]
        rows.append([f"*limit:* bare `write()` of the bytes of {LABELS[name][7:]}", "", "", "", "",
                     spread(way["cpu_ns"]), number(min(way["cpu_ns"])),
                     number(median(way["bytes"])), "",
                     ratio(way["cpu_ns"], base["cpu_ns"])])
    threads = limits["threads"]
    call = limits["call"]
    rows.append(["*limit:* one reading of the wall clock", spread(call["clock_ns"])] + [""] * 8)
    rows.append(["*limit:* a copy of 32 bytes", spread(call["copy_ns"])] + [""] * 8)
    record = limits.get("record", {})
    if "frame_ns" in record:
        rows.append(["*limit:* CRC-32C of 32 bytes", "", "", "", "", spread(record["crc_ns"])]
                    + [""] * 4)
        rows.append(["*limit:* length and both CRCs of a record", "", "", "", "",
                     spread(record["frame_ns"])] + [""] * 4)
    return ("## Scalars\n\nTen tags a step. *Call*: the caller's time, in bursts of 1000 with a "
            "flush "
            "in between; the percentiles are of single calls and hold two readings of the clock. "
            "*CPU*: all threads, per value, from opening the file to closing it. Times in ns.\n\n"
            + table(["", "call", "p50", "p99", "p99.9", "CPU", "best", "bytes", "call ×", "CPU ×"],
                    rows)
            + "*Best*: of the rounds, the one with the least CPU; by it, `tb_tag_log` costs "
            + " and ".join(f"{number(min(ways[name]['cpu_ns']) / min(base['cpu_ns']))} times less "
                           f"than {LABELS[name].split(',')[0]}"
                           for name in ("EventsWriter", "CSV") if name in ways)
            + ". The bare `write()` is a part of "
              "tblog's CPU: what the library adds to it is "
            + number(median(numpy.subtract(base["cpu_ns"], ways["write() for tb_tag_log"]["cpu_ns"])))
            + " ns a value. Four threads that log to one writer at the same time spend "
            + spread(threads["several_ns"]) + " ns of their own CPU on a call, one alone "
            + spread(threads["one_ns"]) + ": × " + ratio(threads["several_ns"], threads["one_ns"])
            + ".\n\n![Cost of a scalar](scalars.png)\n\n")


def arrays(results, kind, labels, unit_name, unit):
    rows, base = [], results[kind][next(iter(labels))]
    for name, label in labels.items():
        way = results[kind].get(name)
        if way is None:
            continue
        def cell(key):
            return spread(numpy.array(way[key]) / unit) if key in way else ""
        rows.append([label, cell("call_us"), cell("cpu_us"),
                     number(median(way["bytes"])) if "bytes" in way else "",
                     ratio(way["call_us"], base["call_us"]) if "call_us" in way else "",
                     ratio(way["cpu_us"], base["cpu_us"]) if "cpu_us" in way else ""])
    limit = {"histogram": "*limit:* reading the memory once",
             "image": "*limit:* a copy of the pixels"}
    rows.append([limit[kind], spread(numpy.array(base["limit_us"]) / unit), "", "",
                 ratio(base["limit_us"], base["call_us"]), ""])
    return table(["", f"call, {unit_name}", f"CPU, {unit_name}", "bytes", "call ×", "CPU ×"], rows)


def histograms(results):
    exponential = {"tblog": "tblog: `tb_log_histogram`",
                   "numpy_exponential": "`numpy.histogram`",
                   "tensorboardX": "tensorboardX: `add_histogram`",
                   "torch": "PyTorch: `add_histogram`"}
    equal = {"tblog, 30 bins": "tblog: `tb_log_histogram_with`", "numpy": "`numpy.histogram`",
             "torch_histc": "`torch.histc`", "tensorflow": "`tf.summary.histogram`"}
    return ("## Histograms\n\n10 million float32, normal. TensorBoard's exponential buckets "
            "(1549):\n\n" + arrays(results, "histogram", exponential, "ms", 1e3)
            + "30 bins of equal width:\n\n" + arrays(results, "histogram", equal, "ms", 1e3))


def images(results):
    labels = {"tblog": "tblog: `tb_log_image`",
              "tensorboardX": "tensorboardX: `add_image` (Pillow)",
              "torch": "PyTorch: `add_image` (Pillow)",
              "tensorflow": "`tf.summary.image`",
              "deflate": "zlib of the bare pixels, level 6"}
    first = spread(results["image"]["tblog"]["first_us"])
    return ("## Images\n\nA picture of 512 × 512 RGB like a photograph (made by `suite.py`), "
            "written as PNG.\n\n" + arrays(results, "image", labels, "µs", 1)
            + f"The first picture of a run meets memory that was not used before: {first} µs.\n\n"
            + pictures(results.get("pictures", {})))


def pictures(measured):
    """Beside libpng: what is measured of each picture, in turns within a program."""
    rows = []
    for key, way in measured.items():
        kind, name, size = key.split("/")
        rows.append([f"{kind}: {name}", size, spread(way["cpu_us"]), spread(way["libpng_us"]),
                     ratio(way["libpng_us"], way["cpu_us"]), number(median(way["bytes"])),
                     f"{median(numpy.divide(way['bytes'], way['libpng_bytes'])):.3f}"])
    return ("Pictures of `corpus.py`, beside libpng with its defaults: CPU of all threads, for "
            "tblog with the record and the file; how many times less that is; bytes, for tblog "
            "with the event around the picture, some 55, and how many times libpng's.\n\n"
            + table(["", "pixels", "CPU, µs", "libpng, µs", "less, ×", "bytes", "bytes ×"], rows))


def scale(results):
    measured, rows = results["scale"], []
    names = []
    for key in measured:
        name = key.split("/")[0]
        if "/" in key and name not in names:
            names.append(name)
    for power in range(3, 10):
        if f"tblog/{power}" not in measured:
            continue
        row = [f"10^{power}"]
        for name in names:
            way = measured.get(f"{name}/{power}")
            row.append(spread(way["cpu_ns"]) if way else "")
        row.append(number(median(measured[f"tblog/{power}"]["rss_kib"]) / 1024))
        rows.append(row)
    text = ("## Scale\n\nCPU of all threads per value in ns, from opening to closing, by the "
            "number of "
            "scalars in one writer (tblog with `max_file_bytes` of 256 MiB), and the peak of "
            "resident "
            "memory of tblog's process in MiB, which includes the queue file's pages.\n\n"
            + table(["scalars"] + names + ["tblog, MiB"], rows)
            + "![CPU per value by the number of values](scale.png)\n\n")
    tags, writers = measured["tags"], measured["writers"]
    text += pairs({
        "10,000 tags": f"{spread(tags['open_ns'])} ns of CPU to open each; then, 100 steps of "
                       f"all of "
                       f"them, {spread(tags['cpu_ns'])} ns of CPU per value by handle; a call by "
                       f"name, "
                       f"making the name included, {spread(tags['string_call_ns'])} ns; "
                       f"{number(median(tags['rss_kib']) / 1024)} MiB",
        "1,000 writers in one process":
            f"{number(median(writers['threads']))} threads, "
            f"{number(median(writers['rss_kib']))} KiB resident for all of them, "
            f"{spread(writers['open_us'])} µs to open each, {spread(writers['close_us'])} µs to "
            f"close "
            f"each, {spread(writers['cpu_ns'])} ns of CPU per value (the first 100 of each, then a "
            "flush)",
    })
    if "images" in measured:
        burst = {key: values[-1] for key, values in measured["images"].items()}
        text += pairs({
            f"{burst['count']:,} pictures of a MiB at once, into a queue of a GiB":
                f"with `full_wait_seconds` -1, {burst['refused']:,} are refused and "
                f"{number(burst['queued_mib'])} MiB wait (peak of resident memory "
                f"{number(burst['rss_kib'] / 1024)} MiB, the queue file's pages included), after "
                f"{number(burst['seconds'])} s; with 600, {burst['lost_waiting']:,} are refused, "
                f"after {number(burst['seconds_waiting'])} s"})
    return text


def small(results):
    small = results["small"]
    opening, idle = small["open"], small["idle"]
    return "## Small\n\n" + pairs({
        "shared library, stripped": f"{small['library']['bytes'][-1]:,} bytes",
        "`tb_open`": f"{spread(opening['open_us'])} µs",
        "`tb_open` to the first scalar in the file": f"{spread(opening['first_us'])} µs",
        "*limit:* two files, one with half a MiB of room, and a thread":
            f"{spread(opening['limit_us'])} µs",
        "`tb_close`": f"{spread(opening['close_us'])} µs",
        "an idle writer over 3 s": f"{spread(idle['cpu_us'])} µs of CPU (the same process "
                                   f"without a "
                                   f"writer: {spread(idle['alone_us'])}), woken "
                                   f"{number(median(idle['wakes']))} times",
    })


def load(results):
    measured, rows = results["load"], []
    for name, label in (("joined", "default"), ("exact", "`exact_wall_times`")):
        row = [label]
        for loader in ("fast", "Python"):
            seconds = measured[f"{name}/{loader}"]["seconds"]
            row += [spread(seconds), ratio(seconds, measured[f"joined/{loader}"]["seconds"])]
        rows.append(row)
    return ("## Reading\n\nSeconds that TensorBoard takes to load 10^6 scalars of ten tags: its "
            "data server, as that tells; and the loader in Python, in CPU time.\n\n"
            + table(["", "fast loader", "×", "Python loader", "×"], rows))


def details(results):
    texts = dict(results["details"], bench_crc32c=results["crc32c"])
    return "## A closer look\n\nOne run of each program.\n\n" + "".join(
        f"`{name}`:\n\n```\n{text.rstrip()}\n```\n\n" for name, text in texts.items())


def clean(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.set_axisbelow(True)


def plot_scalars(results, path):
    ways = results["scalars"]
    names = [name for name in PLAIN if name in ways][::-1]
    figure, both = pyplot.subplots(1, 2, figsize=(10, 3.9), sharey=True)
    for axes, key, title, limit, words in (
            (both[0], "call_ns", "the caller's time, ns per value",
             results["limits"]["call"]["clock_ns"], "reading the clock"),
            (both[1], "cpu_ns", "CPU of all threads until it is in the file, ns per value",
             ways["write() for tb_tag_log"]["cpu_ns"], "bare write()")):
        values = [median(ways[name][key]) for name in names]
        quartiles = [numpy.percentile(ways[name][key], [25, 75]) for name in names]
        colours = [OURS if PLAIN[name].startswith("tblog") else THEIRS for name in names]
        axes.barh([PLAIN[name] for name in names], values, color=colours, height=0.7)
        for i, (value, (low, high)) in enumerate(zip(values, quartiles)):
            axes.plot([low, high], [i, i], color=INK, linewidth=1.2)
            axes.text(max(value, high) * 1.15, i, number(value), va="center", fontsize=9, color=INK,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
        axes.axvline(median(limit), color=LIMIT, linewidth=1.4, linestyle="--")
        axes.text(median(limit) * 1.05, len(names) - 0.45, words, color=LIMIT, fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(5, 3e6)
        axes.set_title(title, fontsize=10, color=INK, pad=14)
        axes.grid(axis="x", color="#eaeef2")
        clean(axes)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def plot_scale(results, path):
    figure, axes = pyplot.subplots(figsize=(8, 4.2))
    series = {}
    for key, way in results["scale"].items():
        name, _, power = key.partition("/")
        if power:
            series.setdefault(name, []).append((10 ** int(power), way["cpu_ns"]))
    colours = {"tblog": OURS, "tblog, exact_wall_times": "#79b8ff"}
    greys = iter(["#57606a", "#8250df", "#bf8700", "#1a7f37", "#cf222e", "#0a7ea4"])
    for name, points in series.items():
        counts = [count for count, _ in points]
        colour = colours.get(name) or next(greys)
        axes.plot(counts, [median(values) for _, values in points], color=colour, marker="o",
                  markersize=4, linewidth=2 if name.startswith("tblog") else 1.4, label=name)
        axes.fill_between(counts, [numpy.percentile(values, 25) for _, values in points],
                          [numpy.percentile(values, 75) for _, values in points], color=colour,
                          alpha=0.2, linewidth=0)
    write = results.get("scalars", {}).get("write() for tb_tag_log")
    if write:
        axes.axhline(median(write["cpu_ns"]), color=LIMIT, linewidth=1.4, linestyle="--",
                     label="bare write() of tblog's bytes")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("scalars in one writer", color=INK)
    axes.set_ylabel("CPU of all threads, ns per value", color=INK)
    axes.grid(color="#eaeef2")
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    clean(axes)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    directory = pathlib.Path(sys.argv[2])
    text = ("# Results\n\nWritten by `bench/run.sh`. Medians, with the quartiles of the rounds in "
            "parentheses; the contestants take turns, round by round. × are ratios to tblog's "
            "first "
            "row, the median of the rounds' ratios.\n\n"
            + pairs(results["machine"])
            + "Versions: " + ", ".join(f"{n} {v}" for n, v in results["versions"].items())
            + ".\n\n")
    for name, section in (("scalars", scalars), ("histogram", histograms), ("image", images),
                          ("scale", scale), ("small", small), ("load", load), ("details", details)):
        if name in results:
            text += section(results)
    (directory / "RESULTS.md").write_text(text.rstrip() + "\n")
    if "scalars" in results:
        plot_scalars(results, directory / "scalars.png")
    if "scale" in results:
        plot_scale(results, directory / "scale.png")


if __name__ == "__main__":
    main()
