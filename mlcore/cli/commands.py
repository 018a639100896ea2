"""Building blocks of the commands, over Click: groups, options, one-sentence errors."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Text(click.ParamType[str]):
    """Text as typed, also where Python's locale could not decode it (``LC_ALL=C``)."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Decode bytes that the locale could not as UTF-8."""
        if not isinstance(value, str):
            return value
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            try:
                return os.fsencode(value).decode("utf-8")
            except UnicodeError:
                raise click.UsageError(
                    f"{_called(param)} is {value!r}, which is not text in UTF-8"
                ) from None
        return value


class Whole(click.ParamType[int]):
    """A whole number, such as ``-n 20``."""

    name = "integer"

    def __init__(self, low: int | None = None, high: int | None = None) -> None:
        self._low, self._high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse the number and check its bounds."""
        try:
            number = int(value)
        except ValueError:
            number = None
        outside = number is not None and (
            (self._low is not None and number < self._low)
            or (self._high is not None and number > self._high)
        )
        if number is None or outside:
            bounds = "" if self._low is None else f" from {self._low} to {self._high}"
            raise click.UsageError(
                f"{_called(param)} is {value!r}, but must be a whole number{bounds}", ctx
            )
        return number


class Number(click.ParamType[float]):
    """A number, such as ``--minutes 1.5``."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse the number."""
        try:
            return float(value)
        except ValueError:
            raise click.UsageError(
                f"{_called(param)} is {value!r}, but must be a number", ctx
            ) from None


class FilePath(click.ParamType[Path]):
    """A file or a folder, existing or not."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Keep the name byte for byte."""
        return Path(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete a file name."""
        return [click.shell_completion.CompletionItem(incomplete, type="file")]


class OneOf(Text):
    """One of several words, with shell completion.

    Args:
        words: The words, or a function that gives them.
        strict: Refuse any other word here; else the command judges it.
    """

    name = "choice"

    def __init__(
        self, words: Iterable[str] | Callable[[], Iterable[str]], *, strict: bool = True
    ) -> None:
        self._words = words
        self._strict = strict

    def words(self) -> list[str]:
        """The allowed words."""
        return list(self._words() if callable(self._words) else self._words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse a word that is not among them."""
        value = super().convert(value, param, ctx)
        words = self.words() if self._strict else [value]
        if value not in words:
            raise click.UsageError(
                f"{_called(param)} is {value!r}, but must be one of {', '.join(words)}"
                f"{did_you_mean(value, words)}",
                ctx,
            )
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """The words with the typed beginning."""
        return [
            click.shell_completion.CompletionItem(word)
            for word in self.words()
            if word.startswith(incomplete)
        ]


TEXT: Final = Text()
WHOLE: Final = Whole()
NUMBER: Final = Number()
PATH: Final = FilePath()


class OneSentence(click.Command):
    """Reports unknown words in one sentence, with the likely intended one."""

    _help: click.Option | None = None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words and name those that are not recognized."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            flags = [f for p in self.get_params(ctx) for f in (*p.opts, *p.secondary_opts)]
            words = _words_of(error.option_name, given)
            near = did_you_mean(error.option_name, flags)
            raise click.UsageError(f"unrecognized arguments: {words}{near}", ctx) from None
        except click.MissingParameter as error:
            missing = "" if error.param is None else error.param.make_metavar(ctx)
            raise click.UsageError(f"{missing} is missing", ctx) from None
        except click.BadOptionUsage as error:
            raise click.UsageError(f"{error.option_name} needs a value", ctx) from None

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """``--help``, printed as all else is: Click's own writes UTF-8 to an ASCII terminal."""
        names = self.get_help_option_names(ctx)
        if names and self._help is None:
            self._help = click.Option(
                names,
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_help,
                help="Show this and exit.",
            )
        return self._help


class Command(OneSentence):
    """A command that takes ``--store`` beside its own options."""

    allow_extra_args = True  # Click would refuse them in words of its own

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        taken = {flag for param in self.params for flag in param.opts}
        if "--store" not in taken:  # an experiment's own field goes first
            self.params.append(store_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words and name those that no argument takes."""
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise click.UsageError(f"unrecognized arguments: {' '.join(rest)}", ctx)
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options under the headings of their groups, the general ones last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", ""), []).append(record)
        general = sections.pop("", [])
        for heading, records in [*sections.items(), ("Options", general)]:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Group(OneSentence, click.Group):
    """Commands in the order they were given, loaded when they are needed.

    Args:
        what: What its words are, in the help and in errors.
        lazy: Name of a command → where it is, as ``module:attribute``, and its help. The help is
            here so that a list of all commands loads none.
    """

    command_class = Command

    def __init__(
        self,
        *given: Any,
        what: str = "command",
        lazy: Mapping[str, tuple[str, str]] | None = None,
        **more: Any,
    ) -> None:
        more.setdefault("callback", require_command)
        more.setdefault("subcommand_metavar", f"{what.upper()} [ARGS]...")
        more["invoke_without_command"] = True
        super().__init__(*given, **more)
        self.what = what
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order they were added."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name in self._lazy:
            module, _, attribute = self._lazy[cmd_name][0].partition(":")
            found: click.Command = getattr(importlib.import_module(module), attribute)
            return found
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command the words begin with, or an error with the most similar name."""
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not ctx.resilient_parsing:
            names = self.list_commands(ctx)
            near = did_you_mean(name, names) or f". There are {', '.join(names)}"
            raise click.UsageError(f"There is no {self.what} {name!r}{near}", ctx)
        return (None if found is None else name), found, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The names and the first lines of their help."""
        rows = []
        for name in self.list_commands(ctx):
            if name in self._lazy:
                rows.append((name, self._lazy[name][1]))
            elif (command := self.get_command(ctx, name)) is not None:
                rows.append((name, command.get_short_help_str(200)))
        with formatter.section(f"{self.what.capitalize()}s"):
            formatter.write_dl(rows)


def command(text: str, *decorators: Decorator, name: str | None = None) -> Callable[..., Command]:
    """Make a command of a function, its options and arguments in this order."""

    def made(function: Callable[..., Any]) -> Command:
        for decorator in reversed(decorators):
            function = decorator(function)
        return click.command(name, cls=Command, help=text, short_help=text)(function)

    return made


def option(*flags: str, text: str, **more: Any) -> Decorator:
    """An option whose values are text unless a type is named."""
    if not more.get("is_flag"):
        more.setdefault("type", TEXT)
    return click.option(*flags, help=text, **more)


def flag(*flags: str, text: str) -> Decorator:
    """A switch that is off unless it is given."""
    return click.option(*flags, is_flag=True, help=text)


def argument(name: str, text: str, **more: Any) -> Decorator:
    """A positional argument; ``text`` is its help."""
    more.setdefault("type", TEXT)
    more.setdefault("metavar", name.upper())
    return click.argument(name, cls=Argument, text=text, **more)


class Argument(click.Argument):
    """An argument that is listed in the help like an option."""

    section = "Arguments"

    def __init__(self, *given: Any, text: str, **more: Any) -> None:
        super().__init__(*given, **more)
        self._text = text

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The argument's name and help."""
        return self.make_metavar(ctx), self._text


def store_option() -> click.Option:
    """``--store``, for this command and the workers it starts."""

    def name_store(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value and not _ctx.resilient_parsing:
            os.environ["MLCORE_STORE"] = value  # workers inherit it

    return click.Option(
        ["--store"],
        metavar="URL",
        expose_value=False,
        callback=name_store,
        help="Store of runs: a file or a database URL (else MLCORE_STORE).",
    )


def require_command(**_given: Any) -> None:
    """Refuse a group's name alone: the callback of a group that does nothing by itself."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None and isinstance(ctx.command, Group):
        raise click.UsageError(f"{ctx.command.what.upper()} is missing", ctx)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """``. Did you mean --epochs?`` if a known word is similar, else nothing."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f". Did you mean {near[0]}?" if near else ""


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        print(ctx.get_help())
        ctx.exit()


def _words_of(name: str, args: Sequence[str]) -> str:
    """An unknown flag with its values, as typed."""
    at = next((i for i, word in enumerate(args) if word.split("=")[0] == name), None)
    if at is None:
        return name
    end = at + 1
    while end < len(args) and not args[end].startswith("-"):
        end += 1
    return " ".join(args[at:end])


def _called(param: click.Parameter | None) -> str:
    if param is None:
        return "A value"
    return max(param.opts, key=len) if isinstance(param, click.Option) else str(param.metavar)
