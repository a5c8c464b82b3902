"""Turn a JSON value into a flat dict from labels to leaves, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nbincoming.core.request.labels import Segment, format_name, parse
from nbincoming.core.request.values import Value


def flatten(value: Value, root: str = "body") -> dict[str, Value]:
    """Return the leaves of a value by label, in document order.

    Empty objects and arrays are leaves.
    """
    flat: dict[str, Value] = {}
    if (type(value) is dict or type(value) is list) and value:
        _flatten(value, root, flat)
    else:
        flat[root] = value
    return flat


def unflatten(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Rebuild the nested values by root; the inverse of :func:`flatten`.

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
    """An object or array that is being rebuilt. A plain dict is a leaf: ``{}``."""


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


class _LabelCache:
    """Caches labels by the object's label and the member's name, because requests repeat them.

    Looking a label up is faster than building it. The cache skips long labels and is emptied when
    it is full, so no sender can fill the memory.
    """

    __slots__ = ("known", "size")

    max_labels: Final = 65_536
    max_length: Final = 200

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}
        self.size = 0

    def below(self, label: str) -> dict[str, str]:
        """Add a cache for the labels of one object's members, and return it."""
        members: dict[str, str] = {}
        if len(label) <= self.max_length:
            self._count()
            self.known[label] = members
        return members

    def join(self, label: str, name: str, members: dict[str, str]) -> str:
        """Make a member's label and cache it."""
        joined = label + format_name(name)
        if len(joined) <= self.max_length:
            self._count()
            members[name] = joined
        return joined

    def _count(self) -> None:
        # Without a lock, threads may miscount or fill an emptied cache. Both are harmless.
        if self.size >= self.max_labels:
            self.known.clear()
            self.size = 0
        self.size += 1


_CACHE: Final = _LabelCache()


def _flatten(value: Value, label: str, flat: dict[str, Value]) -> None:
    # Runs for every leaf of every sample. [] in a try is the fastest look-up in a dict.
    if type(value) is dict:
        members = _CACHE.known.get(label)
        if members is None:
            members = _CACHE.below(label)
        for name, child in value.items():
            try:
                here = members[name]
            except KeyError:
                here = _CACHE.join(label, name, members)
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
