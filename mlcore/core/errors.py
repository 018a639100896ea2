"""The errors of this package: each says what was given, what is allowed and what to do."""


class MlcoreError(Exception):
    """The base of every error that this package raises on purpose.

    Each subclass is one of Python's own errors as well, so ``except ValueError`` goes on working.
    Its text is a sentence for the user: pages and the command line show it unchanged.
    """


class InputError(MlcoreError, ValueError):
    """An argument was refused: a value out of bounds, an unknown name, a wrong format."""


class InputTypeError(MlcoreError, TypeError):
    """An argument of a wrong type was refused."""


class ConfigError(MlcoreError, ValueError):
    """A config was refused.

    Attributes:
        problems: One sentence for each refused field, keyed by the field's name, so that a form
            can show it beside the field. The error's own text is all of them in one line.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[dict[str, str]]]:
        return type(self), (self.problems,)


class DivergenceError(MlcoreError, ArithmeticError):
    """The loss stopped being a finite number; the text names the step and what to try."""


class DataUnavailableError(MlcoreError, FileNotFoundError):
    """A data set is neither on this machine nor to be downloaded; the text says where to put it."""


class SnapshotError(MlcoreError, ValueError):
    """A snapshot (checkpoint, weights) is damaged or belongs to something else."""


class StoreError(MlcoreError, RuntimeError):
    """The store of runs cannot be opened or written; the text says why and what to do."""


class EngineError(MlcoreError, RuntimeError):
    """The engine that executes runs cannot be reached; the text says what was tried, what to do."""


class RunNotFoundError(MlcoreError, LookupError):
    """No run has this id; the text says how to list those that exist."""


class RunStateError(MlcoreError, RuntimeError):
    """A run cannot do what was requested in its current status (resume a finished run, say)."""


class SweepNotFoundError(MlcoreError, LookupError):
    """No sweep has this id; the text says how to list those that exist."""


class SweepStateError(MlcoreError, RuntimeError):
    """A sweep cannot do what was requested in its current status."""
