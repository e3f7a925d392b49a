"""`python -m asicrc.report.notebooks FOLDER -o OUTPUT`: every notebook as a page, and an index of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from asicrc.report.notebooks.pages import write_index, write_page
from asicrc.report.notebooks.running import run_notebook


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 if a notebook failed; those after it run all the same."""
    parser = argparse.ArgumentParser(prog="python -m asicrc.report.notebooks", description=__doc__)
    parser.add_argument(
        "notebooks", type=Path, nargs="+", help="percent-format notebooks, or folders of them"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments-output"))
    parser.add_argument("--size", choices=("full", "reduced"), default="full", help="what they go by")
    given = parser.parse_args(arguments)
    found = [file for named in given.notebooks for file in _notebooks(named)]
    if not found:
        parser.error(f"there is no notebook in {', '.join(map(str, given.notebooks))}")
    results = []
    for number, source in enumerate(found, 1):
        _note(f"{number}/{len(found)} {source.stem}")
        result = run_notebook(source, given.output / source.stem, given.size)
        write_page(result, given.output)
        results.append(result)
        write_index(results, given.output)  # after each: what is there can be looked at
        _note(f"    {result.seconds:.0f} s" + (f", FAILED: {result.error}" if result.error else ""))
    _note(f"index {given.output / 'index.html'}")
    return 1 if any(result.error for result in results) else 0


def _notebooks(named: Path) -> list[Path]:
    if named.is_dir():
        return sorted(file for file in named.glob("*.py") if "# %%" in file.read_text(encoding="utf-8"))
    return [named]


def _note(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
