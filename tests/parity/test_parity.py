"""parity.py finds what is wrong with its list."""

import copy

import pytest

import parity

FUNCTIONS = {"Writer": ["dir"], "Writer.add": ["tag", "value"], "Writer.close": []}
ROWS = {"Writer": {"dir": "open"}, "Writer.add": {"tag value": "scalar"},
        "Writer.close": {"": "close"}}
FEATURE = {"calls": "tb_log_scalar tb_options.clock tb_scalar",
           "tests": ["api/test_scalars.c::scalars_arrive_bit_for_bit",
                     "tensorboard/test_served.py::test_server_complains_of_nothing"]}


def complaints_of_functions(rows, functions=FUNCTIONS):
    return list(parity.check_functions("x", rows, functions))


def test_a_list_that_is_complete_is_right():
    assert complaints_of_functions(ROWS) == []
    assert list(parity.check_features({"scalar": FEATURE}, {"scalar"})) == []


@pytest.mark.parametrize("functions, complaint", [
    ({**FUNCTIONS, "Writer.flush": []}, "x: Writer.flush has no row"),
    ({**FUNCTIONS, "Writer.add": ["tag", "value", "step"]},
     "x: Writer.add has an option step that has no row"),
    ({**FUNCTIONS, "Writer.add": ["tag"]}, "x: Writer.add has no option value"),
])
def test_what_changed_in_a_library_is_found(functions, complaint):
    assert complaints_of_functions(ROWS, functions) == [complaint]


def test_a_function_that_is_gone_is_found():
    gone = {name: options for name, options in FUNCTIONS.items() if name != "Writer.close"}
    assert complaints_of_functions(ROWS, gone) == ["x: there is no function Writer.close"]


@pytest.mark.parametrize("change, complaint", [
    ({"calls": "tb_log_nothing"}, "tblog.h has no tb_log_nothing"),
    ({"calls": "tb_options.nothing"}, "tblog.h has no tb_options.nothing"),
    ({"tests": ["api/test_scalars.c::no_such_test"]},
     "there is no test api/test_scalars.c::no_such_test"),
    ({"tests": ["api/no_such_file.c::x"]}, "there is no test api/no_such_file.c::x"),
    ({"tests": []}, "has no test"),
    ({"missing": "both"}, "needs either calls, none, otherwise or missing"),
])
def test_a_feature_that_is_wrong_is_found(change, complaint):
    feature = {**copy.deepcopy(FEATURE), **change}
    (found,) = parity.check_features({"scalar": feature}, {"scalar"})
    assert found.startswith("feature scalar") and found.endswith(complaint)


def test_features_and_rows_that_lack_each_other_are_found():
    assert list(parity.check_features({"scalar": FEATURE}, set())) == [
        "feature scalar is in no row"]
    assert list(parity.check_features({}, {"scalar"})) == ["there is no feature scalar"]
