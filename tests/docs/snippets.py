"""Each block of C in docs/DASHBOARDS.md stands word for word in examples/gallery.c, function by
function.

    python snippets.py PROJECT
"""

import pathlib
import re
import sys


def main():
    project = pathlib.Path(sys.argv[1])
    gallery = (project / "examples" / "gallery.c").read_text()
    page = (project / "docs" / "DASHBOARDS.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    functions = [part for block in blocks for part in re.split(r"(?<=^}\n)\n", block, flags=re.M)]
    missing = [part for part in functions if part not in gallery]
    for part in missing:
        print(f"not in gallery.c:\n{part}")
    print(f"{len(functions)} functions in {len(blocks)} blocks, {len(missing)} of them changed")
    return len(missing) > 0 or len(functions) < 10


if __name__ == "__main__":
    sys.exit(main())
