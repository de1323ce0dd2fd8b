"""Measures tblog beside its peers and the limits of the machine: run.sh prepares everything and
calls this, which writes results.json.  report.py makes RESULTS.md of it.

Contestants take turns, round by round, so that a busy machine meets them alike."""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "tensorboard"))

import numpy

# name in the results, who runs it, what it is called there, values a round, bursts, single calls
SCALARS = [
    ("tb_tag_log", "tblog", "handle", 1000000, 60, 100000),
    ("tb_log_scalar", "tblog", "string", 1000000, 60, 100000),
    ("exact_wall_times", "tblog", "exact", 1000000, 60, 100000),
    ("one value a step", "tblog", "single", 1000000, 60, 100000),
    ("CSV", "tblog", "csv", 1000000, 60, 100000),
    ("CSV, integers", "tblog", "csv_integers", 1000000, 60, 100000),
    ("EventsWriter", "cpp", "event", 1000000, 60, 100000),
    ("EventsWriter, serialized", "cpp", "serialized", 1000000, 60, 100000),
    ("EventsWriter from Python", "python", "binding", 50000, 10, 5000),
    ("tensorboard-rs", "rust", "x", 100000, 20, 20000),
    ("tensorboardX", "python", "tensorboardX", 10000, 5, 3000),
    ("torch", "torch", "torch", 10000, 5, 3000),
    ("tf.summary", "python", "tensorflow", 3000, 2, 1000),
]
# name, who, way, largest power of ten
SCALE = [
    ("tblog", "tblog", "rolled", 8),
    ("tblog, exact_wall_times", "tblog", "exact", 7),
    ("CSV", "tblog", "csv", 7),
    ("EventsWriter", "cpp", "event", 7),
    ("tensorboard-rs", "rust", "x", 5),
    ("tensorboardX", "python", "tensorboardX", 4),
    ("torch", "torch", "torch", 4),
    ("tf.summary", "python", "tensorflow", 4),
]
FAST = ("tblog", "cpp")  # their rounds are short, and the machine's moods longer than that
TURNS = 3  # of these in a round
HISTOGRAMS = ["tblog", "tblog, 30 bins", "numpy", "numpy_exponential", "tensorboardX", "torch",
              "torch_histc", "tensorflow"]
IMAGES = ["tblog", "tensorboardX", "torch", "tensorflow", "deflate"]


def version_of(*command):
    """What a program says of its version, or of one that it knows."""
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.split()
    found = [word for word in said if word[:1].isdigit()]
    return found[0] if found else "?"


class Suite:
    def __init__(self, options):
        self.options = options
        self.build = options.build.resolve()
        self.results = {}
        self._workers = {}
        self._scratch = self.build / "scratch"

    # --- running one round -----------------------------------------------------------------------

    def fresh(self):
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        return str(self._scratch)

    def has(self, who):
        if who == "torch":
            return self.options.torch is not None
        return who in ("tblog", "python") or self.peer(who).exists()

    def peer(self, who):
        return self.build / {"cpp": "peer_tensorflow", "rust": "rust/target/release/peer"}[who]

    def program(self, name, *arguments):
        path = name if "/" in str(name) else self.build / "bench" / f"bench_{name}"
        done = subprocess.run([str(path), *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{path} failed:\n{done.stderr}")
        return done.stdout

    def ask(self, **request):
        """A round of a contestant in Python; each lives in a process of its own."""
        way = request["way"]
        if way not in self._workers:
            python = self.options.torch if way.startswith("torch") else sys.executable
            self._workers[way] = subprocess.Popen(
                [python, HERE / "peers.py"], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=open(self.build / f"{way}.log", "w"))
        worker = self._workers[way]
        print(json.dumps(request), file=worker.stdin, flush=True)
        answer = worker.stdout.readline()
        if not answer:
            sys.exit(f"{way} failed: see {self.build / way}.log")
        return json.loads(answer)

    def scalars_round(self, who, way, values, bursts=0, singles=0):
        directory = self.fresh()
        if who in ("python", "torch"):
            return self.ask(kind="scalars", way=way, directory=directory, values=values,
                            bursts=bursts, singles=singles)
        program = "scalars" if who == "tblog" else self.peer(who)
        return json.loads(self.program(program, way, directory, values, bursts, singles))

    def note(self, subject, name, figures):
        rounds = self.results.setdefault(subject, {}).setdefault(name, {})
        for key, value in figures.items():
            rounds.setdefault(key, []).append(value)

    # --- subjects --------------------------------------------------------------------------------

    def machine(self):
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        around = max((mount for mount in mounts if str(self.build).startswith(mount[1])),
                     key=lambda mount: len(mount[1]))
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        flags = pathlib.Path("/proc/cpuinfo").read_text()
        self.results["machine"] = {
            "CPU": (model.group(1) if model else platform.machine())
                   + (", virtual" if "hypervisor" in flags else ""),
            "cores": str(os.cpu_count()),
            "memory": f"{memory:.0f} GiB",
            "kernel": f"{platform.system()} {platform.release()}",
            "file system": around[2],
            "load when the suite began (1 min)": f"{os.getloadavg()[0]:.1f}",
        }
        from importlib import metadata
        versions = {"tblog": self.options.version, "C compiler": self.options.compiler,
                    "Python": platform.python_version()}
        for package in ("numpy", "tensorflow-cpu", "tensorboard", "tensorboardX", "pillow"):
            versions[package] = metadata.version(package)
        if self.has("torch"):
            versions["torch"] = subprocess.run(
                [self.options.torch, "-c", "import torch; print(torch.__version__)"], check=True,
                stdout=subprocess.PIPE, text=True).stdout.strip()
        if self.has("rust"):
            versions["tensorboard-rs"] = self.options.rust
            versions["rustc"] = version_of("rustc", "--version")
        if self.has("cpp"):
            versions["g++"] = version_of("g++", "-dumpfullversion")
        for package in ("libpng", "zlib", "libprotobuf-c"):
            versions[package] = version_of("pkg-config", "--modversion", package)
        self.results["versions"] = versions

    def scalars_turn(self, name, who, way, *sizes):
        figures = self.scalars_round(who, way, *sizes)
        self.note("scalars", name, figures)
        if way in ("handle", "exact"):
            total = round(figures["bytes"] * figures["values"])
            write = json.loads(self.program("scalars", "write", self.fresh(), total, 0, 0))
            self.note("scalars", f"write() for {name}",
                      {"cpu_ns": write["cpu_ns"] * figures["bytes"], "bytes": figures["bytes"]})

    def scalars(self):
        for _ in range(self.options.rounds):
            for turn in range(TURNS):
                for name, who, way, *sizes in SCALARS:
                    if self.has(who) and (who in FAST or turn == 0):
                        self.scalars_turn(name, who, way, *sizes)
            self.note("limits", "call", json.loads(
                self.program("scalars", "limits", self.fresh(), 1, 0, 0)))
            self.note("limits", "threads", json.loads(
                self.program("scalars", "threads", self.fresh(), 200000, 0, 0)))
        crc = self.program("crc32c")
        self.results["crc32c"] = crc
        for key, line in (("crc_ns", "tb__crc32c_extend, 32 bytes"),
                          ("frame_ns", "tb__record_frame")):
            found = re.search(re.escape(line) + r".*: ([\d.]+) ns", crc)
            if found:
                self.note("limits", "record", {key: float(found.group(1))})

    def arrays(self, kind, contestants, data, count):
        for _ in range(self.options.rounds):
            for name in contestants:
                if name.startswith("torch") and not self.has("torch"):
                    continue
                if name.startswith("tblog"):
                    way = kind + ("30" if name.endswith("30 bins") else "")
                    figures = json.loads(
                        self.program("arrays", way, data, self.fresh(), count * 3))
                else:
                    figures = self.ask(kind=kind, way=name, directory=self.fresh(), data=str(data),
                                       count=count)
                self.note(kind, name, figures)

    def histograms(self):
        data = self.build / "weights.f32"
        numpy.random.default_rng(1).normal(0, 0.05, 10_000_000).astype(numpy.float32).tofile(data)
        self.arrays("histogram", HISTOGRAMS, data, 1)

    def images(self):
        import corpus
        data = self.build / "photo.rgb"
        photo().tofile(data)
        self.arrays("image", IMAGES, data, 4)
        for _ in range(self.options.rounds):
            for kind, name, pixels in corpus.all_pictures():
                height, width, channels = pixels.shape
                pixels.tofile(data)
                figures = json.loads(self.program("images", self.fresh(), data, width, height,
                                                  channels))
                self.note("pictures", f"{kind}/{name}/{width} × {height}", figures)

    def scale(self):
        largest = 9 if self.options.long else 8
        for power in range(3, largest + 1):
            rounds = 1 if power >= 8 else 3
            for _ in range(rounds):
                for name, who, way, most in SCALE:
                    most = largest if way == "rolled" else most
                    if power <= min(most, self.options.most) and self.has(who):
                        figures = self.scalars_round(who, way, 10**power)
                        self.note("scale", f"{name}/{power}", figures)
        for _ in range(3):
            self.note("scale", "tags",
                      json.loads(self.program("scale", "tags", 10000, self.fresh())))
            self.note("scale", "writers",
                      json.loads(self.program("scale", "writers", 1000, self.fresh())))

        if self.options.most >= 8:
            self.note("scale", "images",
                      json.loads(self.program("scale", "images", 1500, self.fresh())))

    def small(self):
        library = next(p for p in (self.build / "src").glob("libtblog.so*") if not p.is_symlink())
        stripped = self.build / "stripped.so"
        subprocess.run(["strip", "-o", stripped, library], check=True)
        self.note("small", "library", {"bytes": stripped.stat().st_size})
        for _ in range(3):
            self.note("small", "open", json.loads(self.program("scale", "open", 50, self.fresh())))
            self.note("small", "idle", json.loads(self.program("scale", "idle", 3, self.fresh())))

    def load(self):
        from server import Server
        logs = self.build / "load"
        shutil.rmtree(logs, ignore_errors=True)
        for name, way in (("joined", "handle"), ("exact", "exact")):
            (logs / name / "run").mkdir(parents=True)
            self.program("scalars", way, logs / name / "run", 1000000, 0, 0)
        for _ in range(3):
            for name in ("joined", "exact"):
                with Server(str(logs / name), fast=True) as server:
                    if "run" not in server.plugin("scalars", "tags"):
                        sys.exit(f"TensorBoard does not show {logs / name}")
                    said = "\n".join(server._lines)
                self.note("load", f"{name}/fast", {"seconds": load_cycle_seconds(said)})
                self.note("load", f"{name}/Python", self.ask(
                    kind="load", way="accumulator", directory=str(logs / name / "run")))
        shutil.rmtree(logs)

    def details(self):
        """What the programs for a closer look print."""
        self.results["details"] = {
            "bench_images": self.program("images", self.fresh()),
            "bench_histograms float32": self.program("histograms", "float32")}

    def close(self):
        for worker in self._workers.values():
            worker.stdin.close()
            worker.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)
        for name in ("weights.f32", "photo.rgb", "stripped.so"):
            (self.build / name).unlink(missing_ok=True)


def load_cycle_seconds(said):
    """How long TensorBoard's data server says that it took: "(1.234s)" or "(56.7ms)"."""
    value, unit = re.search(r"Finished load cycle \(([\d.]+)(ms|s)\)", said).groups()
    return float(value) * (1e-3 if unit == "ms" else 1)


def photo(side=512):
    """Like a photograph to PNG: smooth shapes of all sizes, edges, and the noise of a sensor."""
    rng = numpy.random.default_rng(7)
    y, x = numpy.mgrid[0:side, 0:side]
    pixels = numpy.zeros((side, side, 3))
    for octave in range(1, 7):
        cells = rng.normal(0, 60 / octave, (2**octave + 1, 2**octave + 1, 3))
        at_y, at_x = y * 2**octave / side, x * 2**octave / side
        top, left = at_y.astype(int), at_x.astype(int)
        down, right = (at_y - top)[..., None], (at_x - left)[..., None]
        pixels += ((cells[top, left] * (1 - right) + cells[top, left + 1] * right) * (1 - down)
                   + (cells[top + 1, left] * (1 - right) + cells[top + 1, left + 1] * right) * down)
    for _ in range(12):
        centre, radius = rng.integers(0, side, 2), rng.integers(20, 90)
        pixels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] += rng.normal(0, 40, 3)
    pixels += 128 + rng.normal(0, 2, pixels.shape)
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--version", default="")
    parser.add_argument("--compiler", default="")
    parser.add_argument("--rust", default="")
    parser.add_argument("--torch", help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--long", action="store_true", help="up to 10^9 scalars")
    parser.add_argument("--most", type=int, default=9, help="the largest power of ten")
    parser.add_argument("--only", default="", help="subjects, with commas between them")
    options = parser.parse_args()
    suite = Suite(options)
    subjects = ["scalars", "histograms", "images", "scale", "small", "load", "details"]
    chosen = options.only.split(",") if options.only else subjects
    suite.machine()
    results = suite.build / "results.json"
    if options.only and results.exists():
        suite.results = {**json.loads(results.read_text()), **suite.results}
        kinds = {"scalars": ["scalars", "limits"], "histograms": ["histogram"],
                 "images": ["image", "pictures"]}
        for subject in chosen:
            for kind in kinds.get(subject, [subject]):
                suite.results.pop(kind, None)
    for subject in chosen:
        start = time.perf_counter()
        getattr(suite, subject)()
        print(f"{subject}: {time.perf_counter() - start:.0f} s", flush=True)
        results.write_text(json.dumps(suite.results, indent=1))
    suite.close()


if __name__ == "__main__":
    main()
