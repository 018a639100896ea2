"""The course: the tasks of each chapter, checked on what a learner has on the screen or has run."""

from mlcore.course.catalog import KEYS, tasks_of
from mlcore.course.task import Task

__all__ = ["KEYS", "Task", "tasks_of"]
