"""docs/PARITY.md: what other writers for TensorBoard offer, and the tblog call that does it.

Made from parity.toml, after a check that nothing was forgotten: each function and parameter of the
libraries that are installed here has a row, each call is in tblog.h, each test is in tests/.

usage: parity.py --check | --write
"""

import fnmatch
import importlib
import inspect
import os
import pathlib
import pkgutil
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "PARITY.md"

LIBRARIES = {
    "torch": "torch.utils.tensorboard",
    "tensorboardX": "tensorboardX",
    "tf.summary": "tf.summary, and the callback of Keras",
    "tensorboard": "TensorBoard's own summary functions",
    "TensorBoardLogger.jl": "TensorBoardLogger.jl",
}

# tf.summary has these functions of TensorBoard's plugins.
IN_TF_SUMMARY = ("scalar", "histogram", "image", "audio", "text")

# Why a feature has no call.
REASONS = {"none": "does not apply", "otherwise": "**on purpose**", "missing": "**missing**"}

INTRODUCTION = """# What other writers offer, and the call that does it

A row for each function and option of other writers for TensorBoard: the part of `tblog.h` that does
the same, and a test that shows it.

{counts}

`tests/parity/parity.py --write` makes this page from `tests/parity/parity.toml`; the test `parity`
fails when a function, a call or a test is not there, or when the page is another.
"""


# --- the functions of installed libraries: name -> names of its parameters -----------------------

def parameters(function):
    names = inspect.signature(function).parameters
    return [name for name in names if name not in ("self", "cls")]


def class_parameters(cls):
    return parameters(cls.__init__) if cls.__init__ is not object.__init__ else []


def class_signatures(name, cls):
    yield name, class_parameters(cls)
    for method, function in vars(cls).items():
        if isinstance(function, staticmethod):
            function = function.__func__
        if inspect.isfunction(function) and (method == "__enter__" or not method.startswith("_")):
            yield f"{name}.{method}", parameters(function)


def message_signatures(name, message):
    """A protobuf message that callers fill: its fields are its options."""
    yield name, [field.name for field in message.DESCRIPTOR.fields]
    for nested in message.DESCRIPTOR.nested_types:
        yield from message_signatures(f"{name}.{nested.name}", getattr(message, nested.name))


def signatures_of_tensorboardx():
    import tensorboardX
    from tensorboardX import record_writer

    for name, cls in vars(tensorboardX).items():
        if inspect.isclass(cls):
            yield from class_signatures(name, cls)
    yield "register_writer_factory", parameters(record_writer.register_writer_factory)


def signatures_of_tf():
    import tensorflow as tf

    for prefix, module in ("", tf.summary), ("experimental.", tf.summary.experimental):
        for name in dir(module):
            thing = getattr(module, name)
            if inspect.isclass(thing):
                yield from class_signatures(prefix + name, thing)
            elif callable(thing) and not name.startswith("_"):
                yield prefix + name, parameters(thing)
    yield "keras.callbacks.TensorBoard", parameters(tf.keras.callbacks.TensorBoard.__init__)


def module_signatures(plugin, module):
    for name, thing in vars(module).items():
        if name.startswith("_") or name in IN_TF_SUMMARY:
            continue
        if not getattr(thing, "__module__", "").startswith("tensorboard.plugins."):
            continue
        if inspect.isclass(thing):
            yield f"{plugin}.{name}", class_parameters(thing)
        elif inspect.isfunction(thing):
            yield f"{plugin}.{name}", parameters(thing)


def signatures_of_tensorboard():
    import tensorboard.plugins
    from tensorboard.plugins import projector
    from tensorboard.plugins.custom_scalar import layout_pb2

    for plugin in pkgutil.iter_modules(tensorboard.plugins.__path__):
        for module in "summary", "summary_v2", "api":
            try:
                path = f"tensorboard.plugins.{plugin.name}.{module}"
                yield from module_signatures(plugin.name, importlib.import_module(path))
            except ModuleNotFoundError:
                pass
    yield "projector.visualize_embeddings", parameters(projector.visualize_embeddings)
    for name in "ProjectorConfig", "EmbeddingInfo", "SpriteMetadata":
        yield from message_signatures(f"projector.{name}", getattr(projector, name))
    for name in "Layout", "Category", "Chart", "MultilineChartContent", "MarginChartContent":
        yield from message_signatures(f"custom_scalar.{name}", getattr(layout_pb2, name))


def signatures(data, library):
    walks = {"tensorboardX": signatures_of_tensorboardx, "tf.summary": signatures_of_tf,
             "tensorboard": signatures_of_tensorboard}
    if library in walks:
        return dict(walks[library]())
    return {name: options.split() for name, options in data["signatures"][library].items()}


# --- checks; each gives its complaints -----------------------------------------------------------

def covers(key, function):
    return any(fnmatch.fnmatchcase(function, pattern) for pattern in key.split())


def check_functions(library, rows, functions):
    """Nothing of |functions| lacks a row, and no row is of what is not there."""
    for function, options in functions.items():
        listed = [row for key, row in rows.items() if covers(key, function)]
        if not listed:
            yield f"{library}: {function} has no row"
            continue
        known = {option for row in listed for group in row for option in group.split()}
        for option in options:
            if option not in known:
                yield f"{library}: {function} has an option {option} that has no row"
    for key, row in rows.items():
        for pattern in key.split():
            if not fnmatch.filter(functions, pattern):
                yield f"{library}: there is no function {pattern}"
        there = {option for name in functions if covers(key, name) for option in functions[name]}
        for option in (option for group in row for option in group.split()):
            if option not in there:
                yield f"{library}: {key} has no option {option}"


def declared_names(header):
    """What tblog.h declares: functions, types and their members, "tb_box.label"."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.S)
    names = set(re.findall(r"\b(tb_\w+)\s*\(", code))
    types = re.findall(r"typedef (?:struct|enum) \w*\s*\{(.*?)\}\s*(tb_\w+);", code, re.S)
    for body, name in types:
        names.add(name)
        members = re.findall(r"\b(\w+)\s*(?=[;,])|\(\*(\w+)\)", body)
        names.update(f"{name}.{plain or pointer}" for plain, pointer in members)
    return names


def has_test(test):
    """|test| is FILE::FUNCTION; one in C is also in its file's list."""
    file, _, function = test.partition("::")
    path = TESTS / file
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return re.search(rf"^def {function}\(", text, re.M) is not None
    return (re.search(rf"^static void {function}\(", text, re.M) is not None
            and re.search(rf"cmocka_unit_test\w*\(\s*{function}\b", text) is not None)


def check_features(features, used):
    names = declared_names((ROOT / "include" / "tblog.h").read_text(encoding="utf-8"))
    for name, feature in features.items():
        if name not in used:
            yield f"feature {name} is in no row"
        if len(feature.keys() & {"calls", *REASONS}) != 1:
            yield f"feature {name} needs either calls, none, otherwise or missing"
        if "calls" in feature and not feature.get("tests"):
            yield f"feature {name} has no test"
        for call in feature.get("calls", "").split():
            if call not in names:
                yield f"feature {name}: tblog.h has no {call}"
        for test in feature.get("tests", []):
            if not has_test(test):
                yield f"feature {name}: there is no test {test}"
    for name in used - features.keys():
        yield f"there is no feature {name}"


def check(data):
    used = set()
    for library in LIBRARIES:
        for row in data[library].values():
            used.update(name for names in row.values() for name in names.split())
        yield from check_functions(library, data[library], signatures(data, library))
    yield from check_features(data["feature"], used)


# --- the page ------------------------------------------------------------------------------------

def code(words, separator=", "):
    return separator.join(f"`{word}`" for word in words)


def unique(words):
    return list(dict.fromkeys(words))


def test_link(test):
    file, _, function = test.partition("::")
    return f"[{function}](../tests/{file})"


def line(function, options, features):
    calls = unique(call for f in features for call in f.get("calls", "").split())
    tests = unique(test for f in features for test in f.get("tests", []))
    notes = []
    for feature in features:
        notes.extend(f"{words}: {feature[reason]}" for reason, words in REASONS.items()
                     if reason in feature)
        if "note" in feature:
            notes.append(feature["note"])
    return "| " + " | ".join([function, code(options), code(calls),
                              "<br>".join(map(test_link, tests)), "; ".join(unique(notes))]) + " |"


def table(data, library):
    yield "| function | options | tblog | tests | notes |"
    yield "| --- | --- | --- | --- | --- |"
    for key, row in data[library].items():
        function = code(key.split())
        for options, names in row.items():
            yield line(function, options.split(), [data["feature"][n] for n in names.split()])
            function = ""


def count_words(data):
    """How many rows there are, and of what kind."""
    rows = [[data["feature"][name] for name in names.split()]
            for library in LIBRARIES for row in data[library].values() for names in row.values()]
    done = sum(any("calls" in f for f in row) for row in rows)
    left_out = sum(any("otherwise" in f for f in row) for row in rows)
    missing = sum(any("missing" in f for f in row) for row in rows)
    words = [f"Of {len(rows)} rows {done} have a call;",
             f"{left_out} say what is left out **on purpose**, and what to do instead;"]
    if missing:
        words.append(f"{missing} lack something, which is called **missing**;")
    return "\n".join([*words, "the others say why they do not apply."])


def owners_of(feature, rows):
    """The functions that have a feature."""
    return unique(function for key, row in rows.items() for names in row.values()
                  if feature in names.split() for function in key.split())


def list_of(reason, data):
    """A line for each feature that has no call for this reason, and who has it."""
    for name, feature in data["feature"].items():
        if reason in feature:
            owners = (f"{library} `{owner}`" for library in LIBRARIES
                      for owner in owners_of(name, data[library]))
            yield f"- {feature[reason]} ({', '.join(owners)})"


def page(data):
    parts = [INTRODUCTION.format(counts=count_words(data))]
    for reason, title in (("missing", "What is missing"),
                          ("otherwise", "What is left out on purpose")):
        lines = list(list_of(reason, data))
        if lines:
            parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    for library, title in LIBRARIES.items():
        parts.append(f"## {title}\n\n" + "\n".join(table(data, library)) + "\n")
    return "\n".join(parts)


def main(arguments):
    if arguments not in (["--check"], ["--write"]):
        sys.exit("usage: parity.py --check | --write")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    data = tomllib.loads((TESTS / "parity" / "parity.toml").read_text(encoding="utf-8"))
    complaints = list(check(data))
    if complaints:
        sys.exit("\n".join(complaints))
    text = page(data)
    if arguments == ["--write"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is another: run {pathlib.Path(__file__).name} --write")
    print(count_words(data).replace("\n", " "))


if __name__ == "__main__":
    main(sys.argv[1:])
