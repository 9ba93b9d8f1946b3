// A rectangle of selected cells. Only cells that enter or leave it are touched.
let range = null;

export function select(first, last) {
  const table = first.closest("table");
  const rows = [first, last].map((cell) => cell.parentElement.rowIndex).sort((a, b) => a - b);
  let columns = [first, last].map((cell) => cell.cellIndex).sort((a, b) => a - b);
  // From a row's number: whole rows.
  if (first.cellIndex === 0) columns = [1, first.parentElement.cells.length - 1];
  const next = { table, top: rows[0], bottom: rows[1], left: Math.max(columns[0], 1), right: columns[1] };
  if (range?.table !== table) unselect();
  for (const cell of cells(range)) if (!holds(next, cell)) cell.removeAttribute("aria-selected");
  for (const cell of cells(next)) if (!range || !holds(range, cell)) cell.ariaSelected = "true";
  range = next;
  return { rows: next.bottom - next.top + 1, columns: next.right - next.left + 1 };
}

// Whether something was selected.
export function unselect() {
  if (!range) return false;
  for (const cell of cells(range)) cell.removeAttribute("aria-selected");
  range = null;
  return true;
}

// The selected cells by rows; none where nothing is selected.
export function selectedRows() {
  if (!range?.table.isConnected) return [];
  const { table, top, bottom, left, right } = range;
  return [...table.rows].slice(top, bottom + 1).map((row) => [...row.cells].slice(left, right + 1));
}

function* cells(area) {
  if (!area) return;
  for (let row = area.top; row <= area.bottom; row += 1) {
    for (let column = area.left; column <= area.right; column += 1) {
      const cell = area.table.rows[row]?.cells[column];
      if (cell) yield cell;
    }
  }
}

function holds({ top, bottom, left, right }, cell) {
  const row = cell.parentElement.rowIndex;
  return row >= top && row <= bottom && cell.cellIndex >= left && cell.cellIndex <= right;
}
