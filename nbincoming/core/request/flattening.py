"""Flatten a value to its leaves, each under its label, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nbincoming.core.request.labels import Segment, format_name, parse
from nbincoming.core.request.values import Value


def flatten(value: Value, root: str = "body") -> dict[str, Value]:
    """Name each leaf of a value by its label, in document order.

    Empty objects and arrays are leaves.
    """
    flat: dict[str, Value] = {}
    if (type(value) is dict or type(value) is list) and value:
        _flatten(value, root, flat)
    else:
        flat[root] = value
    return flat


def unflatten(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Rebuild the values that :func:`flatten` flattened, by root.

    Raises
    ------
    ValueError
        If the labels do not form a tree.
    """
    tree: dict[Segment, Value] = {}
    for label, leaf in flat.items():
        path = parse(label)
        node = tree
        for segment in path[:-1]:
            child = node.setdefault(segment, _Node())
            if not isinstance(child, _Node):
                raise ValueError(f"{label} is below a label that has a value. Remove one of them.")
            node = child
        if node.setdefault(path[-1], leaf) is not leaf:
            raise ValueError(f"{label} has both a value and members. Remove one of them.")
    return {str(root): _rebuild(child) for root, child in tree.items()}


class _Node(dict[Segment, Value]):
    """An object or array that is being rebuilt; a leaf ``{}`` is a plain dict."""


def _rebuild(node: Value) -> Value:
    if not isinstance(node, _Node):
        return node
    if all(isinstance(segment, int) for segment in node):
        indexes = sorted(node)  # type: ignore[type-var]  # checked: all are integers
        if indexes != list(range(len(node))):
            raise ValueError("An array has gaps: its indexes are not 0, 1, 2 and so on.")
        return [_rebuild(node[index]) for index in indexes]
    if not all(isinstance(segment, str) for segment in node):
        raise ValueError("A value has both members and elements.")
    return {segment: _rebuild(child) for segment, child in node.items()}


class _Memo:
    """Caches labels by the label of the object and the member's name: requests repeat them.

    Looking a label up takes less time than joining and hashing it, and the samples of a frame
    share one text. The cache is emptied when it is full and contains no long labels, so no sender
    can fill the memory.
    """

    __slots__ = ("known", "size")

    most: Final = 65_536
    longest: Final = 200

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}
        self.size = 0

    def below(self, label: str) -> dict[str, str]:
        """Return the cache of one object's members, by name."""
        members: dict[str, str] = {}
        if len(label) <= self.longest:
            self._count()
            self.known[label] = members
        return members

    def join(self, label: str, name: str, members: dict[str, str]) -> str:
        """Make a member's label and cache it."""
        joined = label + format_name(name)
        if len(joined) <= self.longest:
            self._count()
            members[name] = joined
        return joined

    def _count(self) -> None:
        # Threads may lose a count, or fill a cache that was emptied: both are harmless.
        if self.size >= self.most:
            self.known.clear()
            self.size = 0
        self.size += 1


_MEMO: Final = _Memo()


def _flatten(value: Value, label: str, flat: dict[str, Value]) -> None:
    # The inner loop of every frame. [] in a try is the fastest look-up in a dict.
    if type(value) is dict:
        members = _MEMO.known.get(label)
        if members is None:
            members = _MEMO.below(label)
        for name, child in value.items():
            try:
                here = members[name]
            except KeyError:
                here = _MEMO.join(label, name, members)
            child_type = type(child)
            if child_type is str:
                flat[here] = child
            elif (child_type is dict or child_type is list) and child:
                _flatten(child, here, flat)
            else:
                flat[here] = child
    else:
        for index, child in enumerate(value):
            here = f"{label}[{index}]"
            if child and (type(child) is dict or type(child) is list):
                _flatten(child, here, flat)
            else:
                flat[here] = child
