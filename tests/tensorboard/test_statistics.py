"""Statistics are those that NumPy finds in double, and are served as scalars with either loader."""

import itertools

import numpy as np
import pytest

import event_files
import runs
import served

NAMES = ["count", "mean", "std", "min", "max", "zeros", "nan", "inf"]
OF_FINITE = ["mean", "std", "min", "max"]


def statistics_of(data):
    data = data.astype(np.float64)
    finite = data[np.isfinite(data)]
    found = {"count": len(data), "zeros": np.count_nonzero(data == 0),
             "nan": np.count_nonzero(np.isnan(data)), "inf": np.count_nonzero(np.isinf(data))}
    if len(finite):
        # The mean in two steps: NumPy's own is exact to a part of the offset, not of the spread.
        mean = finite.mean()
        mean += (finite - mean).mean()
        found |= {"mean": mean, "std": finite.std(), "min": finite.min(), "max": finite.max()}
    return found


@pytest.fixture(scope="module")
def wanted(kind_inputs):
    """tag -> list of (step, name -> number)."""
    found = {"nothing": [(0, statistics_of(np.array([])))]}
    for path in sorted(kind_inputs.iterdir()):
        tag, step, dtype = path.name.split(".")
        found.setdefault(tag, []).append((int(step), statistics_of(np.fromfile(path, dtype))))
    return found


@pytest.fixture(scope="module")
def events(kind_logs):
    (paths,) = runs.event_files(kind_logs).values()
    return list(itertools.chain.from_iterable(map(event_files.read_events, paths)))


def check(got, wanted, where):
    """To the last bit of float32, as far as NumPy's own rounding in double reaches."""
    slack = np.spacing(np.float32(abs(wanted))) if np.isfinite(wanted) else 0
    assert abs(np.float64(got) - wanted) <= slack, f"{where}: {got}, not {wanted}"


def test_std_of_equal_values_is_zero(kind_logs, events):
    values = [value.simple_value for event in events for value in event.summary.value
              if value.tag.startswith("stats/equal-") and value.tag.endswith("/std")]
    assert values == [0] * 6


def test_each_call_makes_one_event(events, wanted):
    seen = {}
    for event in events:
        tags = [value.tag for value in event.summary.value if value.tag.startswith("stats/")]
        if not tags:
            continue
        tag = tags[0].split("/")[1]
        names = [name for name in NAMES if name in dict(wanted[tag])[event.step]]
        assert tags == [f"stats/{tag}/{name}" for name in names]
        seen.setdefault(tag, []).append(event.step)
    assert seen == {tag: [step for step, _ in series] for tag, series in wanted.items()}


def test_histograms_are_there_too(events, wanted):
    steps = {}
    for event in events:
        for value in event.summary.value:
            if value.HasField("histo"):
                steps.setdefault(value.tag, []).append(event.step)
    assert steps == {tag: [1, 2] for tag in wanted if tag != "nothing"}


def test_scalars_are_served_as_numpy_has_them(kind_server, wanted):
    (run,) = served.read(kind_server).values()
    checked = set()
    for tag, series in wanted.items():
        for name in NAMES:
            points = [(step, numbers[name]) for step, numbers in series if name in numbers]
            got = run.scalars.get(f"stats/{tag}/{name}", [])
            assert [step for step, _ in got] == [step for step, _ in points], (tag, name)
            for (step, value), (_, number) in zip(got, points):
                if not (tag.startswith("equal") and name == "std"):  # NumPy's is 1e-17
                    check(value, number, (tag, name, step))
            if got:
                checked.add(f"stats/{tag}/{name}")
    assert checked == {tag for tag in run.scalars if tag.startswith("stats/")}
    lost = [tag for tag in wanted if tag.startswith("lost") or tag == "nothing"]
    assert len(lost) == 3 and not any(f"stats/{tag}/{name}" in run.scalars
                                      for tag in lost for name in OF_FINITE)
    assert kind_server.complaints() == []
