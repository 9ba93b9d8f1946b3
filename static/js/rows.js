// What pages with a table of rows bring along besides (app.js).
import "./cells.js";
import "./copy-cells.js";
import "./columns.js";
import "./column-choices.js";
import "./column-order.js";
import "./column-heads.js";
import "./grid.js";
import "./cell-menu.js";
import "./record-copy.js";
import "./drawer.js";
import "./filter-forms.js";
import "./histogram.js";
import "./find.js";
import "./sorting.js";
import "./panels.js";
import "./column-menu.js";
