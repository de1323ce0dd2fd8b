"""Whether a histogram is right for its data."""

import math
import sys

import numpy as np

# TensorBoard's limits are 0 and +-1e-12 * 1.1^k below 1e20; the largest double is above them all.
SMALLEST, GROWTH, LAST_PLACE = 1e-12, 1.1, 775
FLOAT32_MAX = float(np.finfo(np.float32).max)


def check_histogram(histogram, data, where):
    """|data| is an array, or the call that logged ready-made buckets."""
    if isinstance(data, dict):
        _check_raw(histogram, data, where)
    else:
        _check_reduced(histogram, data[np.isfinite(data)], where)


def _check_reduced(histogram, data, where):
    assert histogram.count == histogram.counts.sum() == len(data), where
    if not len(data):
        return
    # The slow loader makes float32 of them.
    wanted = np.clip([data.min(), data.max()], -FLOAT32_MAX, FLOAT32_MAX)
    assert [histogram.minimum, histogram.maximum] == wanted.tolist(), where
    _check_sum(histogram.total, data, where)
    _check_sum(histogram.total_of_squares, _squares(data), where)
    # Bucket i has the values from limit i - 1, which it includes, to limit i.
    places = np.searchsorted(histogram.limits, data, side="right")
    wanted = np.bincount(places, minlength=len(histogram.limits) + 1)
    assert wanted[-1] == 0, f"{where}: values above the last limit"
    assert np.array_equal(histogram.counts, wanted[:-1]), where
    _check_limits(histogram.limits, where)


def _squares(data):
    with np.errstate(over="ignore", under="ignore"):
        return data * data


def _check_sum(total, data, where):
    """To within the rounding of a plain sum of doubles; a sum that overflows may be anything."""
    try:
        exact = math.fsum(data)
    except OverflowError:
        return
    if math.isfinite(exact) and abs(exact) < 1e300:
        scale = math.fsum(np.abs(data)) or 1.0
        assert abs(total - exact) <= 1e-12 * scale, f"{where}: sum {total}, not {exact}"


def _check_limits(limits, where):
    """Each is one of TensorBoard's, and none between the first and the last is left out."""
    places = [_place(limit, where) for limit in limits]
    steps = np.diff(places)
    assert np.all(steps == 1), f"{where}: limits {limits}"


def _place(limit, where):
    """0 for the limit 0, 1 for 1e-12, 2 for 1.1e-12, -1 for -1e-12 and so on."""
    if limit == 0:
        return 0
    if limit == sys.float_info.max:
        return LAST_PLACE
    place = 1 + (math.log(abs(limit)) - math.log(SMALLEST)) / math.log(GROWTH)
    assert abs(place - round(place)) < 1e-6, f"{where}: {limit} is not one of the limits"
    assert round(place) < LAST_PLACE, f"{where}: {limit} is beyond the limits"
    return int(math.copysign(round(place), limit))


def _check_raw(histogram, call, where):
    edges = np.array([float.fromhex(x) for x in call["edges"]])
    counts = np.array([float.fromhex(x) for x in call["counts"]])
    used = np.flatnonzero(counts)
    if not len(used):
        assert histogram.count == 0 and len(histogram.counts) == 0, where
        return
    first, last = used[0], used[-1]
    lowest, highest = (float.fromhex(x) for x in call["range"])
    if lowest == highest == 0:
        lowest, highest = edges[first], edges[last + 1]
    assert (histogram.minimum, histogram.maximum) == (lowest, highest), where
    assert histogram.count == counts.sum(), where
    assert np.array_equal(histogram.counts, counts[first:last + 1]), where
    assert np.array_equal(histogram.limits[:-1], edges[first + 1:last + 1]), where
    middles = (edges[:-1] + edges[1:]) / 2
    sums = [float.fromhex(x) for x in call["sums"]]
    if sums == [0, 0]:
        sums = [(counts * middles).sum(), (counts * middles * middles).sum()]
    assert np.allclose([histogram.total, histogram.total_of_squares], sums, rtol=1e-12), where
