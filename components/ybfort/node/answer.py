"""What a cloud answers, a JSON object; it is checked when it is read. No message repeats what it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from ybfort.node.cloud import CloudFailure


@dataclass(frozen=True)
class Answer:
    """A JSON object, or a part of one."""

    about: str  # what was asked for, in words
    content: Any

    def text(self, *path: str) -> str:
        """A text in it.

        :raises CloudFailure: if there is none
        """
        found: Any = self.content
        for name in path:
            found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
        if not isinstance(found, str):
            raise CloudFailure(f"{self.about}: the answer has no {'.'.join(path)}.")
        return found

    def time(self, name: str) -> float:
        """A time in it: seconds since 1970.

        :raises CloudFailure: if there is none
        """
        try:
            return datetime.fromisoformat(self.text(name).replace("Z", "+00:00")).timestamp()  # 3.9 reads no `Z`
        except ValueError:
            raise CloudFailure(f"{self.about}: {name} in the answer is not a time.") from None

    def items(self, name: str) -> list[Answer]:
        """The parts of a list in it, which clouds leave out when it is empty.

        :raises CloudFailure: if it is something else
        """
        found: Any = self._list(name)
        return [Answer(self.about, one) for one in found]

    def texts(self, name: str) -> list[str]:
        """The texts of a list in it.

        :raises CloudFailure: if it is something else
        """
        found = self._list(name)
        if not all(isinstance(one, str) for one in found):
            raise CloudFailure(f"{self.about}: {name} in the answer is not a list of texts.")
        return found

    def _list(self, name: str) -> list[Any]:
        found: Any = (cast("dict[str, Any]", self.content).get(name) or []) if isinstance(self.content, dict) else None
        if not isinstance(found, list):
            raise CloudFailure(f"{self.about}: {name} in the answer is not a list.")
        return cast("list[Any]", found)


def answer(about: str, text: str | bytes, sender: str) -> Answer:
    """What somebody said, which is nothing when there is nothing to say.

    :raises CloudFailure: if it is not a JSON object
    """
    try:
        content: Any = json.loads(text.strip() or "{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CloudFailure(f"{about}: {sender} what is not a JSON object.")
    return Answer(about, cast("dict[str, Any]", content))
