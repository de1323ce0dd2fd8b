"""The event files hold what was logged: TensorBoard's and TensorFlow's readers, and tbparse."""

import os

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import (
    STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator)
from tensorboard.compat.proto import event_pb2

import event_files
import journal
import runs
from checks import check_picture
from histograms import check_histogram
from runs import bit_series, bits


def test_journal_holds_data_of_every_kind(logged):
    assert sorted(logged) == ["nested/größe 1/clocked", "train", "validation"]
    for tags in logged["train"].kinds().values():
        assert len(tags) > 5
    assert len(logged["train"].graph.node) > 10


def test_runs_and_tags_are_those_logged(logged, parsed):
    assert sorted(parsed) == sorted(logged)
    for name, run in logged.items():
        for kind, tags in run.kinds().items():
            assert list(parsed[name].kinds()[kind]) == list(tags), f"{kind} of {name}"


def test_files_have_the_suffix_asked_for(known_folder, known_logs):
    wanted = journal.suffixes(os.path.join(known_folder, "journal"))
    for name, paths in runs.event_files(known_logs).items():
        assert len(paths) == len(wanted[name])
        for path, suffix in zip(paths, wanted[name]):
            assert path.endswith(suffix)


def test_files_begin_with_the_version(known_logs):
    for paths in runs.event_files(known_logs).values():
        for path in paths:
            events = event_files.read_events(path)
            assert events[0].file_version == "brain.Event:2"
            assert all(not event.file_version for event in events[1:])


def test_scalars_are_those_logged_bit_for_bit(logged, parsed):
    for name, run in logged.items():
        for tag, series in run.scalars.items():
            assert bit_series(parsed[name].scalars[tag]) == bit_series(series), f"{name} {tag}"


def test_texts_are_those_logged(logged, parsed):
    for name, run in logged.items():
        assert parsed[name].texts == run.texts


def test_names_are_those_given(logged, parsed):
    for name, run in logged.items():
        given = {tag: names for tag, names in run.names.items() if any(names)}
        assert parsed[name].names == given


def test_wall_times_are_finite_and_never_fall(parsed):
    for name, run in parsed.items():
        for tag, times in run.wall_times.items():
            assert np.all(np.isfinite(times)) and np.all(np.diff(times) >= 0), f"{name} {tag}"
            assert min(times) > 1e9, f"{name} {tag}"


def test_wall_times_are_those_of_the_clock(parsed):
    times = parsed["nested/größe 1/clocked"].wall_times
    first = times["clocked"][0]
    assert 1.6e9 <= first < 1.6e9 + 1  # the clock ticks from there, at most once for the file
    assert times["clocked"] == [first + 0.25 * i for i in range(100)]
    assert times["clocked_too"] == [first + 0.25 * 100]


def test_wall_times_are_those_given(parsed):
    times = parsed["nested/größe 1/clocked"].wall_times
    for tag in "given/histogram", "given/text", "given/image":
        assert times[tag] == [1.2e9 + 0.5, 1.2e9 + 1.5]
    assert times["given/no_more"] == [1.6e9 + 0.25 * 102]


def test_histograms_hold_every_finite_value(logged, parsed):
    for name, run in logged.items():
        for tag, series in run.histograms.items():
            read = parsed[name].histograms[tag]
            assert [step for step, _ in read] == [step for step, _ in series]
            for (_, histogram), (_, data) in zip(read, series):
                check_histogram(histogram, data, f"{name} {tag}")


def test_images_have_the_pixels_logged(logged, parsed):
    for name, run in logged.items():
        for tag, series in run.images.items():
            read = parsed[name].images[tag]
            assert [(step, len(samples)) for step, samples in read] == \
                [(step, len(samples)) for step, samples in series], f"{name} {tag}"
            for (step, encoded), (_, wanted) in zip(read, series):
                for i, (got, want) in enumerate(zip(encoded, wanted)):
                    check_picture(got, want, f"{name} {tag} step {step} sample {i}")


def test_graphs_are_those_logged(logged, parsed):
    for name, run in logged.items():
        assert (parsed[name].graph is None) == (run.graph is None), name
    built = parsed["train"].graph
    assert built.versions.producer > 0
    assert list(built.node) == list(logged["train"].graph.node)
    assert parsed["validation"].graph == logged["validation"].graph


def test_graph_def_bytes_are_unchanged(known_folder, known_logs):
    with open(os.path.join(known_folder, "inputs", "graph_def.pb"), "rb") as file:
        given = file.read()
    paths = runs.event_files(known_logs)["validation"]
    graphs = [event.graph_def for path in paths for event in event_files.read_events(path)
              if event.graph_def]
    assert graphs == [given]


def test_tensorflow_reads_the_same_events(known_logs):
    from tensorflow.compat.v1.train import summary_iterator
    for paths in runs.event_files(known_logs).values():
        for path in paths:
            events = [event.SerializeToString(deterministic=True)
                      for event in summary_iterator(path)]
            wanted = [event.SerializeToString(deterministic=True)
                      for event in event_files.read_events(path)]
            assert events == wanted
            assert all(event_pb2.Event.FromString(event).wall_time > 0 for event in events)


def test_event_accumulator_reads_the_same(known_logs, logged, parsed):
    for name, run in logged.items():
        reader = EventAccumulator(os.path.join(known_logs, name),
                                  size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
        reader.Reload()
        tags = reader.Tags()
        assert sorted(tags["scalars"]) == sorted(run.scalars)
        assert sorted(tags["histograms"]) == sorted(run.histograms)
        assert tags["graph"] == (run.graph is not None)
        for tag, series in run.scalars.items():
            read = [(event.step, bits(event.value)) for event in reader.Scalars(tag)]
            assert read == bit_series(series), f"{name} {tag}"
        for tag, series in run.histograms.items():
            assert [event.step for event in reader.Histograms(tag)] == [s for s, _ in series]
        assert_same_images(reader, tags["images"], parsed[name])


def assert_same_images(reader, tags, run):
    """It takes in the steps that have one picture; others are tensors to it."""
    single = {tag: [(step, samples[0]) for step, samples in series if len(samples) == 1]
              for tag, series in run.images.items()}
    assert sorted(tags) == sorted(tag for tag, series in single.items() if series)
    for tag in tags:
        read = [(event.step, event.encoded_image_string) for event in reader.Images(tag)]
        assert read == single[tag], tag


def test_tbparse_reads_the_same(known_logs, logged):
    from tbparse import SummaryReader
    for name, run in logged.items():
        # Unless it reads tensors too, it keeps one text of a tag.
        reader = SummaryReader(os.path.join(known_logs, name),
                               event_types={"scalars", "text", "tensors"})
        read = {tag: [] for tag in run.scalars}
        for row in reader.scalars.itertuples():
            read[row.tag].append((row.step, bits(row.value)))
        assert read == {tag: bit_series(series) for tag, series in run.scalars.items()}
        if run.texts:
            texts = [(row.tag, row.step, row.value) for row in reader.text.itertuples()]
            assert sorted(texts) == sorted((tag, step, text) for tag, series in run.texts.items()
                                           for step, text in series)


def test_tbparse_reads_histograms(known_logs, logged):
    from tbparse import SummaryReader
    reader = SummaryReader(os.path.join(known_logs, "train"), event_types={"histograms"})
    wanted = sum(len(series) for series in logged["train"].histograms.values())
    assert len(reader.histograms) == wanted


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_reader_refuses_damaged_files(known_logs, tmp_path, damage):
    """The reader that the tests above trust does check."""
    path = runs.event_files(known_logs)["nested/größe 1/clocked"][0]
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    else:
        del data[-1]
    damaged = tmp_path / "events.out.tfevents.0"
    damaged.write_bytes(data)
    with pytest.raises(Exception, match="crc32|truncated"):
        event_files.read_events(str(damaged))
