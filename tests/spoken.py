"""What a module says: the sentences in its code, in English, as `say` and errors take them."""

import ast

from micrograd_kr.drawing import DrawingError, RendererMissing
from micrograd_kr.files import FileError
from micrograd_kr.parallel import ParallelError
from micrograd_kr.teacher.ask.messages import ExerciseError

ERRORS = DrawingError, RendererMissing, ExerciseError, FileError, ParallelError
SAYING = {"say", "SaidError", *(each.__name__ for each in ERRORS)}


def sentences(code: str) -> list[str]:
    """The first argument of every call of `say`, or of an error that takes a sentence as `say` does.

    One that is no plain text cannot be looked up and is an error, but where a sentence made elsewhere is handed on.
    """
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
            handed_on = node.func.id != "say" and isinstance(
                node.args[0], ast.Name | ast.Attribute | ast.Call | ast.IfExp
            )
            found += [] if handed_on else [ast.literal_eval(node.args[0])]
    return found
