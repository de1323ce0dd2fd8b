"""Meshes: what stock TensorBoard makes of those that log_mesh logs."""

import csv
import json

import numpy as np
import pytest
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh import summary as mesh_summary
from tensorboard.util import tensor_util

import event_files
import runs

PARTS = {"vertices": ("VERTEX", 1, np.float32), "faces": ("FACE", 2, np.int32),
         "colors": ("COLOR", 3, np.uint8)}

# Those that differ from "{}".
CONFIGS = {
    "look/all": {"camera": {"fov": 40.5, "lookAt": [0, 0.1, 0], "near": 0.01,
                            "position": [2, -2, 2.5]},
                 "material": {"cls": "MeshPhongMaterial", "color": "#ffffff", "flatShading": True,
                              "side": 2, "wireframe": True}},
    "look/json": {"lights": [{"cls": "AmbientLight", "color": "#ff8000", "intensity": 0.8}]},
    "look/größe": {"material": {"size": 0.05}},
}


@pytest.fixture(scope="module")
def logged(kind_inputs):
    """tag -> step -> part -> array of samples x rows x 3"""
    found = {}
    with open(kind_inputs / "index.tsv", newline="", encoding="utf-8") as f:
        for tag, step, _, vertex_count, face_count, name in csv.reader(f, delimiter="\t"):
            parts = found.setdefault(tag, {}).setdefault(int(step), {})
            for part, (_, _, dtype) in PARTS.items():
                path = kind_inputs / f"{name}.{part}"
                if path.exists():
                    rows = int(face_count if part == "faces" else vertex_count)
                    array = np.frombuffer(path.read_bytes(), dtype).reshape(rows, 3)
                    parts.setdefault(part, []).append(array)
    return {tag: {step: {part: np.stack(arrays) for part, arrays in parts.items()}
                  for step, parts in steps.items()} for tag, steps in found.items()}


@pytest.fixture(scope="module")
def events(kind_logs):
    [path] = runs.event_files(str(kind_logs))["run"]
    return [event for event in event_files.read_events(path) if event.HasField("summary")]


def first_parts(logged, tag):
    return next(iter(logged[tag].values()))


def components(parts):
    return sum(1 << PARTS[part][1] for part in parts)


def check_config(text, tag):
    if tag == "look/small":  # TensorBoard's near plane would cut all of it off
        config = json.loads(text)
        assert list(config) == ["camera"] and list(config["camera"]) == ["near"]
        assert 0 < config["camera"]["near"] < 0.001
    else:
        assert json.loads(text) == CONFIGS.get(tag, {}), tag


def test_tags_have_their_samples(kind_server, logged):
    tags = kind_server.plugin("mesh", "tags")["run"]
    assert tags == {tag: {"samples": len(first_parts(logged, tag)["vertices"])} for tag in logged}
    assert tags["batch"]["samples"] == 3


def test_every_step_has_its_parts_and_their_configuration(kind_server, logged):
    """The front end takes the configuration of the first entry of a step, whichever part it is."""
    for tag, steps in logged.items():
        for sample in range(len(first_parts(logged, tag)["vertices"])):
            entries = kind_server.plugin("mesh", "meshes", run="run", tag=tag, sample=sample)
            assert sorted({entry["step"] for entry in entries}) == sorted(steps)
            for step, parts in steps.items():
                found = [entry for entry in entries if entry["step"] == step]
                assert (sorted(entry["content_type"] for entry in found)
                        == sorted(PARTS[part][1] for part in parts)), f"{tag} {step}"
                assert len({entry["wall_time"] for entry in found}) == 1
                for entry in found:
                    assert entry["components"] == components(parts), tag
                    check_config(entry["config"], tag)


def test_every_array_is_served_as_it_is(kind_server, logged):
    for tag, steps in logged.items():
        for step, parts in steps.items():
            for part, arrays in parts.items():
                for sample, array in enumerate(arrays):
                    body, _ = kind_server.get("plugin/mesh/data", run="run", tag=tag, step=step,
                                              sample=sample, content_type=PARTS[part][0])
                    assert body == array.tobytes(), f"{tag} {step} {sample} {part}"


def test_server_does_not_complain(kind_server):
    assert kind_server.complaints() == []


def test_a_mesh_is_one_event(events, logged):
    assert len(events) == sum(len(steps) for steps in logged.values())
    for event in events:
        names = {value.tag.rsplit("_", 1)[0] for value in event.summary.value}
        [tag] = names
        assert len(event.summary.value) == len(logged[tag][event.step])


def test_metadata_comes_with_the_first_of_a_tag(events):
    seen = set()
    for event in events:
        for value in event.summary.value:
            assert value.HasField("metadata") == (value.tag not in seen), value.tag
            seen.add(value.tag)


def check_value(value, metadata, theirs):
    assert value.tag == theirs.tag
    assert value.tensor.dtype == theirs.tensor.dtype
    assert value.tensor.tensor_shape == theirs.tensor.tensor_shape
    np.testing.assert_array_equal(tensor_util.make_ndarray(value.tensor),
                                  tensor_util.make_ndarray(theirs.tensor))
    assert metadata.plugin_data.plugin_name == theirs.metadata.plugin_data.plugin_name
    assert metadata.summary_description == theirs.metadata.summary_description
    assert metadata.display_name == theirs.metadata.display_name == ""
    ours, wanted = (mesh_metadata.parse_plugin_metadata(m.plugin_data.content)
                    for m in (metadata, theirs.metadata))
    assert json.loads(ours.json_config) == json.loads(wanted.json_config)
    ours.json_config = wanted.json_config  # the same in other words
    assert ours == wanted
    # Theirs leave the class to the reader's guess.
    assert (metadata.data_class, theirs.metadata.data_class) == (2, 0)


def test_events_are_those_of_mesh_summary(events, logged):
    """Field by field, for the first step of each tag: later ones carry no metadata."""
    seen = set()
    for event in events:
        values = list(event.summary.value)
        tag = values[0].tag.rsplit("_", 1)[0]
        if tag in seen:
            continue
        seen.add(tag)
        parts = logged[tag][event.step]
        content = mesh_metadata.parse_plugin_metadata(values[0].metadata.plugin_data.content)
        theirs = mesh_summary.mesh_pb(
            tag, parts["vertices"], faces=parts.get("faces"), colors=parts.get("colors"),
            config_dict=json.loads(content.json_config),
            description="a *torus*" if tag == "look/all" else None)
        assert len(values) == len(theirs.value)
        for value, wanted in zip(values, theirs.value):
            check_value(value, value.metadata, wanted)
        if not json.loads(content.json_config):
            assert content.json_config == "{}"
    assert seen == set(logged)
