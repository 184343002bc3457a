"""One rule file while it is read: its tree, and problems with their line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.core.time.near import near, only_near
from bot.rulefiles.text.problems import Path, Problem, Severity, aliases, blank_and_optional, explain, field_at
from bot.rulefiles.text.slips import separators
from bot.rulefiles.text.tree import Tree

SWITCHES = {"是": "true", "否": "false"}

FormT = TypeVar("FormT", bound=BaseModel)
FormT_co = TypeVar("FormT_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True)
class Placed(Generic[FormT_co]):
    """A form with its place in a file."""

    sheet: Sheet
    path: Path
    form: FormT_co

    def report(
        self, code: str, loc: Path, message: str, hint: str = "", *, info: bool = False, instead: str = ""
    ) -> None:
        """Reports a problem with the value at `loc` under this form."""
        self.sheet.report(code, (*self.path, *loc), message, hint, info=info, instead=instead)

    def holds(self, loc: Path) -> bool:
        """Whether `loc` exists under this form in the file."""
        path = (*self.path, *loc)
        return self.sheet.tree.find(path) == path

    def spot(self, *loc: str | int) -> str:
        """file:line of the value at `loc` under this form."""
        return self.sheet.spot((*self.path, *loc))


class Sheet:
    """One file. All sheets add to one list of `problems`; `said` translates their text into the plan's own names of roles."""

    def __init__(
        self, file: str, tree: Tree, problems: list[Problem], said: Callable[[str], str] = lambda text: text
    ) -> None:
        self.file, self.tree, self.problems, self._said = file, tree, problems, said

    def report(
        self,
        code: str,
        path: Path,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        info: bool = False,
        instead: str = "",
    ) -> None:
        """Adds a problem, unless one is already reported at or above the path."""
        if not self.tree.is_damaged(self.tree.find(path)):
            place = self.tree.place(path, key=key)
            severity: Severity = "info" if info else "error"
            words = self._said(message), self._said(hint)
            self.problems.append(Problem.at(self.file, place, code, *words, severity, instead))

    def spot(self, path: Path) -> str:
        """file:line of a path, for mentioning another place in a sentence."""
        return f"{self.file}:{self.tree.place(path).line}"

    def form(self, model: type[FormT], path: Path = ()) -> Placed[FormT] | None:
        """The form at `path`; None after reporting every error in it.

        An empty value of an optional key counts as absent.
        """
        data = _switched(self.tree.get(path), model)
        while True:
            try:
                # Only the Chinese aliases are keys; field names are for code that builds forms.
                return Placed(self, path, model.model_validate(data, by_alias=True, by_name=False))
            except ValidationError as error:
                errors = error.errors(include_url=False)
            blanks = [one["loc"] for one in errors if blank_and_optional(one, model)]
            if not blanks:
                break
            data = self._without(data, path, blanks)
        misspelt = [_suggested(one, model) for one in errors if one["type"] == "extra_forbidden"]
        for one in errors:
            if not _only_echo(one) and not (one["type"] == "missing" and one["loc"] in misspelt):
                self._explain(one, model, path)
        return None

    def _without(self, data: Any, path: Path, blanks: Iterable[Path]) -> Any:
        data = deepcopy(data)
        for loc in blanks:
            *above, last = self.tree.find((*path, *loc))[len(path) :]
            here = data
            for part in above:
                here = here[part]
            here.pop(last, None)  # already removed if two keys share a value by a “*” reference
        return data

    def _explain(self, error: ErrorDetails, model: type[BaseModel], path: Path) -> None:
        loc = (*path, *error["loc"])
        slip = self._unseparated(error, loc)
        if slip is not None:
            self.problems.append(slip)
            return
        code, message, hint = explain(error, model)
        unknown = error["type"] == "extra_forbidden"
        self.report(code, loc, message, hint, key=unknown, instead=self._meant(model, path, error) if unknown else "")

    def _meant(self, model: type[BaseModel], path: Path, error: ErrorDetails) -> str:
        """The key that an unknown one must be a misspelling of, if the form has it and the file does not; else empty."""
        *above, word = error["loc"]
        here = field_at(model, tuple(above))[0]
        written = self.tree.get(self.tree.find((*path, *above)))
        match = only_near(str(word), aliases(here)) if here else ""
        return match if isinstance(written, dict) and match not in written else ""

    def _unseparated(self, error: ErrorDetails, loc: Path) -> Problem | None:
        """A clearer problem for a text where keys are expected: usually its colon is full-width or lacks a blank."""
        text = error["input"]
        if error["type"] not in ("model_type", "dict_type", "model_attributes_type") or not isinstance(text, str):
            return None
        found = next(separators(text, self.tree.place(loc)), None)
        return Problem.at(self.file, found[0], *found[1]) if found else None


def _switched(data: Any, model: type[BaseModel]) -> Any:
    """The data with 是 and 否 as words that pydantic accepts for bool, also in nested forms."""
    if isinstance(data, list):
        return [_switched(one, model) for one in data]
    if not isinstance(data, dict):
        return data
    fields = aliases(model)
    return {key: _switch(value, fields[key].annotation) if key in fields else value for key, value in data.items()}


def _switch(value: Any, annotation: Any) -> Any:
    if annotation is bool:
        return SWITCHES.get(str(value), value)
    if isinstance(value, dict) and get_origin(annotation) is dict:  # a mapping from free names to forms
        return {key: _switch(one, get_args(annotation)[1]) for key, one in value.items()}
    inner = _form_in(annotation) if isinstance(value, dict | list) else None
    return _switched(value, inner) if inner else value


def _form_in(annotation: Any) -> type[BaseModel] | None:
    """The form in an annotation, single or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((form for part in get_args(annotation) if (form := _form_in(part))), None)


def _suggested(error: ErrorDetails, model: type[BaseModel]) -> Path:
    """The path of the key that an unknown key probably stands for."""
    *above, word = error["loc"]
    here = field_at(model, tuple(above))[0]
    return (*above, near(str(word), aliases(here)) if here else "")


def _only_echo(error: ErrorDetails) -> bool:
    """Whether an error only follows from others: pydantic calls a list too short if its entries were refused."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]
