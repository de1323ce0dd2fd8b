"""Audio: what stock TensorBoard and other readers make of the clips that log_audio logs."""

import csv
import io
import urllib.error
import wave

import numpy as np
import pytest
import tensorflow as tf
from tbparse import SummaryReader
from tensorboard.backend.event_processing.event_accumulator import (
    STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator)
from tensorboard.plugins.audio import metadata as audio_metadata

import event_files
import runs

SCALES = {"int8": (0, 2.0**8), "uint8": (2**7, 2.0**8), "int16": (0, 1.0), "uint16": (2**15, 1.0),
          "int32": (0, 2.0**-16), "uint32": (2**31, 2.0**-16)}


class Clip:
    """A clip as it was passed to the library: elements of frames x channels, or a whole file."""

    def __init__(self, row, inputs):
        self.run, self.tag, self.type = row[0], row[1], row[4]
        self.step, self.sample = int(row[2]), int(row[3])
        self.frames, self.channels, self.rate = int(row[5]), int(row[6]), float(row[7])
        data = (inputs / row[8]).read_bytes()
        if self.type == "wav":
            self.file = data
        else:
            self.elements = self._read(data).reshape(self.frames, self.channels)
            self.file = self._encode()

    def _read(self, data):
        if self.type == "bfloat16":
            return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(data, np.dtype(self.type).newbyteorder("<"))

    def pcm(self):
        """The samples as the header of tblog defines them."""
        middle, factor = SCALES.get(self.type, (0, 2.0**15))
        exact = np.nan_to_num((self.elements.astype(np.float64) - middle) * factor)
        exact = np.clip(exact, -32768, 32767)
        whole = np.trunc(exact)
        return (whole + np.sign(exact) * (np.abs(exact - whole) >= 0.5)).astype("<i2")

    def clipped(self):
        if self.type == "wav" or self.type in SCALES:
            return 0
        return int(np.sum(~(np.abs(self.elements.astype(np.float64)) <= 1)))

    def _encode(self):
        file = io.BytesIO()
        with wave.open(file, "wb") as w:
            w.setparams((self.channels, 2, int(self.rate + 0.5), 0, "NONE", ""))
            w.writeframes(self.pcm().tobytes())
        return file.getvalue()


@pytest.fixture(scope="module")
def logged(kind_inputs):
    """run -> tag -> step -> clips"""
    found = {}
    with open(kind_inputs / "index.tsv", newline="", encoding="utf-8") as f:
        for row in csv.reader(f, delimiter="\t"):
            clip = Clip(row, kind_inputs)
            steps = found.setdefault(clip.run, {}).setdefault(clip.tag, {})
            clips = steps.setdefault(clip.step, [])
            assert clip.sample == len(clips)
            clips.append(clip)
    assert len(found["ours"]) > 15 and len(found["encoded"]) == 2
    return found


@pytest.fixture(scope="module")
def ours(logged):
    return logged["ours"]


@pytest.fixture(scope="module")
def values(kind_logs):
    """Of the run "ours": tag -> [(step, the Summary.Value)]"""
    found = {}
    for path in runs.event_files(str(kind_logs))["ours"]:
        for event in event_files.read_events(path):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value))
    return found


def test_tags_have_their_samples_and_names(kind_server, logged):
    found = kind_server.plugin("audio", "tags")
    assert sorted(found) == sorted(logged)
    for run, tags in logged.items():
        assert sorted(found[run]) == sorted(tags)
        for tag, steps in tags.items():
            assert found[run][tag]["samples"] == max(map(len, steps.values())), f"{run} {tag}"
    tags = found["ours"]
    assert tags["several/twelve"]["displayName"] == "Zwölf Töne"
    assert "<em>ten</em>" in tags["several/twelve"]["description"]
    assert tags["hard"]["displayName"] == "Hard"
    assert "one" in tags["hard"]["description"]


def served(server, run, tag, sample):
    """step -> file, each with the type of WAV"""
    found = {}
    for entry in server.plugin("audio", "audio", run=run, tag=tag, sample=sample):
        assert entry["contentType"] == "audio/wav", tag
        body, mime = server.get("plugin/audio/individualAudio?" + entry["query"])
        assert mime == "audio/wav", tag
        found[entry["step"]] = body
    return found


def check_sample(server, run, tag, steps, sample):
    files = served(server, run, tag, sample)
    assert list(files) == list(steps), f"{run} {tag} {sample}"
    for step, file in files.items():
        assert file == steps[step][sample].file, f"{run} {tag} {step} {sample}"


def test_every_clip_is_served_as_it_is(kind_server, logged):
    for run, tags in logged.items():
        for tag, steps in tags.items():
            for sample in range(min(map(len, steps.values()))):
                check_sample(kind_server, run, tag, steps, sample)


def test_clips_have_their_rate_and_duration(kind_server, ours):
    """What a player reads of the files that are served."""
    for tag, sample in (("rates", 0), ("channels", 0), ("several/twelve", 11)):
        for step, file in served(kind_server, "ours", tag, sample).items():
            clip = ours[tag][step][sample]
            with wave.open(io.BytesIO(file)) as w:
                assert w.getframerate() == int(clip.rate + 0.5)
                assert w.getnchannels() == clip.channels
                assert w.getsampwidth() == 2
                assert w.getnframes() == clip.frames


def test_a_tag_may_have_one_clip_at_some_steps_and_several_at_others(kind_server, ours):
    """The Python loader takes a message that comes after a tensor for something else."""
    for tag in ("one_then_three", "three_then_one"):
        check_sample(kind_server, "ours", tag, ours[tag], 0)
        wanted = {step: clips for step, clips in ours[tag].items() if len(clips) == 3}
        check_sample(kind_server, "ours", tag, wanted, 2)


def test_server_does_not_complain(kind_server):
    assert kind_server.complaints() == []


def test_the_first_sample_that_a_step_lacks_is_an_error_of_tensorboards(kind_server):
    """As the header says.  It makes the server complain, so it comes after the test that it does
    not."""
    for tag in ("one_then_three", "three_then_one"):
        with pytest.raises(urllib.error.HTTPError, match="500"):
            served(kind_server, "ours", tag, 1)


def all_clips(tags):
    return [clip for steps in tags.values() for clips in steps.values() for clip in clips]


def test_clipped_samples_are_counted(kind_inputs, ours):
    expected = sum(clip.clipped() for clip in all_clips(ours))
    assert expected >= 7
    assert int((kind_inputs / "clipped.txt").read_text()) == expected


def test_metadata_says_wav(values):
    """Without this content and class the fast loader serves bytes of no type."""
    for tag, series in values.items():
        metadata = series[0][1].metadata
        assert metadata.plugin_data.plugin_name == "audio"
        assert metadata.plugin_data.content == b"\x10\x0b"
        assert audio_metadata.parse_plugin_metadata(metadata.plugin_data.content).encoding == 11
        assert metadata.data_class == 3
        names = {"several/twelve": "Zwölf Töne", "hard": "Hard"}
        assert metadata.display_name == names.get(tag, "")


def test_event_accumulator_reads_single_clips(kind_logs, logged):
    for run, tags in logged.items():
        accumulator = EventAccumulator(str(kind_logs / run), STORE_EVERYTHING_SIZE_GUIDANCE)
        accumulator.Reload()
        for tag, steps in tags.items():
            if any(len(clips) > 1 for clips in steps.values()):
                continue
            events = accumulator.Audio(tag)
            assert [event.step for event in events] == list(steps)
            for event in events:
                clip = steps[event.step][0]
                assert event.encoded_audio_string == clip.file
                assert event.content_type == "audio/wav"
                assert event.sample_rate == int(clip.rate + 0.5)
                assert event.length_frames == clip.frames


def test_tbparse_reads_single_clips(kind_logs, ours):
    """It asks TensorFlow, which takes WAV files of 16 bit alone."""
    table = SummaryReader(str(kind_logs / "ours"), event_types={"audio"}).audio
    for tag in ("types/float32", "types/int16", "channels"):
        rows = table[table["tag"] == tag]
        assert list(rows["step"]) == list(ours[tag])
        for _, row in rows.iterrows():
            clip = ours[tag][row["step"]][0]
            np.testing.assert_array_equal(np.asarray(row["value"]) * 32768, clip.pcm())


def test_files_are_those_of_tensorflow(ours):
    """Which takes float32 alone."""
    clips = [clip for clip in all_clips(ours)
             if clip.type == "float32" and np.all(np.isfinite(clip.elements))]
    assert len(clips) > 50
    for clip in clips:
        file = tf.audio.encode_wav(clip.elements, int(clip.rate + 0.5)).numpy()
        assert file == clip.file, f"{clip.tag} {clip.step} {clip.sample}"


def test_single_clips_are_those_of_tf1_summary(ours, values):
    """Field by field, but for a tag that TensorFlow makes of its own and the metadata."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for tag in ("types/float32", "channels"):
            for step, value in values[tag]:
                clip = ours[tag][step][0]
                op = tf.compat.v1.summary.audio("clip", clip.elements[np.newaxis], clip.rate)
                theirs = tf.compat.v1.Summary.FromString(session.run(op)).value[0].audio
                assert value.audio.encoded_audio_string == theirs.encoded_audio_string
                assert value.audio.sample_rate == theirs.sample_rate
                assert value.audio.num_channels == theirs.num_channels
                assert value.audio.length_frames == theirs.length_frames
                assert value.audio.content_type == theirs.content_type
                assert ({field.name for field, _ in value.audio.ListFields()}
                        == {field.name for field, _ in theirs.ListFields()})


def test_several_clips_are_those_of_tf2_summary(tmp_path, values):
    """TensorFlow pairs each clip with an empty label, [n, 2]; with a data class the Python loader
    would take those labels for clips, so ours are [n].  And it sets no data class."""
    x = np.stack([np.sin(np.arange(300) * 0.1 * k).astype(np.float32)[:, np.newaxis]
                  for k in range(1, 4)])
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.audio("clips", x, 44100, step=1, description="d")
        tf.summary.flush()
    [path] = runs.event_files(str(tmp_path))["."]
    [theirs] = [value for event in event_files.read_events(path) for value in event.summary.value]
    ours = values["several/two"][0][1]
    assert theirs.tensor.dtype == ours.tensor.dtype
    assert [dim.size for dim in theirs.tensor.tensor_shape.dim] == [3, 2]
    assert [dim.size for dim in ours.tensor.tensor_shape.dim] == [2]
    assert theirs.metadata.plugin_data == ours.metadata.plugin_data
    assert theirs.metadata.data_class == 0 and ours.metadata.data_class == 3
    assert theirs.tensor.string_val[1::2] == [b""] * 3
    for file in theirs.tensor.string_val[::2]:
        assert file[:4] == ours.tensor.string_val[0][:4] == b"RIFF"
