"""Compares what TensorBoard serves (|answers|) with what it should: run name -> Run, both."""

import numpy as np
from tensorboard.plugin_util import markdown_to_safe_html

import runs
from runs import bit_series

# The slow loader makes float32 of histograms.
FLOAT32_ROUNDING = 1e-7


def check_scalars(answers, wanted):
    for name, run in wanted.items():
        for tag, series in run.scalars.items():
            assert bit_series(answers[name].scalars[tag]) == bit_series(series), f"{name} {tag}"


def check_bins(answers, files, most_steps=None):
    """|most_steps|: the dashboard leaves steps out of longer series."""
    for name, run in files.items():
        for tag, series in run.histograms.items():
            got, wanted = dict(answers[name].histograms[tag]), dict(series)
            if most_steps is None or len(series) <= most_steps:
                assert list(got) == list(wanted), f"{name} {tag}: steps"
            assert set(got) <= set(wanted) and series[-1][0] in got, f"{name} {tag}: steps"
            for step, bins in got.items():
                _check_bins(bins, wanted[step], f"{name} {tag} step {step}")


def _check_bins(bins, histogram, where):
    if not len(histogram.counts):
        assert len(bins) == 0, where
        return
    inner = histogram.limits[:-1]
    wanted = np.stack([np.append(histogram.minimum, inner), np.append(inner, histogram.maximum),
                       histogram.counts], axis=1)
    assert bins.shape == wanted.shape, where
    assert np.all(bins[:, 0] <= bins[:, 1]), f"{where}: buckets that run backwards"
    assert np.allclose(bins, wanted, rtol=FLOAT32_ROUNDING, atol=1e-30), where


def finite_count(data):
    """How many values a histogram should have: of an array or of ready-made buckets."""
    if isinstance(data, dict):
        return sum(float.fromhex(count) for count in data["counts"])
    return np.isfinite(data).sum()


def check_pictures(answers, wanted):
    for name, run in wanted.items():
        for tag, series in run.images.items():
            got = answers[name].images[tag]
            # The server lists the steps of the first sample before those of the second.
            assert sorted((step, len(samples)) for step, samples in got) == \
                [(step, len(samples)) for step, samples in series], f"{name} {tag}"
            got = dict(got)
            for step, samples in series:
                for i, sample in enumerate(samples):
                    body, content_type = got[step][i]
                    where = f"{name} {tag} step {step} sample {i}"
                    assert content_type.startswith("image/"), f"{where}: {content_type}"
                    check_picture(body, sample, where)


def check_picture(encoded, wanted, where):
    """|wanted| is the file that was logged, or journal.Pixels."""
    if isinstance(wanted, bytes):
        assert encoded == wanted, f"{where}: the file's bytes have changed"
        return
    problem = wanted.problem(runs.decode_image(encoded))
    assert problem is None, f"{where}: {problem}"


def check_texts(answers, wanted):
    for name, run in wanted.items():
        for tag, series in run.texts.items():
            rendered = [(step, markdown_to_safe_html(text)) for step, text in series]
            assert answers[name].texts[tag] == rendered, f"{name} {tag}"


def check_names(answers, wanted):
    for name, run in wanted.items():
        for tag, (shown, description) in answers[name].names.items():
            given_name, given_description = run.names.get(tag, ("", ""))
            # Without a name one loader says nothing and the other the tag; the page shows the tag.
            assert shown == given_name or (not given_name and shown == tag), f"{name} {tag}"
            assert description == markdown_to_safe_html(given_description), f"{name} {tag}"


def check_graph(answers, wanted):
    for name, run in wanted.items():
        got = answers[name].graph
        assert (got is None) == (run.graph is None), name
        if got is not None:
            assert list(got.node) == list(run.graph.node), name
            assert got.library == run.graph.library, name
