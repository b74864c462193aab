"""The mistakes that a page knows: edits of the working of each quantity, where what it needs is on the sheet.

An edit is rows of the page's table of expressions: what stands there, and what is put for it; or an operand, and the
names that are taken for it. What a mistake is called is written here, in the words of `check`. How likely one is, and
whether it comes to the person's number, the page works out (web/causes.js).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from micrograd_kr.said import LANGUAGES, Said
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.check import causes, mistakes, slips
from micrograd_kr.teacher.check.diagnosis import NOTES as OF_CAUSES
from micrograd_kr.teacher.check.diagnosis import names_of
from micrograd_kr.teacher.check.mistakes import Catalogue, Edit
from micrograd_kr.teacher.check.report import SAME_AS, SAME_AT, WORKING, few_decimals
from micrograd_kr.teacher.check.rows import ALL_IN_FLOAT32, IN_FLOAT32, NOT_UPDATED
from micrograd_kr.teacher.check.sheet import Sheet
from micrograd_kr.teacher.check.withheld import A_SLIP
from micrograd_kr.teacher.check.working import Known, Working
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.show.answers import Answers

TAKEN = ("index", "operand", "updated", "old", "one")  # one name for another
OF_ANY = ("far", "copied")  # what any name that is known by then is written for
MOST = 4_000  # edits; with more a page would come near to a megabyte
DIGITS = {"before": slips.BEFORE, "after": slips.AFTER, "exchanged": slips.EXCHANGED}
NOTES = {
    "working": WORKING.said,
    "fewDecimals": few_decimals(0).said,
    "fewerDecimals": OF_CAUSES["fewer decimals"],
    "fewDigits": OF_CAUSES["few digits"],
    "notUpdated": NOT_UPDATED.said,
    "inFloat32": IN_FLOAT32.said,
    "allInFloat32": ALL_IN_FLOAT32.said,
    "aSlip": A_SLIP,
    "sameAs": SAME_AS,
    "sameAt": SAME_AT,
}
ODDS = ("MAGNITUDES", "UNFORESEEN", "POSSIBLE", "LIKELY", "CERTAIN", "NEARLY_ALL", "WORSE", "OWN")


class Sentences:
    """Sentences as rows, each template and each text once."""

    def __init__(self) -> None:
        self.templates, self.texts = dict[str, int](), dict[str, int]()

    def row(self, said: Any) -> Any:
        """A text's place; of a sentence its template's place, and what stands in its gaps, in the template's order."""
        if not isinstance(said, Said):
            return self.texts.setdefault(str(said), len(self.texts))
        return [self.template(said.text), *(self.row(said.gaps[name]) for name in gaps_of(said.text))]

    def template(self, text: str) -> int:
        return self.templates.setdefault(text, len(self.templates))

    def content(self) -> dict[str, Any]:
        gaps = [gaps_of(each) for each in self.templates]
        templates = {lang: [Said(each).template(lang) for each in self.templates] for lang in LANGUAGES}
        return {"gaps": gaps, "templates": templates, "texts": list(self.texts)}


def gaps_of(text: str) -> list[str]:
    """The names of the gaps in a template, each once; the Korean has no others."""
    return list(dict.fromkeys(re.findall(r"{(\w+)}", text)))


class Mistakes:
    """What people do wrong in the usual working of each quantity that may be asked for."""

    def __init__(self, answers: Answers) -> None:
        self.answers, self.table, self.sentences = answers, answers.table, Sentences()
        solution = answers.solution
        exact = {name: repr(solution.value(name)) for name in answers.names}
        solution = replace(solution, exercise=with_hand(solution.exercise, exact))
        self.sheet = Sheet(solution, answers.lines)
        self.names: dict[str, str] = {}
        self._lines: dict[Any, int] = {}
        self.edits = 0
        self.forms, self.known = self.sheet.forms, Known(self.sheet)

    def content(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        of = [each for name in self.sheet.judged for each in self._of(name)]
        names = {key: _as_text(self.names.get(key, key)) for key in self.table.names}
        return {
            "kinds": [self._kind(kind) for kind in causes.KINDS],
            "of": of,
            "odds": {name.lower(): getattr(causes, name) for name in ODDS},
            "names": list(names.items()),
            "called": list(self._called()),
            "either": self.sentences.template(causes.EITHER.text),
            "told": self.sentences.template(causes.TOLD.text),
            "digits": {name: self.sentences.template(each.text) for name, each in DIGITS.items()},
            "notes": {name: self.sentences.template(each.text) for name, each in NOTES.items()},
            **self.sentences.content(),
        }

    def _called(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The rows that call quantities otherwise than the sentences do: what they are called there, and here.

        A row has its own name, and an update is by the derivative that has the parameter's.
        """
        for name, judged in self.sheet.judged.items():
            own = {judged.key: name} | causes.of_update(name, self.forms)
            pairs = [(_as_text(self.names.get(key, key)), _as_text(here)) for key, here in own.items()]
            if others := [(there, here) for there, here in pairs if there != here]:
                yield name, others

    def _kind(self, kind: str) -> tuple[Any, ...]:
        """Its name, how common it is, whether it is ordinary, a mistake, a slip of a pen; its sentence."""
        among = (causes.ORDINARY, mistakes.SENTENCES, slips.OF_A_PEN)
        template = self.sentences.template(causes.SENTENCES[kind].text)
        return kind, causes.COMMON.get(kind, 1.0), *(int(kind in each) for each in among), template

    def _of(self, name: str) -> Iterator[dict[str, Any]]:
        """The usual working of a quantity, once its name comes up on the sheet, and what people do wrong in it.

        plan: the form of each quantity that is worked. root: all of it. A row that stands for two places is not known.
        """
        judged, known, forms = self.sheet.judged[name], self.known, self.forms
        is_first = self.edits < MOST and judged.key not in known.names
        if judged.key and is_first and forms.expansion(judged.key) is not None:
            among = [form for form in forms.of(judged.key, known.numbers, named=True) if self._is_at_hand(form)]
            if not among:
                known.know(judged, judged.value)
                return
            plans = [known.plan(judged.key, form) for form in among]
            plan = min(plans, key=lambda plan: sum(len(forms.operations(form)) or 1 for form in plan.values()))
            working = Working(known, judged.key, plan)
            rows = [self.table.place(node) for node in working.order]
            if len(set(rows)) == len(rows):
                yield {
                    "key": judged.key,
                    "plan": [(each, self.table.place(form)) for each, form in plan.items()],
                    "root": self.table.place(working.root),
                    **self._edits(working),
                }
        known.know(judged, judged.value)

    def _is_at_hand(self, form: Any) -> bool:
        """Whether all that a form needs may be on the sheet, but for local derivatives."""
        names = self.forms.names_in(form)
        return all(each in self.known.numbers or self.forms.is_local(each) for each in names)

    def _edits(self, working: Working) -> dict[str, Any]:
        """edits: kind, whether it is made throughout, rows and what is put for them in turn, what is said of it, the
        line as it ought to be, and of one throughout what is said of it where it is made once.

        taken: kind, operand, the rows in which it stands, the names that are taken for it. uses: operands and the rows
        in which they stand, for names that nobody would think of, and for slips. form: the line as it ought to be,
        everywhere the last.
        """
        place, edits = self.table.place, list[Any]()
        taken = dict[Any, list[int]]()
        catalogue = Catalogue(working)
        found = list(catalogue.edits())
        self.names = names_of(self.sheet)  # of derivatives that came up, too
        for edit in found:
            kind = causes.KINDS.index(edit.kind)
            if edit.kind in TAKEN and edit.operands and not edit.throughout and isinstance(edit.done, Symbol):
                key = kind, place(edit.due), tuple(map(place, edit.operands)), self._form(edit, working)
                taken.setdefault(key, []).append(place(edit.done))
            elif edit.kind not in OF_ANY:
                changes = [each for pair in edit.changes.items() for each in map(place, pair)]
                row = [self._said(edit, working), self._form(edit, working)]
                if edit.throughout:
                    row.append(self._said(causes.once(edit), working))
                edits.append((kind, int(edit.throughout), changes, *row))
        uses = []
        for where, of in catalogue.uses.items():
            for operand, nodes in of.items():
                edit = Edit("far", where, operand, operand, operands={node: {} for node in nodes})
                uses.append((place(operand), list(map(place, nodes)), self._form(edit, working)))
        self.edits += len(edits)
        return {
            "edits": edits,
            "taken": [(kind, due, nodes, others, form) for (kind, due, nodes, form), others in taken.items()],
            "uses": uses,
            "form": self._form(Edit("copied", working.name, working.root, working.root), working),
        }

    def _said(self, edit: Edit, working: Working) -> Any:
        return self.sentences.row(causes.done(edit, working, self.names))

    def _form(self, edit: Edit, working: Working) -> int:
        """The place of the line as it ought to be; most edits of a working share one."""
        asked = working, causes.line_shown(edit, working)
        if asked not in self._lines:
            self._lines[asked] = int(self.sentences.row(causes.line_due(edit, working, self.names)))
        return self._lines[asked]


def _as_text(name: str) -> str:
    return notation.text(Symbol(name, 0.0))
