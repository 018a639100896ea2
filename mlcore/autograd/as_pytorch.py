"""A program as plain PyTorch code, ready to paste."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from mlcore.autograd.backward_options import BackwardOptions
from mlcore.autograd.functions import FUNCTIONS
from mlcore.autograd.inputs import Leaf, leaf_text
from mlcore.autograd.program import Program


def as_pytorch(
    program: Program,
    leaves: Mapping[str, Leaf],
    *,
    order: int = 1,
    backward_options: BackwardOptions | None = None,
) -> str:
    """Python code that needs only PyTorch and gives the same gradients.

    Args:
        program: The program.
        leaves: Its leaves.
        order: 2 adds the Hessian.
        backward_options: Writes the ledger's calls of ``backward()`` instead of a single one.
    """
    lines = ["import torch", ""]
    lines += [f"{name} = {_tensor(given)}" for name, given in leaves.items()]
    lines.append("")
    body = torch_lines(program)
    if backward_options is None:
        lines += [*body, f"{program.output_name}.backward()", ""]
        lines += [_print(name) for name, given in leaves.items() if given.requires_grad]
    else:
        lines += _calls(program, leaves, body, backward_options)
    if order == 2:
        wanted = [name for name, given in leaves.items() if given.requires_grad]
        lines += ["", *_hessian(program, body, wanted)]
    return "\n".join(lines) + "\n"


def as_trace(program: Program, leaves: Mapping[str, Leaf], order: int = 1) -> str:
    """The same as a call of ``mlcore.autograd.trace``."""
    values = ", ".join(f'"{name}": {leaf_text(given.value)}' for name, given in leaves.items())
    wanted = ", ".join(f'"{name}"' for name, given in leaves.items() if given.requires_grad)
    comma = "," if wanted.count('"') == 2 else ""
    return (
        "import mlcore\n\n"
        f"program = {_quoted(program.text)}\n"
        f"t = mlcore.autograd.trace(program, {{{values}}}, "
        f"requires_grad=({wanted}{comma}), order={order})\n"
        "print(t.value, dict(t.grads))\nprint(t.to_frame())\n"
    )


def torch_lines(program: Program) -> list[str]:
    """The program's own lines with PyTorch's names for its functions."""
    tree = ast.parse(program.text)
    last = tree.body[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Name):
        target = ast.Name(program.output_name, ast.Store())
        tree.body[-1] = ast.Assign([target], last.value, lineno=last.lineno)
    elif isinstance(last, ast.Expr):
        tree.body.pop()
    return ast.unparse(ast.fix_missing_locations(_Torch().visit(tree))).splitlines()


class _Torch(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:  # ast's protocol
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name):
            return node
        known = FUNCTIONS[node.func.id]
        name = known.torch_name
        if known.arguments == (1, 2) and len(node.args) == 2:
            name = {"max": "torch.maximum", "min": "torch.minimum"}[known.name]
        if known.name in ("softmax", "log_softmax") and not node.keywords:
            node.keywords = [ast.keyword("dim", ast.Constant(-1))]
        node.func = ast.parse(name, mode="eval").body
        return node


def _tensor(given: Leaf) -> str:
    value = leaf_text(given.value)
    if given.dtype != "int64":
        value = ", ".join(_float(part) for part in value.split(", "))
    kind = "" if given.dtype == "float32" else f", dtype=torch.{given.dtype}"
    return f"torch.tensor({value}{kind}{', requires_grad=True' * given.requires_grad})"


def _float(text: str) -> str:
    digits = text.strip("[]-")
    return text if "." in digits or "e" in digits else text.replace(digits, digits + ".0")


def _print(name: str) -> str:
    return f'print("{name}.grad =", {name}.grad)'


def _calls(
    program: Program, leaves: Mapping[str, Leaf], body: list[str], s: BackwardOptions
) -> list[str]:
    forward = list(body)
    if s.detach:
        forward = _detached(forward, s.detach)
    if s.no_grad:
        forward = ["with torch.no_grad():", *(f"    {line}" for line in forward)]
    if s.retain_grad:
        forward.append(f"{s.retain_grad}.retain_grad()")
    wanted = [name for name, given in leaves.items() if given.requires_grad]
    zeroed = [*wanted, *([s.retain_grad] if s.retain_grad else [])]
    options = ", ".join(
        f"{name}=True" for name in ("retain_graph", "create_graph") if getattr(s, name)
    )
    lines: list[str] = []
    for call in range(1, s.calls + 1):
        through = call == 2 and bool(s.then_by)
        if call == 1 or (s.forward_again and not through):
            lines += forward
        if s.zero_grad and call > 1:
            lines.append(" = ".join(f"{name}.grad" for name in zeroed) + " = None")
        if s.edit and s.edit_no_grad:
            lines += ["with torch.no_grad():", f"    {s.edit}.add_(1)"]
        elif s.edit:
            lines.append(f"{s.edit}.add_(1)")
        lines.append(f"{'g' if through else program.output_name}.backward({options})")
        lines += [_print(name) for name in zeroed]
        if call == 1 and s.then_by and s.calls > 1:
            lines.append(f"g = {s.then_by}.grad.sum()")
        lines.append("")
    return lines[:-1]


def _detached(body: list[str], name: str) -> list[str]:
    """Replace every use of a name by ``name.detach()``; its own line stays."""
    tree = ast.parse("\n".join(body))

    class Uses(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:  # ast's protocol
            if node.id != name or not isinstance(node.ctx, ast.Load):
                return node
            return ast.parse(f"{name}.detach()", mode="eval").body

    return ast.unparse(ast.fix_missing_locations(Uses().visit(tree))).splitlines()


def _hessian(program: Program, body: list[str], wanted: list[str]) -> list[str]:
    leaves = ", ".join(wanted)
    comma = "," if len(wanted) == 1 else ""
    return [
        "# second derivatives: the gradient gets a graph of its own",
        *body,
        f"leaves = ({leaves}{comma})",
        f"first = torch.autograd.grad({program.output_name}, leaves, create_graph=True, "
        "materialize_grads=True)",
        "for gradient in torch.cat([g.reshape(-1) for g in first]):",
        "    if gradient.requires_grad:",
        "        print(torch.autograd.grad(gradient, leaves, retain_graph=True, "
        "materialize_grads=True))",
        "    else:",
        "        print(tuple(torch.zeros_like(leaf) for leaf in leaves))",
    ]


def _quoted(text: str) -> str:
    return f'"""{text}"""' if "\n" in text else f'"{text}"'
