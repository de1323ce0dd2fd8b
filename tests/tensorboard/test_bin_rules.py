"""Each rule makes the bins that numpy.histogram makes of the same data, and both loaders show them."""

import numpy as np
import pytest
from tensorboardX.summary import make_histogram

import event_files
import served

RULES = ["auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"]
WAYS = [0, 1, 2]  # in the call, by several threads, on the writer's thread


@pytest.fixture(scope="module")
def data(kind_inputs):
    """name -> the finite values, as doubles or as integers."""
    found = {}
    for path in kind_inputs.iterdir():
        name, dtype = path.name.split(".")
        values = np.fromfile(path, dtype)
        found[name] = values[np.isfinite(values)]
        if found[name].dtype.kind == "f":
            found[name] = found[name].astype(np.float64)
    assert len(found) == 15
    return found


@pytest.fixture(scope="module")
def logged(kind_logs):
    (run,) = event_files.read(kind_logs).values()
    return run.histograms


def cases(data):
    for rule in RULES:
        for name, values in data.items():
            if not (rule == "stone" and len(values) > 100_000):
                yield rule, name, values


# NumPy says so where all numbers of bins that it has tried are too few.
@pytest.mark.filterwarnings("ignore:The number of bins estimated may be suboptimal")
def test_bins_are_those_of_numpy(logged, data):
    for rule, name, values in cases(data):
        counts, edges = np.histogram(values, bins=rule)
        series = logged[f"{rule}/{name}"]
        assert [step for step, _ in series] == WAYS
        if len(set(values.tolist())) == 1:  # NumPy makes a range of 1 around it
            counts, edges = np.array([len(values)]), np.array([values[0], values[0]])
        for way, histogram in series:
            where = f"{rule} {name} {way}"
            assert len(histogram.counts) == len(counts), where
            assert np.array_equal(histogram.counts, counts), where
            if len(set(values.tolist())) > 1:
                np.testing.assert_allclose(histogram.limits, edges[1:], rtol=1e-12,
                                           atol=1e-12 * np.ptp(edges), err_msg=where)


def test_rules_differ(logged, data):
    """The test above does not compare the same with the same."""
    found = {rule: len(logged[f"{rule}/skewed"][0][1].counts) for rule in RULES}
    assert len(set(found.values())) >= 6, found
    assert len(logged["fd/sparse"][0][1].counts) == 1 < len(logged["auto/sparse"][0][1].counts)
    assert np.diff(logged["fd/bytes"][0][1].limits).min() >= 1


def test_buckets_are_those_of_tensorboardx(logged, data):
    def used(limits, counts):
        return [(round(limit, 9), count) for limit, count in zip(limits, counts) if count]

    for rule in RULES:
        theirs = make_histogram(data["normal"], rule)
        ours = logged[f"{rule}/normal"][0][1]
        assert used(ours.limits, ours.counts) == used(theirs.bucket_limit, theirs.bucket)


def test_loaders_show_every_value(kind_server, data):
    (run,) = served.read(kind_server).values()
    for rule, name, values in cases(data):
        series = run.histograms[f"{rule}/{name}"]
        assert [step for step, _ in series] == WAYS
        for _, buckets in series:
            assert buckets[:, 2].sum() == pytest.approx(len(values)), f"{rule} {name}"
    assert kind_server.complaints() == []
