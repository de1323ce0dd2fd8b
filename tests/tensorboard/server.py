"""Stock TensorBoard, from its start to its end, and what it answers.

    python server.py LOGDIR [--load-fast true|false]

serves LOGDIR, prints the address once everything is loaded, and ends when its standard input does.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

START_SECONDS = 120
ANSWER_SECONDS = 60
STOP_SECONDS = 10

WITHOUT_TENSORFLOW = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                  "plain_tensorboard.py")

# So many that no point is left out.
KEEP_ALL = ",".join(f"{plugin}=100000" for plugin in
                    ("scalars", "histograms", "distributions", "images", "text", "audio",
                     "pr_curves", "mesh", "hparams", "custom_scalars", "tensors"))

# What TensorBoard and TensorFlow say whatever the logs hold.
CHATTER = re.compile(r"""
    \b(INFO|DEBUG)\b | ^[IW]0?\d{3}\s | Press\ CTRL\+C | ^\s*$
    | TensorFlow\ installation\ not\ found | oneDNN | cpu_feature_guard | rebuild\ TensorFlow
    | before\ absl::InitializeLog
    """, re.VERBOSE)


class Server:
    """with Server(logdir, fast=True) as server: everything in |logdir| is loaded in the body.

    |fast| is the loader: TensorBoard's data server, or the one in Python.  |samples| is what
    becomes of long series: None is as TensorBoard has it.  |tensorflow|: read files by TensorFlow,
    as TensorBoard does where it is installed."""

    def __init__(self, logdir, fast, samples=KEEP_ALL, tensorflow=False):
        logdir = os.path.abspath(logdir)
        self.fast = fast
        self._samples = samples
        self._main = ["-m", "tensorboard.main"] if tensorflow else [WITHOUT_TENSORFLOW]
        self._lines = []
        self._url = None
        self._loaded = threading.Event()
        self._process = subprocess.Popen(
            self._command(os.path.basename(logdir)),
            cwd=os.path.dirname(logdir),  # the page shows the logdir's name
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, errors="replace",
            start_new_session=True,  # the data server is in its process group, and nothing else
            env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="-1"))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _command(self, logdir):
        command = ["setpriv", "--pdeathsig", "TERM",  # it ends even if this program is killed
                   sys.executable, *self._main, "--logdir", logdir,
                   "--host", "127.0.0.1", "--port", "0",
                   "--load_fast", "true" if self.fast else "false",
                   "--reload_interval", "0"]  # load once
        if self._samples:
            command += ["--samples_per_plugin", self._samples]
        if self.fast:
            # Only so does it say when it has loaded everything.
            return command + ["--extra_data_server_flags=--verbose"]
        # The address comes only after everything is loaded.
        return command + ["--reload_task", "blocking"]

    def _listen(self):
        for line in self._process.stderr:
            self._lines.append(line.rstrip("\n"))
            address = re.search(r"TensorBoard \S+ at (http://\S+)", line)
            if address:
                self._url = address.group(1).rstrip("/")
            if self._url and (not self.fast or self._said("Finished load cycle")):
                self._loaded.set()
        self._loaded.set()  # it has ended

    def _said(self, words):
        return any(words in line for line in self._lines)

    def __enter__(self):
        loaded = self._loaded.wait(START_SECONDS)
        if not loaded or self._url is None or self._process.poll() is not None:
            self.__exit__()
            raise RuntimeError("TensorBoard did not start:\n" + "\n".join(self._lines[-40:]))
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._listener.join(STOP_SECONDS)

    @property
    def url(self):
        return self._url

    def complaints(self):
        """What the server wrote to its log, but for its usual chatter."""
        return [line for line in self._lines
                if not CHATTER.search(line) and "TensorBoard " not in line]

    def get(self, path, **query):
        """The body and content type of an answer.  Raises for any status but 200."""
        url = f"{self._url}/data/{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return answer.read(), answer.headers.get("Content-Type", "")

    def post_form(self, path, fields):
        """The JSON that answers a form of (name, value) pairs."""
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"{self._url}/data/{path}", data,
                                    timeout=ANSWER_SECONDS) as answer:
            return json.loads(answer.read())

    def json(self, path, **query):
        return json.loads(self.get(path, **query)[0])

    def wait_for(self, path, condition):
        """Asks until the answer is as wanted.  Raises when it does not become so."""
        for _ in range(100):
            if condition(self.json(path)):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{path} is still as it was")

    def plugin(self, name, route, **query):
        return self.json(f"plugin/{name}/{route}", **query)

    def post(self, path, request):
        """The answer to a request, both JSON."""
        question = urllib.request.Request(
            f"{self._url}/data/{path}", json.dumps(request).encode("utf-8"),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(question, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logdir")
    parser.add_argument("--load-fast", choices=["true", "false"], default="true")
    options = parser.parse_args()
    with Server(options.logdir, fast=options.load_fast == "true") as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
