"""The projector serves the embeddings that were logged, with either loader."""

import io
import os
import time

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboardX import SummaryWriter

RUN = "run"
THEIRS = "theirs"  # another writer's


class Call:
    def __init__(self, folder, number, line):
        step, count, dimensions, columns, width, height, channels, self.tag = line.split(" ", 7)
        self.step, self.count, self.columns = int(step), int(count), int(columns)
        self.title = f"{self.tag}:{str(self.step).zfill(5)}"  # as tensorboardX and torch have it
        stem = folder / str(number)
        points = np.fromfile(f"{stem}.points").reshape(int(count), int(dimensions))
        # The page shows nothing of fewer than three dimensions.
        self.points = np.pad(points, ((0, 0), (0, max(0, 3 - int(dimensions)))))
        self.cells = self.header = self.pictures = self.bookmarks = None
        if os.path.exists(f"{stem}.bookmarks"):
            with open(f"{stem}.bookmarks", "rb") as file:
                self.bookmarks = file.read()
        if self.columns:
            self.cells = texts(f"{stem}.cells", self.columns)
        if self.columns > 1:
            (self.header,) = texts(f"{stem}.header", self.columns)
        if int(width):
            self.pictures = np.fromfile(f"{stem}.pictures", np.uint8).reshape(
                int(count), int(height), int(width), int(channels))


def texts(path, columns):
    with open(path, "rb") as file:
        *cells, rest = file.read().decode("utf-8").split("\0")
    assert rest == ""
    return [cells[i:i + columns] for i in range(0, len(cells), columns)]


@pytest.fixture(scope="module")
def calls(kind_inputs):
    lines = (kind_inputs / "calls.txt").read_text("utf-8").splitlines()
    return [Call(kind_inputs, i, line) for i, line in enumerate(lines)]


@pytest.fixture(scope="module")
def config(kind_logs):
    """title -> EmbeddingInfo, from the file."""
    parsed = text_format.Parse((kind_logs / RUN / "projector_config.pbtxt").read_text("utf-8"),
                               ProjectorConfig())
    found = {entry.tensor_name: entry for entry in parsed.embeddings}
    assert len(found) == len(parsed.embeddings)
    return found


@pytest.fixture(scope="module")
def info(kind_server):
    """title -> what the server says of an embedding."""
    answer = kind_server.plugin("projector", "info", run=RUN)
    return {entry["tensorName"]: entry for entry in answer["embeddings"]}


def served_title(call):
    return call.title.removesuffix(":0")  # TensorBoard's habit


# --- the files ------------------------------------------------------------------------------------


def test_config_lists_all(calls, config):
    assert list(config) == [THEIRS] + [call.title for call in calls]


def test_config_keeps_what_was_there(kind_logs):
    text = (kind_logs / RUN / "projector_config.pbtxt").read_text("utf-8")
    assert text.startswith(
        "# by hand\n"
        "embeddings: < tensor_name:'theirs' tensor_path : \"theirs.tsv\", # } not the end\n"
        "  tensor_shape: 2; tensor_shape: 3 >\n"
        "embeddings {\n")


def test_paths_stay_in_the_run(kind_logs, config):
    """TensorBoard refuses others."""
    run = os.path.realpath(kind_logs / RUN)
    folders = set()
    for title, entry in config.items():
        for path in (entry.tensor_path, entry.metadata_path, entry.sprite.image_path,
                     entry.bookmarks_path):
            assert not path or os.path.realpath(os.path.join(run, path)).startswith(run + "/")
            assert not path.startswith(("/", "~"))
        assert "tfevents" not in os.path.dirname(entry.tensor_path)
        folders.add(os.path.dirname(entry.tensor_path))
        assert os.path.isfile(os.path.join(run, entry.tensor_path)), title
    assert len(folders) == len(config)  # none shares one with another
    assert sorted(os.listdir(kind_logs)) == [RUN]


def test_nothing_else_is_left(kind_logs, config):
    wanted = {path for entry in config.values()
              for path in (entry.tensor_path, entry.metadata_path, entry.sprite.image_path,
                           entry.bookmarks_path) if path}
    run = kind_logs / RUN
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    others = {name for name in found - wanted if "tfevents" not in name.split("/")[-1]}
    assert others == {"projector_config.pbtxt", ".tblog.lock"}


def test_numbers_are_as_short_as_can_be(kind_logs, calls, config):
    call = next(call for call in calls if call.tag == "words")
    lines = (kind_logs / RUN / config[call.title].tensor_path).read_text().splitlines()
    for line, point in zip(lines, np.float32(call.points), strict=True):
        for text, value in zip(line.split("\t"), point, strict=True):
            assert text == np.format_float_positional(value, trim="-")


def test_config_is_that_of_tensorboardx(calls, config, tmp_path):
    """But for the folders' names and the shapes, which they leave out."""
    chosen = [call for call in calls if call.tag in ("words", "columns", "colours", "views/bytes")]
    with SummaryWriter(str(tmp_path)) as writer:
        for call in chosen:
            metadata = call.cells
            if call.columns == 1:
                metadata = [row[0] for row in call.cells]
            pictures = call.pictures
            if pictures is not None:
                pictures = pictures.transpose(0, 3, 1, 2) / 255  # only 0 and 1
            writer.add_embedding(np.float32(call.points), metadata, pictures, call.step, call.tag,
                                 call.header)
    theirs = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    for call, their in zip(chosen, theirs.embeddings, strict=True):
        our = config[call.title]
        assert our.tensor_name == their.tensor_name
        assert os.path.basename(our.tensor_path) == os.path.basename(their.tensor_path)
        assert os.path.basename(our.metadata_path) == os.path.basename(their.metadata_path)
        assert os.path.basename(our.sprite.image_path) == os.path.basename(their.sprite.image_path)
        assert list(our.sprite.single_image_dim) == list(their.sprite.single_image_dim)
        assert list(our.tensor_shape) == list(call.points.shape) and not their.tensor_shape


def test_files_are_those_of_tensorboardx(kind_logs, calls, config, tmp_path):
    words, colours = (next(call for call in calls if call.tag == tag)
                      for tag in ("words", "colours"))
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_embedding(np.float32(words.points), [row[0] for row in words.cells], None, 0,
                             "words")
        writer.add_embedding(np.float32(colours.points), None,
                             colours.pictures.transpose(0, 3, 1, 2) / 255, 0, "colours")
    theirs = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    for call, their in zip((words, colours), theirs.embeddings, strict=True):
        our = config[call.title]
        assert np.array_equal(np.loadtxt(kind_logs / RUN / our.tensor_path, np.float32),
                              np.loadtxt(tmp_path / their.tensor_path, np.float32))
        if our.metadata_path:
            assert (kind_logs / RUN / our.metadata_path).read_bytes() == \
                (tmp_path / their.metadata_path).read_bytes()
        if our.sprite.image_path:
            ours = Image.open(kind_logs / RUN / our.sprite.image_path)
            side = grid_side(call)
            # Theirs has something of its own where there is no picture.
            for number in range(call.count):
                assert cell(np.asarray(ours), number, side, 4, 4).tolist() == \
                    cell(np.asarray(Image.open(tmp_path / their.sprite.image_path)), number, side,
                         4, 4).tolist()


# --- what is served -------------------------------------------------------------------------------


def test_dashboard_becomes_active(kind_server):
    """At the second question, or a little later."""
    for _ in range(50):
        if kind_server.json("plugins_listing")["projector"]["enabled"]:
            return
        time.sleep(0.1)
    raise AssertionError("the projector stays inactive")


def test_run_is_served(kind_server):
    assert kind_server.plugin("projector", "runs") == [RUN]


def test_info_lists_all(info, calls):
    assert list(info) == [THEIRS] + [served_title(call) for call in calls]
    for call in calls:
        entry = info[served_title(call)]
        count, dimensions = entry["tensorShape"]
        assert (count, dimensions) == call.points.shape
        assert count > 1 and dimensions > 2  # or the page leaves it out, or shows nothing
        assert ("metadataPath" in entry) == (call.cells is not None)
        assert ("sprite" in entry) == (call.pictures is not None)
        if call.pictures is not None:
            _, height, width, _ = call.pictures.shape
            assert entry["sprite"]["singleImageDim"] == [width, height]


def test_tensors_are_those_logged(kind_server, calls):
    """Bit for bit as float32; for one, what TensorBoard reads as text if it were not text."""
    for call in calls:
        body, content_type = kind_server.get("plugin/projector/tensor", run=RUN,
                                             name=served_title(call))
        assert content_type == "application/octet-stream"
        assert body == np.float32(call.points).tobytes(), call.title
    body, _ = kind_server.get("plugin/projector/tensor", run=RUN, name=THEIRS)
    assert np.frombuffer(body, np.float32).tolist() == [1, 2, 3, 4, 5, 6]


def clean(cell):
    return "".join(" " if c < " " or c == "\x7f" else c for c in cell)


def shown_rows(call):
    """The rows as the page makes them of the file's lines: those that seem empty are skipped."""
    rows = [[clean(cell) for cell in row] for row in call.cells]
    for row in rows:
        if not "\t".join(row).strip().strip("\u200b"):
            row[0] = "-"
    return rows


def test_metadata_is_that_logged(kind_server, calls):
    for call in calls:
        if call.cells is None:
            continue
        body, _ = kind_server.get("plugin/projector/metadata", run=RUN, name=served_title(call))
        text = body.decode("utf-8")
        assert text.endswith("\n")
        lines = [line.split("\t") for line in text[:-1].split("\n")]
        header = [[clean(name) for name in call.header]] if call.columns > 1 else []
        assert lines == header + shown_rows(call), call.title
        assert all("\t".join(line).strip() for line in lines)  # or points would get others' labels


def grid_side(call):
    return int(np.ceil(np.sqrt(call.count)))


def cell(sprite, number, side, height, width):
    row, column = divmod(number, side)
    return sprite[row * height:(row + 1) * height, column * width:(column + 1) * width]


def test_sprites_have_the_pictures_in_a_square(kind_server, calls):
    """The page takes the pictures of a row for those of a column, too."""
    for call in calls:
        if call.pictures is None:
            continue
        body, content_type = kind_server.get("plugin/projector/sprite_image", run=RUN,
                                             name=served_title(call))
        assert content_type == "image/png"
        sprite = np.asarray(Image.open(io.BytesIO(body)))
        _, height, width, channels = call.pictures.shape
        sprite = sprite.reshape(sprite.shape[0], sprite.shape[1], channels)
        side = grid_side(call)
        assert sprite.shape == (side * height, side * width, channels)
        for number, picture in enumerate(call.pictures):
            assert np.array_equal(cell(sprite, number, side, height, width), picture), call.title


def test_bookmarks_are_those_logged(kind_server, info, calls):
    for call in calls:
        assert bool(info[served_title(call)].get("bookmarksPath")) == (call.bookmarks is not None)
    call, = (call for call in calls if call.bookmarks)
    body, content_type = kind_server.get("plugin/projector/bookmarks", run=RUN,
                                         name=served_title(call))
    assert content_type == "application/json" and body == call.bookmarks


def test_server_complains_of_nothing(kind_server):
    assert kind_server.complaints() == []
