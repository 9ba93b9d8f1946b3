// What every page brings along. Each module does one thing and finds its elements by data attributes.
import "./times.js";
import "./forms.js";
import "./going-back.js";
import "./in-turn.js";
import "./swaps.js";
import "./typed.js";
import "./connection.js";
import "./live.js";
import "./tab-title.js";
import "./nav.js";
import "./shortcuts.js";
import "./palette.js";
import "./downloads.js";
import "./copy-reasons.js";
import "./exports.js";
import "./selection.js";
import "./passkeys.js";
