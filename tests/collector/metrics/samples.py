"""What `/metrics` says, by name and labels."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from collector.metrics.instruments import Instruments


def samples(text: Instruments | str) -> dict[str, float]:
    """`name{label="value"}` -> value, the labels in the order of their names."""
    shown = text if isinstance(text, str) else text.text().decode()
    return {
        one.name + "".join(f" {name}={value}" for name, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(shown)
        for one in family.samples
    }
