"""The printed tables agree with themselves; a slip in copying them would not."""

import pytest

from mmsrdl.paper_tables.published import METRICS, SYSTEMS, TABLES


def test_tables_are_whole() -> None:
    assert [table.number for table in TABLES] == [1, 2, 4, 5, 6]
    for table in TABLES:
        for row in table.rows:
            assert len(row.values) == len(table.columns), row
            assert len(row.facts) == len(table.facts), row
            assert row.system is None or row.system in SYSTEMS
            assert row.system is None or not SYSTEMS[row.system].extra


def test_the_same_system_has_the_same_map_in_every_table() -> None:
    seen: dict[tuple[str, str], set[float]] = {}
    for table in TABLES:
        for row in table.rows:
            for column, value in zip(table.columns, row.values, strict=True):
                if row.system is not None and column.metric == "mAP":
                    seen.setdefault((row.system, column.data), set()).add(value)
    assert seen["Ours", "coco"] == {82.9}
    assert seen["Ours CAR", "voc07"] == {92.4}
    assert [key for key, values in seen.items() if len(values) > 1] == []


def test_f1_is_the_harmonic_mean_of_the_printed_precision_and_recall() -> None:
    (table,) = (table for table in TABLES if table.number == 2)
    for row in table.rows:
        values = dict(zip(METRICS[1:], row.values, strict=True))
        for kind in "CO":
            p, r = values[f"{kind}P"], values[f"{kind}R"]
            # Papers of before have the mean of the classes' F1.
            slack = 1.5 if row.system is None and kind == "C" else 0.15
            assert values[f"{kind}F1"] == pytest.approx(2 * p * r / (p + r), abs=slack), row.label
