"""Uploads and submits at a running collector, while a backup is made."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import httpx

from tests.collector.review.whole_line import next_tasks, send_takes, submission
from tests.collector.running import Collector
from tests.collector.samples import SampleTake, sample


class Load:
    """A device that sends takes and people who submit what becomes of them, until the end of the block."""

    def __init__(self, collector: Collector) -> None:
        self.device = collector.device()
        self.lead = collector.person("lea", "lead")
        self.people = [collector.person(f"person-{n}", "annotator") for n in range(2)]
        self.takes: list[SampleTake] = []
        self.submitted: list[str] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._send)]
        self._threads += [threading.Thread(target=self._work, args=(person,)) for person in self.people]

    def _send(self) -> None:
        media: tuple[Any, ...] = ("image", "text", "audio")
        while not self._ending.is_set():
            number = len(self.takes)
            one = sample(media[number % 3], self.device.id, f"load-{number}", f"ses-load-{number}")
            review = {"image": "boxes", "text": "text", "audio": "speech"}[one.manifest.medium]
            kind = {"image": "show", "text": "answer", "audio": "say"}[one.manifest.medium]
            self.takes.append(SampleTake(f"load-{number}", "step-1", [one], [review], kind=kind))
            send_takes(self.device, f"ses-load-{number}", self.takes[-1:])

    def _work(self, person: httpx.Client) -> None:
        while not self._ending.is_set():
            for task in next_tasks(person, count=2):
                reply = person.post(f"/api/tasks/{task['id']}/submit", json=submission(task, str(uuid4())))
                assert reply.status_code == 200, reply.text
                self.submitted.append(task["id"])
            self._ending.wait(0.02)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
