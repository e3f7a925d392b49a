"""What a reservoir is asked to compute: benchmark series with their targets, and their own alignment."""

from asicrc.reservoir.tasks.binary import parity
from asicrc.reservoir.tasks.channel import channel_equalisation
from asicrc.reservoir.tasks.henon import henon
from asicrc.reservoir.tasks.lorenz import lorenz
from asicrc.reservoir.tasks.mackey_glass import mackey_glass
from asicrc.reservoir.tasks.memory import nonlinear_memory, short_term_memory
from asicrc.reservoir.tasks.narma import narma, narma_target
from asicrc.reservoir.tasks.own import own_task, task_from_file
from asicrc.reservoir.tasks.registry import TASKS, TaskRecipe, check_task, make_task
from asicrc.reservoir.tasks.santa_fe import santa_fe
from asicrc.reservoir.tasks.task import Task
from asicrc.reservoir.tasks.waveforms import sine_square

__all__ = [
    "TASKS",
    "Task",
    "TaskRecipe",
    "channel_equalisation",
    "check_task",
    "henon",
    "lorenz",
    "mackey_glass",
    "make_task",
    "narma",
    "narma_target",
    "nonlinear_memory",
    "own_task",
    "parity",
    "santa_fe",
    "short_term_memory",
    "sine_square",
    "task_from_file",
]
