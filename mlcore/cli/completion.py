"""``mlcore completion``: prints the shell script that completes commands, flags and values."""

from __future__ import annotations

from mlcore.cli.commands import OneOf, argument, command
from mlcore.core import InputError

_TEXT = """Print the script that completes commands, flags and values.

\b
bash:  mlcore completion bash >> ~/.bashrc
zsh:   mlcore completion zsh >> ~/.zshrc
fish:  mlcore completion fish > ~/.config/fish/completions/mlcore.fish"""


@command(_TEXT, argument("shell", "bash, zsh or fish", type=OneOf(("bash", "zsh", "fish"))))
def completion(shell: str) -> int:
    """Print Click's script for a shell."""
    import click
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise InputError(f"There is no completion for {shell}.")
    script = found(
        click.get_current_context().find_root().command, {}, "mlcore", "_MLCORE_COMPLETE"
    )
    # not found.source: that of bash starts a bash to ask its version
    print(ShellComplete.source(script))
    return 0
