"""What quantities are called in a sentence: as on the sheet, else as a textbook calls them."""

from collections.abc import Mapping

from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.quantity import derivative, read
from micrograd_kr.teacher.check.working import Working


def called(working: Working, written: Mapping[str, str]) -> dict[str, str]:
    """The names of everything in a working. written: those that are on the sheet.

    An update is by the loss's derivative, dE/dW; elsewhere nobody goes by way of a bias, dE/db, where dE/dz is meant.
    """
    forms = working.known.forms
    loss, parameters = forms.exercise.loss, forms.exercise.parameters
    names = dict(written)
    for name in dict.fromkeys(working.called.values()):
        _, by = forms.gradients.get(name, ("", ""))
        on_sheet = read(written.get(name, ""))
        is_of_loss = by and _is_named(forms.gradient(loss, by), name)
        if is_of_loss and (name not in written or (on_sheet.by in parameters and on_sheet.by != by)):
            names[name] = derivative(loss, by)
    asked = read(working.name)
    if asked.kind == "updated" and isinstance(gradient := forms.gradient(loss, asked.of), Symbol):
        names[str(gradient.name)] = derivative(loss, asked.of)
    if working.name in written:
        names[working.name] = written[working.name]
    return names


def _is_named(gradient: object, name: str) -> bool:
    return isinstance(gradient, Symbol) and gradient.name == name
