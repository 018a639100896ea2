"""Experiments as commands: an experiment's flags are the fields of its config."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mlcore.cli.commands import TEXT, Command, Group, OneOf, Text
from mlcore.core import InputError

if TYPE_CHECKING:
    from mlcore.core import Config, FieldSpec


class Experiments(Group):
    """One command per experiment: mlcore's and users' own by name, others as ``module:Class``.

    Args:
        made: Makes the command of an experiment from its config class.
    """

    def __init__(self, name: str, made: Callable[[str, type[Config]], Command], text: str) -> None:
        super().__init__(
            name,
            help=f"{text}\n\nAn experiment of your own in the folder experiments is listed by its "
            "name (`mlcore new NAME` writes one); any other is named module:Class, and its module "
            "is looked for in the current folder too.",
            short_help=text,
            what="experiment",
            callback=self._require,
            subcommand_metavar="EXPERIMENT [FLAGS]...",
        )
        self._made = made

    def _require(self) -> None:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            known = ", ".join(self.list_commands(ctx))
            raise click.UsageError(f"EXPERIMENT is missing. There are {known}", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The experiments of mlcore, and those of one's own that are found here."""
        from mlcore.experiments import EXPERIMENTS, own

        return [*EXPERIMENTS, *own()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The names and where each is from; those of one's own are not imported for it."""
        from mlcore.experiments import EXPERIMENTS, own

        rows = [(name, f"the experiment {name}") for name in EXPERIMENTS]
        rows += [(name, found.problem or found.where()) for name, found in own().items()]
        with formatter.section("Experiments"):
            formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of an experiment, its flags derived from the config's fields."""
        if cmd_name not in self.list_commands(ctx) and ":" not in cmd_name:
            return None
        try:
            return self._made(cmd_name, class_of(cmd_name))
        except ValueError:
            if ctx.resilient_parsing:  # a shell asks for completions
                return None
            raise


def class_of(experiment: str) -> type[Config]:
    """The config class of an experiment.

    Raises:
        ValueError: If there is none, or its module ends with an error; the text says where.
    """
    from mlcore.experiments import config_class

    try:
        found = config_class(experiment)
        found.specs()  # types of fields that a flag cannot have are refused here
    except ValueError:
        raise
    except TypeError as error:
        raise InputError(str(error)) from error
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        if isinstance(error, SyntaxError):
            where.filename, where.lineno = error.filename or "", error.lineno
        raise InputError(
            f"The module of {experiment!r} cannot be imported: {type(error).__name__}: {error} "
            f"({where.filename}, line {where.lineno})."
        ) from error
    return found


def flag_of(field: str) -> str:
    """The flag of a field: ``--batch-size`` of ``batch_size``."""
    return "--" + field.replace("_", "-")


def dest_of(field: str) -> str:
    """The parameter name of a field's flag: an identifier, as click asks for."""
    return f"field_{field.replace('.', '·')}"


class FieldOption(click.Option):
    """The flag of a config's field, listed in the help under the field's group."""

    def __init__(self, spec: FieldSpec, flags: str, text: str, **more: Any) -> None:
        super().__init__([dest_of(spec.name), flags], default=None, help=text, **more)
        self.section = spec.group or "Fields"


class HeadedOption(click.Option):
    """An option listed under a given heading."""

    def __init__(self, section: str, flags: list[str], **more: Any) -> None:
        if not more.get("is_flag"):
            more.setdefault("type", TEXT)
        super().__init__(flags, **more)
        self.section = section


def type_of(spec: FieldSpec) -> Text:
    """The type by which a shell completes a field's values; the config validates them."""
    if spec.kind == "choice":
        return OneOf(spec.choices, strict=False)
    if spec.kind == "switch":
        return OneOf(("true", "false"), strict=False)
    return TEXT


def preset_option(cls: type[Config]) -> list[click.Option]:
    """``--preset`` if the experiment has named configs."""
    if not cls.presets:
        return []
    names = OneOf(cls.presets)
    listed = ", ".join(repr(name) for name in cls.presets)
    return [
        click.Option(
            ["--preset"], type=names, metavar="NAME", help=f"Start from a named config: {listed}."
        )
    ]


def without_conflicts(
    fields: list[click.Parameter], others: list[click.Parameter]
) -> list[click.Parameter]:
    """The parameters without those whose flag is also a field's; the field wins."""
    taken = {flag for field in fields for flag in (*field.opts, *field.secondary_opts)}
    return [*fields, *(other for other in others if taken.isdisjoint(other.opts))]


def start_of(cls: type[Config], preset: str | None) -> Config:
    """The config that the flags modify."""
    return cls.presets[preset] if preset else cls()
