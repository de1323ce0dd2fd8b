"""PR curves are those of TensorBoard's own summary, and served so with either loader."""

import itertools

import numpy as np
import pytest
from tensorboard.compat.proto import summary_pb2, tensor_pb2
from tensorboard.plugins.pr_curve import metadata as pr_metadata
from tensorboard.plugins.pr_curve import summary as pr_summary
from tensorboard.util import tensor_util
from tensorboardX import summary as x_summary

import event_files
import runs


@pytest.fixture(scope="module")
def values(kind_logs):
    """tag -> list of (step, Summary.Value), in the order of the file."""
    (paths,) = runs.event_files(kind_logs).values()
    found = {}
    for event in itertools.chain.from_iterable(map(event_files.read_events, paths)):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value))
    return found


@pytest.fixture(scope="module")
def curves(values):
    """tag -> list of (step, 6 x thresholds array)."""
    return {tag: [(step, tensor_util.make_ndarray(value.tensor)) for step, value in series]
            for tag, series in values.items()}


class Call:
    def __init__(self, folder, line):
        tag, step, dtype, count, classes, thresholds = line.split()
        self.tag, self.step, self.thresholds = tag, int(step), int(thresholds)
        shape = (int(count), int(classes))
        stem = folder / f"{tag}-{step}"
        self.scores = np.fromfile(f"{stem}.scores", dtype).reshape(shape)
        self.labels = np.fromfile(f"{stem}.labels", np.int32)
        weights = stem.with_name(stem.name + ".weights")
        self.weights = np.fromfile(weights) if weights.exists() else None

    def expected(self):
        """tag -> what TensorBoard's summary makes of the data, as a Summary.Value."""
        if self.scores.shape[1] == 1:
            return {self.tag: self._curve(self.labels == 1, self.scores[:, 0])}
        return {f"{self.tag}/{i}": self._curve(self.labels == i, self.scores[:, i])
                for i in range(self.scores.shape[1])}

    def _curve(self, labels, scores):
        if scores.dtype == np.float16:
            scores = scores.astype(np.float32)  # NumPy would multiply with three digits
        return pr_summary.pb("name", labels, scores, self.thresholds, self.weights).value[0]


@pytest.fixture(scope="module")
def calls(kind_inputs):
    lines = (kind_inputs / "calls.txt").read_text().splitlines()
    return [Call(kind_inputs, line) for line in lines]


def ndarray(tensor):
    """TensorFlow's and tensorboardX's tensors are other messages of the same form."""
    return tensor_util.make_ndarray(tensor_pb2.TensorProto.FromString(tensor.SerializeToString()))


def test_every_call_is_in_the_file(calls, curves):
    wanted = {}
    for call in calls:
        for tag in ([call.tag] if call.scores.shape[1] == 1
                    else [f"{call.tag}/{i}" for i in range(call.scores.shape[1])]):
            wanted.setdefault(tag, []).append(call.step)
    wanted |= {"raw": [0, 1], "none": [0]}
    assert {tag: [step for step, _ in series] for tag, series in curves.items()} == wanted


def test_curves_equal_tensorboards_own_summary(calls, curves):
    for call in calls:
        for tag, value in call.expected().items():
            ours = dict(curves[tag])[call.step]
            theirs = ndarray(value.tensor)
            assert ours.dtype == theirs.dtype == np.float32
            assert ours.shape == theirs.shape
            assert ours.tobytes() == theirs.tobytes(), f"{tag} step {call.step}"


def test_tensors_have_the_form_of_tensorboards_own(calls, values):
    call = calls[0]
    theirs = call.expected()[call.tag].tensor
    ours = values[call.tag][0][1].tensor
    assert ours.dtype == theirs.dtype
    assert [dim.size for dim in ours.tensor_shape.dim] == \
        [dim.size for dim in theirs.tensor_shape.dim] == [6, 201]
    assert ours.tensor_content == theirs.tensor_content


def test_metadata_is_that_of_tensorboards_own_summary(calls, values):
    """But for the title, which we leave to the tag, and the data class, which they do not set."""
    for call in calls:
        for tag, theirs in call.expected().items():
            first, *others = [value for _, value in values[tag]]
            assert first.metadata.plugin_data.plugin_name == \
                theirs.metadata.plugin_data.plugin_name == "pr_curves"
            assert first.metadata.plugin_data.content == theirs.metadata.plugin_data.content
            assert first.metadata.data_class == summary_pb2.DATA_CLASS_TENSOR
            assert all(not value.HasField("metadata") for value in others)


def test_thresholds_in_metadata_are_those_of_every_tensor(values, curves):
    for tag, series in curves.items():
        content = values[tag][0][1].metadata.plugin_data.content
        about = pr_metadata.parse_plugin_metadata(content)
        assert about.version == 0
        assert {array.shape for _, array in series} == {(6, about.num_thresholds)}, tag


def test_curves_equal_those_of_tensorboardx(calls, curves):
    """It can't have more than 127 thresholds, and sets no data class."""
    for call in calls:
        if call.tag not in ("float", "two"):
            continue
        (theirs,) = x_summary.pr_curve(call.tag, call.labels == 1, call.scores[:, 0],
                                       call.thresholds, call.weights).value
        assert theirs.tag == call.tag
        assert theirs.metadata.plugin_data.plugin_name == "pr_curves"
        about = pr_metadata.parse_plugin_metadata(theirs.metadata.plugin_data.content)
        assert about.num_thresholds == call.thresholds
        assert np.array_equal(dict(curves[call.tag])[call.step], ndarray(theirs.tensor))


def test_raw_counts_are_kept(kind_inputs, curves):
    given = np.fromfile(kind_inputs / "raw.counts").reshape(6, 6)
    tp, fp, _, fn, _, _ = given
    computed = given.copy()
    computed[4] = tp / np.maximum(1e-7, tp + fp)
    computed[5] = tp / np.maximum(1e-7, tp + fn)
    assert np.array_equal(curves["raw"][0][1], np.float32(computed))
    assert np.array_equal(curves["raw"][1][1], np.float32(given))
    (theirs,) = x_summary.pr_curve_raw("raw", *given, num_thresholds=6).value
    assert np.array_equal(curves["raw"][1][1], ndarray(theirs.tensor))


# --- what is served -------------------------------------------------------------------------------

NAMED = ("double", "float", "weighted", "half", "two", "many")


def test_dashboard_is_active(kind_server):
    assert kind_server.json("plugins_listing")["pr_curves"]["enabled"]


def test_tags_and_names_are_served(kind_server, curves):
    (tags,) = kind_server.plugin("pr_curves", "tags").values()
    assert set(tags) == set(curves)
    for tag, about in tags.items():
        if tag in NAMED:
            assert about["displayName"] == "A curve"
            assert about["description"] == "<p>of <em>random</em> data</p>"
        else:
            assert about["displayName"] in ("", tag)
            assert about["description"] == ""


def shown(array):
    """What the dashboard shows of a tensor: whole counts, and no tail where nothing is found."""
    counts = array[:4].astype(np.int64)
    found = np.flatnonzero(counts[0] + counts[1])
    end = found[-1] + 1 if len(found) else 1
    rows = zip(("true_positives", "false_positives", "true_negatives", "false_negatives"),
               counts[:, :end])
    return {name: row.tolist() for name, row in rows} | {
        "precision": array[4, :end].tolist(), "recall": array[5, :end].tolist(),
        "thresholds": np.linspace(0, 1, array.shape[1])[:end].tolist()}


def test_every_step_is_served(kind_server, curves):
    (run,) = kind_server.plugin("pr_curves", "tags")
    for tag, series in curves.items():
        answers = kind_server.plugin("pr_curves", "pr_curves", run=run, tag=tag)[run]
        assert [answer["step"] for answer in answers] == [step for step, _ in series], tag
        for answer, (step, array) in zip(answers, series):
            del answer["step"], answer["wall_time"]
            assert answer == shown(array), f"{tag} step {step}"


def test_tail_without_positives_is_cut(kind_server):
    (run,) = kind_server.plugin("pr_curves", "tags")
    for answer in kind_server.plugin("pr_curves", "pr_curves", run=run, tag="raw")[run]:
        assert answer["thresholds"] == pytest.approx([0, 0.2, 0.4, 0.6])


def test_server_complains_of_nothing(kind_server):
    assert kind_server.complaints() == []
