"""Hyper-parameters in stock TensorBoard, with either loader, and beside those of other writers."""

import json
import os

import pytest
import tensorboardX.summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

import event_files
import runs
from server import Server

STATUSES = {"closed": "SUCCESS", "failed": "FAILURE", "unfinished": "UNKNOWN", "killed": "UNKNOWN",
            "exited": "UNKNOWN"}


class Table:
    """What the dashboard asks for."""

    def __init__(self, server):
        self.experiment = server.post("plugin/hparams/experiment", {"experimentName": ""})
        self.groups = server.post("plugin/hparams/session_groups", {
            "experimentName": "", "colParams": [], "startIndex": 0, "sliceSize": 1000,
            "allowedStatuses": [f"STATUS_{status}" for status in
                                ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]})["sessionGroups"]
        self.complaints = server.complaints()

    @property
    def sessions(self):
        return {session["name"]: session for group in self.groups for session in group["sessions"]}

    @property
    def hparams(self):
        return {info["name"]: info for info in self.experiment["hparamInfos"]}


def load(kind_logs, below, fast):
    with Server(kind_logs / below, fast=fast) as server:
        return Table(server)


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def fast(request):
    return request.param


@pytest.fixture(scope="module")
def tables(kind_logs, fast):
    return {sweep: load(kind_logs, sweep, fast) for sweep in ("declared", "inferred")}


@pytest.fixture
def declared(tables):
    return tables["declared"]


@pytest.fixture
def inferred(tables):
    return tables["inferred"]


@pytest.fixture(scope="module")
def logged(kind_inputs):
    """sweep -> run -> what the program passed to the library."""
    found = {}
    for session in json.loads((kind_inputs / "sessions.json").read_text(encoding="utf-8")):
        sweep, run = os.path.split(session["run"])
        found.setdefault(sweep, {})[run] = session
    return found


@pytest.fixture(scope="module")
def contents(kind_logs):
    """run -> tag -> the message in the tag's metadata."""
    found = {}
    for run, paths in runs.event_files(kind_logs).items():
        for path in paths:
            for value in values_in(path):
                if value.tag.startswith("_hparams_/"):
                    tags = found.setdefault(run, {})
                    assert value.tag not in tags, "logged twice"
                    check_form(value)
                    tags[value.tag] = plugin_data_pb2.HParamsPluginData.FromString(
                        value.metadata.plugin_data.content)
    return found


def values_in(path):
    return [value for event in event_files.read_events(path) for value in event.summary.value]


def check_form(value):
    """A class without a tensor makes the dashboard fail in the Python loader."""
    assert value.metadata.plugin_data.plugin_name == metadata.PLUGIN_NAME
    assert value.tensor == metadata.NULL_TENSOR
    assert value.metadata.data_class == 2  # of tensors


def metrics_of(found):
    return {(metric["name"]["group"], metric["name"]["tag"]): metric["value"]
            for metric in found["metricValues"]}


def mean(values):
    return sum(values) / len(values)


# --- sessions -------------------------------------------------------------------------------------


def groups_of(sessions):
    """What should be rows: name -> sessions."""
    rows = {}
    for run, session in sessions.items():
        rows.setdefault(session["group"] or run, []).append(session)
    return rows


def test_rows_are_the_sessions_or_their_groups(tables, logged):
    for sweep, table in tables.items():
        rows = groups_of(logged[sweep])
        assert sorted(group["name"] for group in table.groups) == sorted(rows)
        for group in table.groups:
            sessions = rows[group["name"]]
            assert group["hparams"] in [session["hparams"] for session in sessions]
            metrics = metrics_of(group)
            assert metrics["", "loss"] == mean([s["loss"] for s in sessions])
            assert metrics["validation", "accuracy"] == mean([s["accuracy"] for s in sessions])


def test_sessions_are_those_logged(tables, logged):
    for sweep, table in tables.items():
        assert sorted(table.sessions) == sorted(logged[sweep])
        for run, session in table.sessions.items():
            check_session(session, logged[sweep][run])


def check_session(session, wanted):
    assert session["status"] == "STATUS_" + STATUSES[wanted["ending"]]
    assert (session["endTimeSecs"] > session["startTimeSecs"]
            or session["status"] == "STATUS_UNKNOWN" and session["endTimeSecs"] == 0)
    assert (session["modelUri"], session["monitorUrl"]) == ("file:///model", "http://monitor")
    metrics = metrics_of(session)
    assert metrics["", "loss"] == wanted["loss"]
    assert metrics["validation", "accuracy"] == wanted["accuracy"]


def test_declared_groups_have_several_sessions(declared):
    assert [len(group["sessions"]) for group in declared.groups
            if group["name"] == "three seeds"] == [3]


# --- columns --------------------------------------------------------------------------------------


def test_declared_columns_are_the_only_ones(declared):
    hparams = declared.hparams
    assert sorted(hparams) == ["augment", "batch", "depth", "lr", "optimizer", "title", "version"]
    types = {name: info["type"].removeprefix("DATA_TYPE_") for name, info in hparams.items()}
    assert types == {"augment": "BOOL", "batch": "FLOAT64", "depth": "FLOAT64", "lr": "FLOAT64",
                     "optimizer": "STRING", "title": "STRING", "version": "FLOAT64"}
    assert hparams["augment"]["domainDiscrete"] == [False, True]
    assert hparams["batch"]["domainDiscrete"] == [16, 32, 64]
    assert hparams["optimizer"]["domainDiscrete"] == ["adam", "sgd"]
    assert hparams["lr"]["domainInterval"] == {"minValue": 1e-4, "maxValue": 0.1}
    assert (hparams["lr"]["displayName"], hparams["lr"]["description"]) == ("learning rate",
                                                                            "*initial*")
    for name in "depth", "title":
        assert not hparams[name].keys() & {"domainDiscrete", "domainInterval"}
    assert [name for name, info in hparams.items() if not info["differs"]] == ["version"]


def test_declared_metrics_are_the_only_ones(declared):
    loss, accuracy = declared.experiment["metricInfos"]
    assert loss["name"] == {"group": "", "tag": "loss"}
    assert (loss["displayName"], loss["description"]) == ("training loss", "at the end")
    assert accuracy["name"] == {"group": "validation", "tag": "accuracy"}
    assert accuracy["datasetType"] == "DATASET_VALIDATION"
    for group in declared.groups:
        assert len(group["metricValues"]) == 2


def test_experiment_says_what_it_is(declared):
    experiment = declared.experiment
    assert (experiment["name"], experiment["user"]) == ("sweep", "somebody")
    assert experiment["description"] == "A small **sweep**"
    assert experiment["timeCreatedSecs"] > 1.7e9


def test_inferred_columns_are_all_there_are(inferred):
    hparams = inferred.hparams
    assert sorted(hparams) == ["flag", "kind", "lr", "mixed", "zero"]
    assert hparams["lr"]["domainInterval"] == {"minValue": 0.25, "maxValue": 0.75}
    assert hparams["zero"]["domainInterval"] == {"minValue": 0, "maxValue": 0}
    assert hparams["flag"]["domainDiscrete"] == [False, True]
    assert sorted(hparams["kind"]["domainDiscrete"]) == ["a", "b"]
    assert hparams["mixed"]["type"] == "DATA_TYPE_STRING"
    assert [tuple(info["name"].items()) for info in inferred.experiment["metricInfos"]] == [
        (("group", "validation"), ("tag", "accuracy")),
        (("tag", "learning rate now"), ("group", "")), (("tag", "loss"), ("group", ""))]


# --- traps ----------------------------------------------------------------------------------------


def test_a_session_in_the_logdir_itself_has_no_metrics(kind_logs, fast):
    """That is why the manual says to open runs below it."""
    group, = load(kind_logs, "above/root", fast).groups
    assert group["hparams"] == {"lr": 1}
    assert ("", "loss") not in metrics_of(group)
    group, = load(kind_logs, "above", fast).groups
    assert metrics_of(group)["", "loss"] == 1


def test_server_complains_of_nothing(declared, inferred):
    assert declared.complaints == [] and inferred.complaints == []


def test_nothing_but_the_end_follows_an_end(kind_logs):
    ended = 0
    for paths in runs.event_files(kind_logs).values():
        tags = [value.tag for path in paths for value in values_in(path)]
        if metadata.SESSION_END_INFO_TAG in tags:
            assert tags.index(metadata.SESSION_END_INFO_TAG) == len(tags) - 1
            ended += 1
    assert ended == 8


# --- other writers --------------------------------------------------------------------------------


def test_sessions_say_what_tensorflow_and_tensorboardx_say(contents, logged):
    for sweep, sessions in logged.items():
        for run, session in sessions.items():
            start = contents[f"{sweep}/{run}"][metadata.SESSION_START_INFO_TAG].session_start_info
            theirs = summary_v2.hparams_pb(session["hparams"], trial_id=session["group"],
                                           start_time_secs=start.start_time_secs)
            message = message_of(theirs).session_start_info
            # On purpose: a group only when asked for, and what the others have no words for.
            message.model_uri, message.monitor_url = "file:///model", "http://monitor"
            assert start == message, run
            _, theirs, _ = tensorboardX.summary.hparams(session["hparams"], {})
            assert start.hparams == message_of(theirs).session_start_info.hparams, run


def message_of(summary):
    value, = summary.value
    return plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)


def test_ends_say_what_tensorboardx_says(contents, logged):
    for run, session in logged["declared"].items():
        if session["ending"] != "closed":
            continue
        end = contents[f"declared/{run}"][metadata.SESSION_END_INFO_TAG].session_end_info
        assert end.end_time_secs > 1.7e9
        end.end_time_secs = 0  # it leaves that out
        _, _, theirs = tensorboardX.summary.hparams({"lr": 1}, {})
        assert end == message_of(theirs).session_end_info


def test_experiment_says_what_tensorflow_says(contents):
    ours = contents["declared"][metadata.EXPERIMENT_TAG].experiment
    hp = summary_v2
    theirs = message_of(hp.hparams_config_pb(
        [hp.HParam("lr", hp.RealInterval(1e-4, 0.1), "learning rate", "*initial*"),
         hp.HParam("optimizer", hp.Discrete(["adam", "sgd"])),
         hp.HParam("batch", hp.Discrete([16, 32, 64])),
         hp.HParam("augment", hp.Discrete([True, False])),
         hp.HParam("depth"), hp.HParam("title"),
         hp.HParam("version", hp.Discrete([3.0]))],
        [hp.Metric("loss", display_name="training loss", description="at the end"),
         hp.Metric("accuracy", group="validation", dataset_type=hp.Metric.VALIDATION)],
        time_created_secs=ours.time_created_secs)).experiment
    # On purpose: a type without a domain, too, and what makes TensorBoard put constants last.
    theirs.hparam_infos[4].type = api_pb2.DATA_TYPE_FLOAT64
    theirs.hparam_infos[5].type = api_pb2.DATA_TYPE_STRING
    for info in theirs.hparam_infos[:6]:
        info.differs = True
    theirs.name, theirs.user, theirs.description = "sweep", "somebody", "A small **sweep**"
    assert ours == theirs
