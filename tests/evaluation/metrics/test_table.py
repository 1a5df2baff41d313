from mmsrdl.evaluation.metrics.table import per_class_table


def test_every_class_has_its_row(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = per_class_table(
        ["cat", "[red]dog :cat:", "bird"], [12.345, 100.0, float("nan")], [3, 1, 0]
    )
    rows = [line.rsplit(maxsplit=2) for line in text.splitlines() if line.strip()]
    assert [[cell.strip() for cell in row] for row in rows[2:]] == [
        ["cat", "12.35", "3"],
        ["[red]dog :cat:", "100.00", "1"],
        ["bird", "-", "0"],
    ]
    assert "\x1b" not in text
