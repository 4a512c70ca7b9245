"""Models of XGBoost in Universal Binary JSON (ubjson.org, draft 12), looked at before XGBoost reads them.

XGBoost follows lengths and numbers of nodes in a file blindly, and ends the process with a segmentation fault where
they lead out of it. So the structure is read here, and the nodes that trees point to are checked.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from bentoml._util.optional import require

_FORMATS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d", "C": ">c"}
_CONSTANTS = {"Z": None, "T": True, "F": False}
_LENGTHS = frozenset("iUIlL")
_DEEPEST = 64
# Of a tree; a child that is -1 is none.
_CHILDREN = ("left_children", "right_children")
_PER_NODE = (*_CHILDREN, "parents", "split_indices", "split_conditions", "default_left", "base_weights", "split_type")


class DamagedModelError(ValueError):
    """The bytes are no whole model."""


class Numbers(NamedTuple):
    """An array of numbers of one type, which stay as they are in the file.

    Attributes:
        kind: letter of the type.
        content: the numbers, big-endian.
    """

    kind: str
    content: memoryview

    def __len__(self) -> int:
        """How many there are."""
        return len(self.content) // struct.calcsize(_FORMATS[self.kind])

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest one; -1 and -1 where there are none."""
        if not len(self):
            return -1, -1
        values = require("numpy").frombuffer(self.content, struct.Struct(_FORMATS[self.kind]).format)
        return int(values.min()), int(values.max())


class _Reader:
    """Reads values one after another.

    Args:
        content: the whole file.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        self._content = memoryview(content)
        self.position = 0

    def take(self, count: int) -> memoryview:
        """The next bytes.

        Raises:
            DamagedModelError: there are not so many.
        """
        if not 0 <= count <= len(self._content) - self.position:
            raise DamagedModelError(f"something at byte {self.position} is longer than the file")
        self.position += count
        return self._content[self.position - count : self.position]

    def marker(self) -> str:
        """The letter that says what follows."""
        return chr(self.take(1)[0])

    def number(self, kind: str) -> Any:
        """One number of a type."""
        return struct.unpack(_FORMATS[kind], self.take(struct.calcsize(_FORMATS[kind])))[0]

    def length(self, kind: str) -> int:
        """A length, whose letter has been read."""
        if kind not in _LENGTHS:
            raise DamagedModelError(f"byte {self.position - 1} is no type of a length")
        return int(self.number(kind))

    def text(self, kind: str) -> str:
        """A text, the letter of whose length has been read."""
        return bytes(self.take(self.length(kind))).decode()

    def value(self, depth: int = 0) -> Any:
        """Whatever follows."""
        kind = self.marker()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in _FORMATS:
            return self.number(kind)
        if kind == "S":
            return self.text(self.marker())
        if depth > _DEEPEST or kind not in "{[":
            raise DamagedModelError(f"byte {self.position - 1} begins no value")
        return self._object(depth) if kind == "{" else self._array(depth)

    def _object(self, depth: int) -> dict[str, Any]:
        found = {}
        while (kind := self.marker()) != "}":
            name = self.text(kind)
            found[name] = self.value(depth + 1)
        return found

    def _array(self, depth: int) -> list[Any] | Numbers:
        kind = self.marker()
        if kind == "$":
            kind = self.marker()
            if kind not in _FORMATS or self.marker() != "#":
                raise DamagedModelError(f"the array at byte {self.position} has no type or no length")
            return Numbers(kind, self.take(self.length(self.marker()) * struct.calcsize(_FORMATS[kind])))
        if kind == "#":
            return [self.value(depth + 1) for _ in range(self._count())]
        found = []
        while kind != "]":
            self.position -= 1
            found.append(self.value(depth + 1))
            kind = self.marker()
        return found

    def _count(self) -> int:
        """How many values follow, each of which has one byte at least."""
        count = self.length(self.marker())
        if not 0 <= count <= len(self._content) - self.position:
            raise DamagedModelError(f"the array at byte {self.position} is longer than the file")
        return count


def read_ubjson(content: bytes | bytearray) -> Any:
    """The value in a file; arrays of one type are `Numbers`.

    Raises:
        DamagedModelError: the file is not whole, or of another format.
    """
    reader = _Reader(content)
    try:
        value = reader.value()
    except UnicodeDecodeError as error:
        raise DamagedModelError(f"a text before byte {reader.position} is damaged") from error
    if reader.position != len(content):
        raise DamagedModelError(f"it goes on after its end at byte {reader.position}")
    return value


def check_booster(content: bytes | bytearray) -> None:
    """Look at a model of XGBoost: that it is whole, and that its trees stay within their nodes and features.

    Raises:
        DamagedModelError: it is not, or they do not.
    """
    model = read_ubjson(content)
    try:
        learner = model["learner"]
        features = int(learner["learner_model_param"]["num_feature"])
        booster = learner["gradient_booster"]
        forest = booster.get("gbtree", booster).get("model", {})
        trees = forest.get("trees", [])
        for number, tree in enumerate(trees):
            _check_tree(tree, features, f"tree {number}")
    except DamagedModelError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedModelError(f"a part of the model is missing: {error}") from error


def _check_tree(tree: dict[str, Any], features: int, name: str) -> None:
    nodes = int(tree["tree_param"]["num_nodes"])
    if any(len(tree[key]) != nodes for key in _PER_NODE if key in tree):
        raise DamagedModelError(f"{name} has not as many values as nodes")
    for key in _CHILDREN:
        least, greatest = tree[key].limits
        if least < -1 or greatest >= nodes:
            raise DamagedModelError(f"{name} points to a node that it does not have")
    least, greatest = tree["split_indices"].limits
    if least < 0 or greatest >= features:
        raise DamagedModelError(f"{name} asks for a feature that there is not")
