"""Stock TensorBoard serves pictures of all forms, and videos, as they should be."""

import io

import numpy as np
import pytest
from PIL import Image
from tensorboard.compat.proto import summary_pb2

import animation
import event_files
import pictures
import runs
import served


@pytest.fixture(scope="module")
def calls(kind_inputs):
    return pictures.read_calls(kind_inputs)


@pytest.fixture(scope="module")
def answers(kind_server):
    """tag -> [(bytes, content type) of each sample] of its one step, which is checked."""
    run = served.read(kind_server)["."]
    return {tag: _only_step(series) for tag, series in run.images.items()}, kind_server


def _only_step(series):
    (step, samples), = series
    return step, samples


def of(calls, name):
    found = [call for call in calls if call["call"] == name and "unsupported" not in call]
    assert found
    return found


def decoded(answers, call):
    step, samples = answers[0][call["tag"]]
    assert step == call["step"]
    assert all(content_type == "image/png" for _, content_type in samples)
    return [runs.decode_image(data) for data, _ in samples]


def same(got, wanted, where):
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, where
    wrong = np.argwhere(got != wanted)
    assert len(wrong) == 0, f"{where}: {len(wrong)} samples differ, the first at {wrong[0]}"


def test_every_tag_is_there_and_no_other(answers, calls):
    logged = {call["tag"] for call in calls if "unsupported" not in call}
    assert set(answers[0]) == logged


def test_colors_are_those_of_matplotlib_and_ranges_are_kept(answers, calls, kind_inputs):
    for call in of(calls, "with"):
        if not call["boxes"]:
            wanted = pictures.samples(pictures.read_array(kind_inputs, call), call)[0, 0]
            picture, = decoded(answers, call)
            same(picture, pictures.scaled(wanted, call), call["tag"])


def test_boxes_are_drawn_where_they_are_asked_for(answers, calls, kind_inputs):
    for call in of(calls, "with"):
        if call["boxes"]:
            plain = pictures.samples(pictures.read_array(kind_inputs, call), call)[0, 0]
            wanted, strips = pictures.draw_boxes(pictures.scaled(plain, call), call)
            picture, = decoded(answers, call)
            picture = picture.copy()
            check_texts(picture, strips, call["tag"])
            for strip in strips:
                picture[strip.area()] = wanted[strip.area()]
            same(picture, wanted, call["tag"])


def test_scaled_pictures_have_the_size_of_tensorboardx(answers, calls, kind_inputs):
    """Its filter is another of Pillow's; ours is Pillow's box."""
    from tensorboardX.summary import make_image
    call, = [call for call in calls if call["tag"] == "scale/half"]
    array = pictures.read_array(kind_inputs, call)[0, 0]
    theirs = runs.decode_image(make_image(array, rescale=call["scale"]).encoded_image_string)
    box = np.asarray(Image.fromarray(array).resize((30, 20), Image.Resampling.BOX))
    picture, = decoded(answers, call)
    assert picture.shape == theirs.shape == (20, 30, 3)
    assert np.abs(picture.astype(int) - box).max() <= 1


def check_texts(picture, strips, where):
    """Where no later strip covers one, it has nothing but two colours; of text as much as letters
    have."""
    covered = np.zeros(picture.shape[:2], bool)
    for strip in reversed(strips):
        is_seen = ~covered[strip.area()]
        seen = picture[strip.area()][is_seen][:, :3]
        is_text = (seen == strip.text_color).all(axis=-1)
        assert (is_text | (seen == strip.color).all(axis=-1)).all(), where
        assert not is_seen.all() or 0.08 < is_text.mean() < 0.5, where
        covered[strip.area()] = True


def test_batches_are_samples_and_all_of_them(answers, calls, kind_inputs):
    for call in of(calls, "batch"):
        array = pictures.samples(pictures.read_array(kind_inputs, call), call)[0]
        got = decoded(answers, call)
        assert len(got) == len(array), call["tag"]
        for picture, wanted in zip(got, array):
            same(picture, pictures.scaled(wanted, call), call["tag"])
    assert max(call["shape"][1] for call in of(calls, "batch")) > 10


def test_batch_follows_its_strides(answers, calls, kind_inputs):
    call, = of(calls, "backwards")
    array = pictures.read_array(kind_inputs, call)[0]
    for picture, wanted in zip(decoded(answers, call), array[8::-2], strict=True):
        same(picture, wanted, call["tag"])


def test_grids_have_all_pictures(answers, calls, kind_inputs):
    for call in of(calls, "grid"):
        array = pictures.samples(pictures.read_array(kind_inputs, call), call)[0]
        picture, = decoded(answers, call)
        same(picture, pictures.scaled(pictures.grid(array, call), call), call["tag"])


# --- Videos --------------------------------------------------------------------------------------

def wanted_frames(call, folder):
    array = pictures.samples(pictures.read_array(folder, call), call)
    return [pictures.scaled(pictures.grid(array[:, i], call), call)
            for i in range(array.shape[1])]


def as_rgba(frame):
    """As Pillow has it: 8 bits, whatever the channels."""
    if frame.dtype == np.uint16:
        frame = (frame >> 8).astype(np.uint8)
    colors = frame[..., :-1] if frame.shape[-1] % 2 == 0 else frame
    alpha = frame[..., -1:] if frame.shape[-1] % 2 == 0 else np.full_like(frame[..., :1], 255)
    colors = np.repeat(colors, 3, axis=-1) if colors.shape[-1] == 1 else colors
    return np.concatenate([colors, alpha], axis=-1)


def of_format(calls, gif):
    found = [call for call in calls if call["call"] == "video" and call["gif"] == gif]
    if all("unsupported" in call for call in found):
        pytest.skip("tblog was built without giflib")
    return found


def served_video(answers, call, content_type):
    step, ((data, kind),) = answers[0][call["tag"]]
    assert step == call["step"] and kind == content_type
    return data


def test_videos_have_each_frame_exactly(answers, calls, kind_inputs):
    for call in of_format(calls, gif=False):
        data = served_video(answers, call, "image/png")
        frames = animation.split_apng(data)
        wanted = wanted_frames(call, kind_inputs)
        assert len(frames) == len(wanted) == call["shape"][1]
        for (png, seconds), frame in zip(frames, wanted):
            same(runs.decode_image(png), frame, call["tag"])
            assert seconds == pytest.approx(1 / (call["fps"] or 4), rel=1e-9)


def test_videos_play_in_pillow(answers, calls, kind_inputs):
    for call in of_format(calls, gif=False):
        frames = animation.pillow_frames(served_video(answers, call, "image/png"))
        wanted = wanted_frames(call, kind_inputs)
        assert len(frames) == len(wanted)
        for (image, seconds), frame in zip(frames, wanted):
            assert seconds == pytest.approx(1 / (call["fps"] or 4), rel=1e-9)
            if frame.dtype == np.uint8:  # Pillow rounds 16 bit in several ways
                same(np.asarray(image), as_rgba(frame), call["tag"])


def test_gifs_have_each_frame(answers, calls, kind_inputs):
    for call in of_format(calls, gif=True):
        frames = animation.pillow_frames(served_video(answers, call, "image/gif"))
        wanted = [on_white(frame) for frame in wanted_frames(call, kind_inputs)]
        assert len(frames) == len(wanted), call["tag"]
        assert sum(seconds for _, seconds in frames) == \
            pytest.approx(len(frames) / (call["fps"] or 4), abs=0.005)
        for (image, _), frame in zip(frames, wanted):
            got = np.asarray(image)[..., :3]
            colors = len(np.unique(frame.reshape(-1, 3), axis=0))
            if colors <= 256:
                same(got, frame, call["tag"])
            else:
                assert len(np.unique(got.reshape(-1, 3), axis=0)) == 256
                distance = np.abs(got.astype(int) - frame.astype(int))
                assert distance.mean() < 16 and distance.max() < 64, call["tag"]


def on_white(frame):
    rgba = as_rgba(frame).astype(np.float64)
    if frame.dtype == np.uint16:
        rgba = np.floor(frame / 257 + 0.5)
    alpha = rgba[..., 3:] / 255
    return np.floor(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)


# --- Beside other writers ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def values(kind_logs):
    """tag -> Summary.Value, as it is in the event file."""
    path, = runs.event_files(kind_logs)["."]
    return {value.tag: value for event in event_files.read_events(path)
            for value in event.summary.value}


def call_of(calls, tag):
    return next(call for call in calls if call["tag"] == tag)


def test_batch_is_as_tf_summary_has_it(values, calls, kind_inputs, tmp_path):
    """But for the data class, without which the fast loader would drop names and descriptions."""
    import tensorflow as tf
    call = call_of(calls, "batch/nhwc")
    data = pictures.read_array(kind_inputs, call)[0]
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.image(call["tag"], data, step=call["step"], max_outputs=len(data))
    path, = runs.event_files(tmp_path)["."]
    theirs = event_files.read_events(path)[-1].summary.value[0]
    ours = values[call["tag"]]
    assert ours.metadata.plugin_data.plugin_name == theirs.metadata.plugin_data.plugin_name
    assert ours.metadata.data_class == summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    assert ours.tensor.dtype == theirs.tensor.dtype
    assert ours.tensor.tensor_shape == theirs.tensor.tensor_shape
    assert ours.tensor.string_val[:2] == theirs.tensor.string_val[:2]
    for our, their in zip(ours.tensor.string_val[2:], theirs.tensor.string_val[2:], strict=True):
        same(runs.decode_image(our), runs.decode_image(their), "batch")


def test_grid_is_as_tensorboardx_has_it(values, calls, kind_inputs):
    """Theirs has no padding, and 8 columns; here the same are asked for."""
    from tensorboardX import utils
    call = call_of(calls, "grid/words")
    data = pictures.read_array(kind_inputs, call)[0]
    theirs = utils.make_grid(data.transpose(0, 3, 1, 2), ncols=3).transpose(1, 2, 0)
    picture = runs.decode_image(values[call["tag"]].image.encoded_image_string)
    same(picture, theirs.astype(np.uint16), call["tag"])


def test_video_is_as_tensorboardx_has_it(values, calls, kind_inputs):
    """Theirs is a GIF; the clips are in the same places."""
    from tensorboardX import utils
    call = call_of(calls, "video/ntchw")
    data = pictures.read_array(kind_inputs, call)
    theirs = utils._prepare_video(np.ascontiguousarray(data.transpose(0, 1, 4, 2, 3)))
    theirs = np.rint(theirs * 255).astype(np.uint8)
    value = values[call["tag"]]
    frames = animation.split_apng(value.image.encoded_image_string)
    for (png, _), frame in zip(frames, theirs, strict=True):
        same(runs.decode_image(png), frame, call["tag"])


def test_sizes_are_those_of_the_files(values):
    for value in values.values():
        if value.WhichOneof("value") == "image":
            data = value.image.encoded_image_string
            assert (value.image.width, value.image.height) == runs.image_size(data), value.tag
            bands = len(Image.open(io.BytesIO(data)).getbands())
            if not data.startswith(b"GIF") and not runs.is_16_bit_png(data):
                assert value.image.colorspace == bands, value.tag


def test_server_complains_of_nothing(answers):
    assert answers[1].complaints() == []
