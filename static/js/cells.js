// A cut cell opens whole in a dialog.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".cell-more");
  if (!button) return;
  const dialog = document.getElementById("dialog");
  const column = button.closest("td").cellIndex;
  const heading = button.closest("table").tHead.rows[0].cells[column];
  const row = button.closest("tr").cells[0].textContent;
  dialog.querySelector("[data-title]").textContent = `${heading.textContent.trim()}, row ${row}`;
  dialog.querySelector("[data-body]").textContent = button.dataset.cell;
  dialog.showModal();
});

document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
});
