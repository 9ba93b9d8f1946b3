// The width that the cells of a column need, those of rows below the window too. A long header takes two lines instead.
const narrow = new CSSStyleSheet();
document.adoptedStyleSheets.push(narrow);

// Content that overflows a narrow cell has its own width; that of a wide cell is the width of the cell.
export function naturalWidth(head) {
  const child = `:nth-child(${head.cellIndex + 1})`;
  narrow.replaceSync(`
    .rows tr > ${child} { width: 40px; min-width: 40px; max-width: 40px; overflow: hidden; }
    .rows tr > ${child} .cell-more { max-width: none; }
    .rows thead tr > ${child} :is(bdi, .no-name) { display: block; flex: none; white-space: nowrap; }`);
  const rows = [head.parentElement, ...[...head.closest("table").tBodies].flatMap((body) => [...body.rows])];
  const width = Math.max(...rows.map((row) => row.cells[head.cellIndex].scrollWidth));
  narrow.replaceSync("");
  return width + 1;
}
