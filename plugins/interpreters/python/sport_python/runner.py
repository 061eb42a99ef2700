"""Compiles a piece of agent code, executes it, and finds the value of its last expression."""

import ast

# Names of our own: between the two, the code may have overwritten the built-in ones.
_exec, _eval = exec, eval


def execute(code, filename, namespace):
    """Run `code` in `namespace`; the value of its last statement if that is an expression, else None.

    Whatever the code raises comes through, as do the exceptions of the compiler.
    """
    tree = ast.parse(code, filename)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    # Both are compiled before the first runs: a syntax error anywhere means that nothing ran.
    statements = compile(tree, filename, "exec", dont_inherit=True) if tree.body else None
    expression = compile(ast.Expression(last.value), filename, "eval", dont_inherit=True) if last else None
    if statements is not None:
        _exec(statements, namespace)
    return None if expression is None else _eval(expression, namespace)
