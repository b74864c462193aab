"""What is said, in two languages: a sentence and what stands in its gaps; whoever shows it chooses the language.

    said = say("unknown name {name}{meant}", name="W9", meant=say(", did you mean {near}?", near="W5"))
    str(said), said.in_("ko")

The English stands where it is said; the Korean beside this file in korean.json, each sentence by its English.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "ko")


@dataclass(frozen=True)
class Said:
    """A sentence. text: in English, with gaps as in str.format. gaps: what stands in them, sentences among them.

    As a string it is English.
    """

    text: str
    gaps: Mapping[str, Any] = field(default_factory=dict)

    def template(self, lang: str) -> str:
        """The sentence in a language with its gaps open."""
        return self.text if lang == "en" else _korean()[self.text]

    def in_(self, lang: str) -> str:
        """The sentence in a language, "en" or "ko"."""
        return self.template(lang).format_map(
            {name: each.in_(lang) if isinstance(each, Said) else each for name, each in self.gaps.items()}
        )

    def __str__(self) -> str:
        return self.in_("en")


def say(text: str, /, **gaps: Any) -> Said:
    """A sentence with what stands in its gaps."""
    return Said(text, gaps)


@cache
def _korean() -> dict[str, str]:
    found: dict[str, str] = json.loads(files("micrograd_kr").joinpath("korean.json").read_text("utf-8"))
    return found


class SaidError(ValueError):
    """What was expected, what came and what to do, in both languages: str(error) is English, error.korean Korean.

    said: a sentence, or one in English with gaps, as for `say`.
    """

    def __init__(self, said: Said | str, /, **gaps: Any) -> None:
        self.said = said if isinstance(said, Said) else Said(said, gaps)
        super().__init__(self.said)

    @property
    def korean(self) -> str:
        return self.said.in_("ko")


def check_language(lang: str) -> None:
    """Raise SaidError for a language that nothing is said in."""
    if lang not in LANGUAGES:
        languages = " or ".join(map(repr, LANGUAGES))
        raise SaidError("expected a language, {languages}, got {lang!r}", languages=languages, lang=lang)
