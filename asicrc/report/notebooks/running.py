"""Run one notebook in a kernel of this interpreter, with every figure that it saves put where it was made.

Nothing is installed into, read from or left in the user's own Jupyter and IPython folders.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asicrc.clock import MachineClock

KERNEL = "asicrc"
CELL_TIMEOUT_S = 6 * 3600
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """`notebook` is executed as far as it came. `figures` are the PNG files that it left, in order."""

    source: Path
    notebook: Any
    folder: Path
    size: str
    seconds: float
    error: str = ""
    figures: list[Path] = field(default_factory=list)


def run_notebook(source: Path, folder: Path, size: str = "full") -> NotebookResult:
    """Execute a percent-format notebook; its own files go into `folder`, and the executed .ipynb too.

    A cell that raises ends the run: `error` has its last line. OSError where the folder cannot be written.
    """
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.rglob("*.png"):
        old.unlink()  # of an earlier run: it would be taken for one of this
    notebook = jupytext.read(source)
    clock, error = MachineClock(), ""
    figures = _FigureWatch(folder)
    begun_ns = clock.now_ns()
    with _own_jupyter() as environment:
        config = Config()
        config.ConnectionFileMixin.transport = "ipc"  # sockets of this user alone, no ports
        config.ConnectionFileMixin.ip = str(Path(environment["JUPYTER_RUNTIME_DIR"]) / "line")
        client = NotebookClient(
            notebook,
            kernel_name=KERNEL,
            config=config,
            timeout=CELL_TIMEOUT_S,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder.resolve())}},
            on_cell_executed=figures.cell_executed,
        )
        environment |= {
            "ASICRC_EXPERIMENT_SIZE": size,
            "ASICRC_EXPERIMENT_OUTPUT": str(folder.resolve()),
            "MPLBACKEND": "agg",
        }
        if "ASICRC_DATA" in os.environ:
            environment["ASICRC_DATA"] = str(Path(os.environ["ASICRC_DATA"]).resolve())
        try:
            client.execute(env=os.environ | environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
            error = _last_line(failure)
    seconds = (clock.now_ns() - begun_ns) / NS_PER_S
    nbformat.write(notebook, folder / f"{source.stem}.ipynb")
    return NotebookResult(source, notebook, folder, size, seconds, error, figures.seen)


class _FigureWatch:
    """Notebooks save figures and show none: what a cell saved becomes an output of that cell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: list[Path] = []

    def cell_executed(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        from nbformat.v4 import new_output

        cell["outputs"] = [output for output in cell["outputs"] if not _is_bare_figure(output)]
        for path in sorted(set(self._folder.rglob("*.png")) - set(self.seen)):
            self.seen.append(path)
            title = path.stem.replace("-", " ").replace("_", " ")
            cell["outputs"].append(
                new_output(
                    "display_data",
                    data={"image/png": base64.b64encode(path.read_bytes()).decode()},
                    metadata={"image/png": {"alt": f"Figure: {title}"}},
                )
            )


def _is_bare_figure(output: Any) -> bool:
    """Whether it is the name of a figure that ends a cell: the figure itself is shown as it was saved."""
    return bool(str(output.get("data", {}).get("text/plain", "")).startswith("<Figure size"))


@contextmanager
def _own_jupyter() -> Iterator[dict[str, str]]:
    """A kernel of this interpreter, and folders that end with the run."""
    with tempfile.TemporaryDirectory(prefix="asicrc-jupyter-") as name:
        place = Path(name)
        folders = {
            "IPYTHONDIR": str(place / "ipython"),
            "JUPYTER_CONFIG_DIR": str(place / "config"),
            "JUPYTER_DATA_DIR": str(place / "data"),
            "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        }
        spec = place / "data" / "kernels" / KERNEL
        spec.mkdir(parents=True)
        (place / "runtime").mkdir(mode=0o700)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        text = json.dumps({"argv": argv, "display_name": "asicrc", "language": "python"})
        (spec / "kernel.json").write_text(text)
        before = {name: os.environ.get(name) for name in folders}
        os.environ |= folders  # the client looks at its own environment, the kernel at the one it is given
        try:
            yield dict(folders)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _last_line(failure: Exception) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(failure))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    return lines[-1] if lines else type(failure).__name__
