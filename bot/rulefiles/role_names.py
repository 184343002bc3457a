"""称呼: a plan may give the roles its own names (主责单位, 参加单位); in rule files they are read as the bot's standard names.

The tree with its places is translated before the forms read it, and problems are translated back into the plan's names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.core.rules.forms import ROLE_KEYS, Role
from bot.rulefiles.text.problems import Path, Place, Problem
from bot.rulefiles.text.tree import Tree

#: The key of a rung that lists roles.
ROLES = "对象"


@dataclass(frozen=True)
class OwnCalls:
    """A plan's own names: `keys` maps its keys to the standard ones (参加 → 配合), `roles` its role names (参加单位 → 配合单位)."""

    keys: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    def read(self, tree: Tree, file: str) -> tuple[Tree, list[Problem]]:
        """The tree with standard names, and a problem for each key that is written under both names."""
        twice: list[Problem] = []
        data = self._data(tree.data, (), tree, file, twice)

        def moved(places: Mapping[Path, Place]) -> dict[Path, Place]:
            return {self._path(path): place for path, place in reversed(list(places.items()))}

        damaged = frozenset(self._path(path) for path in tree.damaged)
        return replace(tree, data=data, values=moved(tree.values), keys=moved(tree.keys), damaged=damaged), twice

    def used_in(self, tree: Tree) -> bool:
        """Whether the file contains any of the plan's own names."""
        return any(part in self.keys for path in tree.keys for part in path[-1:]) or any(
            word in self.roles for word in _texts(tree.data, ROLES)
        )

    def _path(self, path: Path) -> Path:
        return tuple(self.keys.get(part, part) if isinstance(part, str) else part for part in path)

    def _data(self, here: Any, path: Path, tree: Tree, file: str, twice: list[Problem]) -> Any:
        if isinstance(here, list):
            return [self._data(one, (*path, index), tree, file, twice) for index, one in enumerate(here)]
        if not isinstance(here, dict):
            return here
        found: dict[str, Any] = {}
        written: dict[str, str] = {}
        for key, value in here.items():
            name = self.keys.get(key, key)
            if written.setdefault(name, key) != key:
                words = f"“{written[name]}”和“{key}”是一回事，写了两次", "留下一个"
                twice.append(Problem.at(file, tree.place((*path, key), key=True), "duplicate-key", *words))
                continue
            found[name] = self._data(value, (*path, key), tree, file, twice)
            if name == ROLES:
                found[name] = self._roles(found[name])
        return found

    def _roles(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._roles(one) for one in value]
        return self.roles.get(value, value) if isinstance(value, str) else value

    def said(self, text: str) -> str:
        """A sentence with the plan's names; a role in quotes is left, since it quotes the file, unless it is a proposal."""
        for own, ours in self.keys.items():
            if own not in self.roles:
                text = text.replace(f"“{ours}”", f"“{own}”")
        for own, ours in self.roles.items():
            text = re.sub(f"(?<!“){ours}|(?<=是不是“){ours}", own, text)
        return text


def _texts(here: Any, key: str, under: bool = False) -> Iterator[str]:
    """Every text under a key, at any depth."""
    if isinstance(here, dict):
        for name, value in here.items():
            yield from _texts(value, key, name == key)
    elif isinstance(here, list):
        for one in here:
            yield from _texts(one, key, under)
    elif under and isinstance(here, str):
        yield here


def own_calls(plan: Any, taken: Collection[str]) -> OwnCalls:
    """The names of the roles in the raw plan.yaml, as far as they are valid. `taken` are keys with another meaning."""
    written = plan.get("称呼") if isinstance(plan, dict) else None
    keys: dict[str, str] = {}
    roles: dict[str, str] = {}
    for role, name in written.items() if isinstance(written, dict) else ():
        if role not in set(Role) or not isinstance(name, str) or name in set(Role):
            continue
        roles[name] = role
        for key in dict.fromkeys((re.sub("单位$", "", name), name)):
            if role in ROLE_KEYS and key not in taken:
                keys.setdefault(key, ROLE_KEYS[Role(role)])
    return OwnCalls(keys, roles)
