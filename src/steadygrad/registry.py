"""One catalogue for every kind of item: rules, remedies, statistics, schemes.

A catalogue is the tuple of classes a `catalog/__init__.py` exports, plus what installed packages announce under the
entry-point group `steadygrad.<kind>`. There is no registration call: a new item is one new file and one export line.
"""

import difflib
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from steadygrad.errors import TargetError

Item = TypeVar("Item")


class Catalogue(Generic[Item]):
    """Named items of one kind, in a fixed order, found by any of their names.

    Args:
        kind: what the items are, in the plural ("rules"); also the suffix of the entry-point group.
        items: the built-in items; each has the attributes named in `keys`.
        keys: the attributes an item may be looked up by.

    Raises:
        TargetError: two items share a name.
    """

    def __init__(self, kind: str, items: Iterable[Item], keys: tuple[str, ...] = ("name",)) -> None:
        self.kind = kind
        self.keys = keys
        self._items: dict[str, Item] = {}
        self._ordered: list[Item] = []
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        """Append one item; its names must be new."""
        names = [str(getattr(item, key)) for key in self.keys]
        for name in names:
            if name in self._items:
                raise TargetError(f"`{name}` names two {self.kind}: {self._items[name]!r} and {item!r}; rename one")
        self._items.update(dict.fromkeys(names, item))
        self._ordered.append(item)

    def add_installed(self) -> None:
        """Append what other installed packages offer under `steadygrad.<kind>`."""
        for entry in entry_points(group=f"steadygrad.{self.kind}"):
            item = entry.load()
            if item not in self._ordered:
                self.add(item)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._ordered)

    def __len__(self) -> int:
        return len(self._ordered)

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def __getitem__(self, name: str) -> Item:
        """The item called `name`.

        Raises:
            TargetError: no item has that name; the message offers the nearest ones.
        """
        if name in self._items:
            return self._items[name]
        near = difflib.get_close_matches(name, self._items, n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else f"; there are {', '.join(sorted(self._items))}"
        raise TargetError(f"no {self.kind.rstrip('s')} is called `{name}`{hint}")
