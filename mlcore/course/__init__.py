"""The course: the tasks of each chapter, checked on the learner's page or runs."""

from mlcore.course.catalog import KEYS, tasks_of
from mlcore.course.task import Task

__all__ = ["KEYS", "Task", "tasks_of"]
