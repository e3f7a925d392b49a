"""Every task by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from asicrc.errors import UsageError
from asicrc.reservoir.tasks.binary import parity
from asicrc.reservoir.tasks.channel import channel_equalisation
from asicrc.reservoir.tasks.henon import henon
from asicrc.reservoir.tasks.lorenz import lorenz
from asicrc.reservoir.tasks.mackey_glass import mackey_glass
from asicrc.reservoir.tasks.memory import nonlinear_memory, short_term_memory
from asicrc.reservoir.tasks.narma import ORDERS, Variant, narma
from asicrc.reservoir.tasks.own import task_from_file
from asicrc.reservoir.tasks.santa_fe import santa_fe
from asicrc.reservoir.tasks.task import Seed, Task, checked_count
from asicrc.reservoir.tasks.waveforms import sine_square


@dataclass(frozen=True, slots=True)
class TaskRecipe:
    """How a task is made: `make(n, seed, **options)`.

    A measured series and a user's file have no seed; theirs ignore it, and say so in the summary.
    """

    name: str
    summary: str
    make: Callable[..., Task]

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options beside n and seed."""
        fixed = self.make.keywords if isinstance(self.make, partial) else {}
        return tuple(p for p in inspect.signature(self.make).parameters if p not in {"n", "seed", *fixed})


def check_task(name: str) -> None:
    """Raises UsageError for a name that no task has."""
    if name not in TASKS:
        raise UsageError(f"there is no task {name!r}", f"tasks: {', '.join(TASKS)}")


def make_task(name: str, n: int, seed: Seed, **options: Any) -> Task:
    """The task of that name, of `n` steps. Raises UsageError for names and options that there are not."""
    check_task(name)
    recipe = TASKS[name]
    unknown = [option for option in options if option not in recipe.options]
    if unknown:
        raise UsageError(
            f"task {name} has no option {', '.join(unknown)}",
            f"its options: {', '.join(recipe.options) or 'none'}",
        )
    missing = [option for option in _NEEDED.get(name, ()) if option not in options]
    if missing:
        raise UsageError(f"task {name} needs {' and '.join(missing)}", recipe.summary)
    return recipe.make(n, seed, **options)


def _santa_fe(n: int, seed: Seed, *, path: str, horizon: int = 1) -> Task:
    return santa_fe(path, n, horizon=horizon)


def _file(n: int, seed: Seed, *, path: str, alignment: str) -> Task:
    task = task_from_file(path, alignment=alignment)
    if len(task) < checked_count("n", n):
        raise UsageError(f"{path} has {len(task)} steps, not {n}", "ask for as many as there are, or fewer")
    return Task(task.name, task.u[:n], task.y[:n], task.alignment, task.details)


def _narma(order: int, variant: Variant, summary: str) -> TaskRecipe:
    name = f"narma{order}" if variant == "published" else f"narma{order}_{variant}"
    make = partial(narma, order, variant=variant)
    return TaskRecipe(name, summary, make)


_NEEDED = {"santa_fe": ("path",), "file": ("path", "alignment")}

_RECIPES = (
    *(_narma(order, "published", f"NARMA of order {order}, target y[t+1]") for order in ORDERS),
    _narma(10, "same_step", "NARMA-10 with target y[t]: one lag less to remember"),
    _narma(10, "reservoirpy", "NARMA-10 as reservoirpy codes it: one lag off, target y[t]"),
    _narma(10, "rcbench", "NARMA-10 as RCbench codes it: one lag off, input stretched, target y[t]"),
    _narma(10, "clipped", "NARMA-10 as in the code behind the mining-ASIC scores: 9 terms, clipped to 0..1"),
    _narma(20, "unsaturated", "NARMA-20 without its tanh: long series diverge"),
    TaskRecipe("mackey_glass", "forecast the delayed feedback of Mackey and Glass, tau = 17", mackey_glass),
    TaskRecipe("mackey_glass_30", "the same with tau = 30", partial(mackey_glass, tau=30)),
    TaskRecipe("lorenz", "forecast one coordinate of the Lorenz 1963 system", lorenz),
    TaskRecipe("henon", "forecast the Henon map", henon),
    TaskRecipe("channel_equalisation", "symbols behind a nonlinear noisy channel", channel_equalisation),
    TaskRecipe("xor", "XOR of the last two bits", partial(parity, bits=2)),
    TaskRecipe("parity", "parity of the last bits, three unless told otherwise", parity),
    TaskRecipe("short_term_memory", "the inputs of the last steps", short_term_memory),
    TaskRecipe("nonlinear_memory", "sin(nu u[t - tau]) on a grid of nu and tau", nonlinear_memory),
    TaskRecipe("sine_square", "is this period a sine or a square?", sine_square),
    TaskRecipe("santa_fe", "forecast the Santa Fe laser, from a file given as `path`; no seed", _santa_fe),
    TaskRecipe("file", "a task of your own: CSV or NPZ as `path`, with its `alignment`; no seed", _file),
)

TASKS: dict[str, TaskRecipe] = {recipe.name: recipe for recipe in _RECIPES}
