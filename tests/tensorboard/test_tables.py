"""Tables, pairs and code are shown as the very text that was logged, whatever that is."""

import html.parser
import re

import pytest
from tensorboard.plugins.text import summary as text_summary

import event_files
import runs


class Item:
    """What one call got: rows of cells, or code."""

    def __init__(self, words, strings):
        self.kind, self.tag, step, *rest = words
        self.step = int(step)
        if self.kind == "table":
            rows, columns, no_header, self.markdown = map(int, rest)
            self.header = not no_header
            self.rows = [strings[i * columns:(i + 1) * columns] for i in range(rows)]
        else:
            self.code, = strings


def read_copies(path):
    """What log_tables.c wrote."""
    items = []
    with open(path, "rb") as file:
        while line := file.readline():
            words = line.decode().split()
            count = int(words[3]) * int(words[4]) if words[0] == "table" else 1
            items.append(Item(words, [read_string(file) for _ in range(count)]))
    return items


def read_string(file):
    size = file.readline().strip()
    return "" if size == b"-" else file.read(int(size)).decode("utf-8")


@pytest.fixture(scope="module")
def items(kind_inputs):
    return read_copies(kind_inputs / "texts")


@pytest.fixture(scope="module")
def shown(kind_server):
    """(tag, step) -> what a browser makes of the HTML."""
    pages = {}
    for tag in kind_server.plugin("text", "tags")["run"]:
        for point in kind_server.plugin("text", "text", run="run", tag=tag):
            pages[tag, point["step"]] = Page(point["text"])
    return pages


class Page(html.parser.HTMLParser):
    """The cells of the tables and the text of the code in a page."""

    def __init__(self, text):
        super().__init__()
        self.source = text
        self.rows, self.code, self.elsewhere, self.tags = [], None, "", []
        self._cell = self._code = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "pre":
            self._code = ""
        elif tag == "br":
            self._add("\n")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(self._cell)
            self._cell = None
        elif tag == "pre":
            self.code, self._code = self._code, None

    def handle_data(self, data):
        self._add(data)

    def handle_comment(self, data):
        self._add("<!--" + data)

    def _add(self, text):
        if self._cell is not None:
            self._cell += text
        elif self._code is not None:
            self._code += text
        else:
            self.elsewhere += text.strip("\n")


# --- what is to be shown -------------------------------------------------------------------------

def pictures(text):
    """Pages hold no control characters."""
    return re.sub("[\x00-\x08\x0b-\x1f]", lambda c: chr(0x2400 + ord(c[0])), text).replace(
        "\x7f", "\u2421")


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def wanted_cell(text):
    return one_space(pictures(lines(text)).replace("\t", "    "))


def one_space(text):
    """A no-break space looks like any other."""
    return text.replace("\xa0", " ")


def wanted_code(text):
    text = pictures(lines(text))
    if text and not text.endswith("\n"):
        text += "\n"
    # Markdown's own ways: tabs become spaces, and lines of spaces alone are empty.
    return "\n".join(line if line.strip(" ") else "" for line in text.expandtabs(4).split("\n"))


NUMBER = re.compile(r" *[+-]?(((\d{1,3}(,\d{3})+|\d+)(\.\d*)?|\.\d+)(e[+-]?\d+)?%?"
                    r"|nan|inf|infinity) *", re.ASCII | re.IGNORECASE)


def number_columns(item):
    body = item.rows[1:] if item.header else item.rows
    for column in range(len(item.rows[0])):
        cells = [row[column] for row in body if row[column]]
        if cells and all(NUMBER.fullmatch(cell) for cell in cells):
            yield column


def width(text):
    """In digits and in points: what the spaces that align numbers stand for."""
    points = sum(text.count(c) for c in ".,-\u2008")
    return len(text) - points, points


def check_number(cell, wanted):
    assert cell.lstrip("\u2007\u2008") == wanted.strip(" ")


# --- the tests -----------------------------------------------------------------------------------

def test_every_text_is_served(items, shown, kind_server):
    assert {(item.tag, item.step) for item in items} == set(shown)
    assert kind_server.complaints() == []


def test_cells_are_shown_as_they_are(items, shown):
    checked = 0
    for item in items:
        if item.kind != "table" or item.markdown:
            continue
        page, where = shown[item.tag, item.step], f"{item.tag} {item.step}"
        assert page.elsewhere == "", where
        assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "br"}, where
        assert ("th" in page.tags) == item.header, where
        rows = page.rows
        if item.header and len(item.rows) == 1:
            assert not any(rows.pop()), "a table without a body gets an empty row"
        assert len(rows) == len(item.rows), where
        numbers = set(number_columns(item))
        for number, (row, wanted) in enumerate(zip(rows, item.rows)):
            assert len(row) == len(wanted), where
            for column, (cell, text) in enumerate(zip(row, wanted)):
                if column in numbers and (number > 0 or not item.header):
                    check_number(cell, text)
                else:
                    assert one_space(cell) == wanted_cell(text), f"{where}: {text!r}"
                checked += 1
    assert checked > 1000


def test_all_characters_are_among_them(items):
    for tag in ("all/header", "all/no_header", "all/code"):
        text = "".join("".join(sum(item.rows, [])) if item.kind == "table" else item.code
                       for item in items if item.tag == tag)
        assert set(map(chr, range(1, 0xd800))) <= set(text)
        assert set(map(chr, range(0xe000, 0x10000))) <= set(text)
        assert sum(c > "\uffff" for c in text) > 10000


def test_code_is_shown_as_it_is(items, shown):
    for item in items:
        if item.kind == "code":
            page, where = shown[item.tag, item.step], f"{item.tag} {item.step}"
            assert page.tags == ["pre", "code"] and page.elsewhere == "", where
            assert page.code == wanted_code(item.code), where


def test_spaces_that_a_browser_would_fold_are_kept(shown):
    cells = [row[0] for row in shown["plain/layers", 0].rows]
    assert "\xa0\xa0pool" in cells
    assert "train --lr=1e-3\n\xa0\xa0\xa0\xa0\xa0\xa0--epochs 10" in [
        row[1] for row in shown["plain/settings", 0].rows]


def test_numbers_are_as_wide_as_the_widest(items, shown):
    aligned = 0
    for item in items:
        if item.kind != "table":
            continue
        body = shown[item.tag, item.step].rows[1 if item.header else 0:]
        for column in number_columns(item):
            cells = [row[column] for row in body if row[column]]
            assert len({width(cell) for cell in cells}) == 1, f"{item.tag} {item.step}"
            aligned += 1
    assert aligned > 5
    numbers = [i.tag for i in items if i.tag.startswith("plain/") for _ in number_columns(i)]
    assert numbers.count("plain/layers") == 3 and numbers.count("plain/numbers") == 1


def test_tensorboard_drops_alignment(kind_logs, shown):
    """Why numbers are aligned by spaces.  Should this fail, they need not be any more."""
    source = texts(kind_logs)["plain/layers"]
    assert "| --- | --- | ---: | ---: | ---: |" in source
    assert "align" not in shown["plain/layers", 0].source


def test_cells_of_markdown_are_rendered(shown):
    page = shown["markdown/cells", 0]
    assert page.rows == [["what", "shown"],
                         ["bold", "a|b and c|d"],
                         ["link", "one\ntwo"],
                         ["`unclosed", "| ` x` <b>"]]
    for part in ("<strong>bold</strong>", "<code>a&#124;b</code>", "<em>c</em>",
                 '<a href="https://tensorflow.org">link</a>', "one<br>two"):
        assert part in page.source


def texts(logdir):
    """tag -> the first Markdown in the file."""
    return {value.tag: value.tensor.string_val[0].decode("utf-8")
            for value in reversed(values(logdir))}


def values(logdir):
    (path,), = runs.event_files(logdir).values()
    return [value for event in event_files.read_events(path) for value in event.summary.value]


def test_records_are_those_of_tensorboard(kind_logs):
    """But for the tag, to which it appends a name, and the class, which it derives when it reads."""
    first = {}
    for value in values(kind_logs):
        first.setdefault(value.tag, value)
    for tag, ours in first.items():
        theirs, = text_summary.pb(tag, ours.tensor.string_val[0]).value
        assert theirs.tag == tag + "/text_summary"
        assert theirs.metadata.display_name == tag and ours.metadata.display_name == ""
        assert ours.metadata.data_class == 2 and theirs.metadata.data_class == 0
        assert (ours.metadata.plugin_data.SerializeToString()
                == theirs.metadata.plugin_data.SerializeToString())
        assert ours.tensor.SerializeToString() == theirs.tensor.SerializeToString()
