"""Tables as Markdown can have them: a rectangle of cells, each of one line, the first row above the rest."""

from __future__ import annotations

from bs4.element import PageElement, Tag

from kb.errors import InputError
from kb.importers.elements import (
    HEADINGS,
    LISTS,
    children,
    children_named,
    holds,
    holds_block,
    is_block,
    is_empty,
    moved,
    new,
    tags,
    text_of,
)
from kb.importers.limits import CELLS, REPEATED

Grid = list[list[Tag]]


def settle_tables(content: Tag, name: str) -> list[str]:
    """Makes each table a rectangle; one that only lays out the page becomes what it holds. Raises InputError."""
    notes: list[str] = []
    for table in reversed(tags(content, "table")):  # inner ones first
        rows = _rows(table)
        grid, merged = _grid(rows, name)
        first = next((text for row in grid for cell in row if (text := text_of(cell))), "")
        place = f"the table that begins with {first[:30]!r}"
        if _lays_out(table, grid):
            _unfold(table, rows)
            if table.name != "kb-folded" and len(rows) > 1:
                notes.append(f"{place} holds tables or headings: it was taken for layout and became its contents")
        else:
            notes += _settle(table, grid, place)
            if merged:
                notes.append(f"{place}: {merged} merged cells, whose text is repeated in each cell they cover")
    return notes


def _rows(table: Tag) -> list[Tag]:
    """Its own rows, not those of tables within; those of its head come first."""
    own = [row for row in tags(table, "tr") if row.find_parent("table") is table]
    return sorted(own, key=lambda row: {"thead": 0, "tfoot": 2}.get(row.parent.name if row.parent else "", 1))


def _grid(rows: list[Tag], name: str) -> tuple[Grid, int]:
    """The cell at each place, and how many cover more than one."""
    grid: dict[tuple[int, int], Tag] = {}
    merged = repeated = 0
    for y, row in enumerate(rows):
        x = 0
        for cell in children_named(row, "td", "th"):
            while (y, x) in grid:
                x += 1
            wide, high = _span(cell, "colspan", 1_000), _span(cell, "rowspan", len(rows) - y)
            merged += wide * high > 1
            repeated += (wide * high - 1) * len(cell.get_text()) if wide * high > 1 else 0
            if repeated > REPEATED:
                raise InputError(f"{name}: a table's merged cells repeat more than {REPEATED:,} characters: split them")
            if len(grid) + wide * high > CELLS:
                raise InputError(
                    f"{name}: a table has more than {CELLS:,} cells; accepted are fewer: import it as XLSX"
                )
            grid |= {(y + down, x + right): cell for down in range(high) for right in range(wide)}
            x += wide
    width = 1 + max((x for _, x in grid), default=-1)
    return [[grid.get((y, x)) or new("td") for x in range(width)] for y in range(len(rows)) if width], merged


def _span(cell: Tag, attribute: str, most: int) -> int:
    value = str(cell.get(attribute) or "1").strip()
    count = int(value) if value.isdigit() and len(value) < 6 else 1
    return max(1, min(count or most, most))


def _lays_out(table: Tag, grid: Grid) -> bool:
    """Whether it stands for the page's layout: one cell, or tables and headings within."""
    cells = {id(cell) for row in grid for cell in row}
    return len(cells) <= 1 or holds(table, ("table", *HEADINGS))


def _unfold(table: Tag, rows: list[Tag]) -> None:
    for caption in children_named(table, "caption"):
        table.insert_before(moved(new("p"), children(caption)))
    for row in rows:
        for cell in children_named(row, "td", "th"):
            table.insert_before(moved(new("div"), children(cell)))
    table.decompose()


def _settle(table: Tag, grid: Grid, place: str) -> list[str]:
    """The table anew, of one line a cell."""
    made = new("table")
    listed = any(holds(cell, LISTS) for row in grid for cell in row)
    lines = {id(cell): _lines(cell) for row in grid for cell in row}
    for y, row in enumerate(grid):
        line = new("tr")
        made.append(line)
        for cell in row:
            line.append(_joined(lines[id(cell)], "td" if y else "th"))
    for caption in children_named(table, "caption"):
        table.insert_before(moved(new("p"), children(caption)))
    table.replace_with(made)
    return [f"{place}: lists in its cells became lines"] if listed else []


def _joined(lines: list[list[PageElement]], name: str) -> Tag:
    """A cell of lines; copies, since a merged cell stands in several places."""
    cell = new(name)
    for number, line in enumerate(lines):
        if number:
            cell.append(new("br"))
        for node in line:
            cell.append(node.__copy__())
    return cell


def _lines(node: Tag, mark: str = "") -> list[list[PageElement]]:
    """What stands in a cell, line by line: blocks end lines, items of lists begin with their marker."""
    lines: list[list[PageElement]] = [[]]
    number = int(str(node.get("start") or 1)) if node.name == "ol" and str(node.get("start") or "1").isdigit() else 1
    for child in children(node):
        if isinstance(child, Tag) and (is_block(child) or holds_block(child)):
            item = child.name == "li"
            marker = (f"{number}. " if node.name == "ol" else "- ") if item else ""
            number += item
            lines += [*_lines(child, marker), []]
        elif isinstance(child, Tag) and child.name == "br":
            lines.append([])
        else:
            lines[-1].append(child)
    shown = [line for line in lines if not all(map(is_empty, line))]
    if shown and mark:
        shown[0] = [new("span", mark), *shown[0]]
    if shown and node.name in HEADINGS:
        shown = [[moved(new("strong"), line)] for line in shown]
    if node.name == "pre":
        shown = [[new("code", line)] for line in node.get_text().splitlines() if line.strip()]
    return shown
