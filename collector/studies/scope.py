"""Which studies a person may see: the one rule, and the SQL conditions by which every query of people keeps to it.

    rows = conn.execute(text(f"SELECT id FROM task WHERE {within('task.study')}"), scope.values)

A person may see every study, unless rows of `person_study` limit them to some. What lies outside answers as if it were
not there. Commands on the collector's machine see everything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from collector.people.policy import Person
from collector.store.dialects import in_json_list


@dataclass(frozen=True)
class Scope:
    """The studies that may be seen; None: every study there is."""

    studies: tuple[str, ...] | None

    @cached_property
    def values(self) -> dict[str, str | None]:
        """The parameter of statements with a condition of this module."""
        return {"studies": None if self.studies is None else json.dumps(self.studies)}


EVERYTHING = Scope(None)


def scope_of(person: Person) -> Scope:
    """What a person may see."""
    return EVERYTHING if person.studies is None else Scope(person.studies)


def within(study: str) -> str:
    """A condition: the column (or expression) `study` names one of the studies in the parameter `:studies`."""
    # Without a limit the expression is not evaluated: a subquery in it takes no time then.
    return f"(:studies IS NULL OR {in_json_list(study, 'studies')})"


def within_session(session: str) -> str:
    """`within` for the study of the session that the column `session` names; one that is not here is in none."""
    return within(f"(SELECT seen.study FROM session AS seen WHERE seen.id = {session})")


def within_task(task: str) -> str:
    """`within` for the study of the task that the column `task` names."""
    return within(f"(SELECT seen.study FROM task AS seen WHERE seen.id = {task})")
