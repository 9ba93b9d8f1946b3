// Draws the plot of the page by Vega-Lite, with its interpreter: nothing is evaluated. A click or a drag finds rows.
import { tipAt } from "./plot-tip.js";

let stop;

// Also after a live update: the page of a table without a copy becomes that of its plot.
function start() {
  const place = document.querySelector("#plot-view:not([data-started])");
  if (!place) return;
  place.dataset.started = "";
  stop?.();
  stop = show(place, JSON.parse(document.getElementById("plot-data").textContent));
}
start();
document.addEventListener("htmx:after:swap", start);

function show(place, { spec, rows, plot, filter, drag }) {
  const choice = document.getElementById("plot-choice");
  let view;
  let width;

  const address = (base, added) => {
    const url = new URL(base, location.href);
    url.searchParams.set("filter", [filter, added].filter(Boolean).join(" AND "));
    return url.href;
  };

  function dragged(ranges) {
    const found = ["x", "y"].map((axis, at) => (ranges?.[axis] && drag[at] ? filterOf(drag[at], ranges[axis].map(Number)) : ""));
    const added = found.filter(Boolean).join(" AND ");
    choice.replaceChildren();
    if (!added) return;
    const text = document.createElement("code");
    text.textContent = added;
    choice.append(text, link(address(rows, added), "Show these rows"), link(address(plot, added), "Plot only these"));
  }

  async function draw() {
    view?.finalize();
    delete place.dataset.drawn;
    dragged();
    width = place.clientWidth;
    const compiled = vegaLite.compile(sized(spec, Math.max(width, 240)), { config: colours() }).spec;
    view = new vega.View(vega.parse(compiled, null, { ast: true }), {
      expr: expressionInterpreter,
      renderer: "svg",
      container: place,
      loader: vega.loader({ http: false, file: false }),
    });
    view.tooltip((_, event, __, text) => tipAt(event, text));
    onClick(view, ({ f }) => f && location.assign(address(rows, f)));
    if (spec.params) view.addSignalListener("drag", (_, ranges) => dragged(ranges));
    await view.runAsync();
    place.dataset.drawn = "";
  }

  async function save({ target }) {
    const kind = target.closest?.("[data-plot-save]")?.dataset.plotSave;
    if (!kind || !view) return;
    const made = document.createElement("a");
    made.href = await view.toImageURL(kind, 2);
    made.download = `${place.dataset.name} plot.${kind}`;
    made.click();
  }

  // Phones change the height of the window while they scroll.
  const sizes = new ResizeObserver(() => {
    if (view && place.clientWidth !== width) draw();
  });
  // The colours are part of the drawing.
  const themes = new MutationObserver(() => view && draw());
  document.addEventListener("click", save);
  themes.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  load(place.dataset.scripts.split(/\s+/)).then(draw).then(() => sizes.observe(place)).catch(() => {
    place.textContent = "The plot could not be drawn. The table below shows the same values.";
  });
  return () => {
    view?.finalize();
    sizes.disconnect();
    themes.disconnect();
    document.removeEventListener("click", save);
  };
}

// The scripts of Vega, once, in their order.
async function load(addresses) {
  if (globalThis.expressionInterpreter) return;
  await Promise.all(addresses.map((src) => new Promise((loaded, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src, async: false, onload: loaded, onerror: failed });
    document.head.append(script);
  })));
}

// A range becomes the whole groups that it touches; of points, its numbers.
function filterOf({ name, places, from, to }, [one, other]) {
  const [low, high] = one < other ? [one, other] : [other, one];
  if (name) return `${name} BETWEEN ${rounded(low, high - low)} AND ${rounded(high, high - low)}`;
  const touched = places.flatMap(([first, last], at) => (first < high && last > low ? [at] : []));
  if (!touched.length) return "";
  const [first, last] = [from[touched[0]], to[touched.at(-1)]];
  return last ? `(${first} AND ${last})` : first;
}

// To a ten-thousandth of the range: points far from 0 can lie close together.
function rounded(value, range) {
  const digits = Math.ceil(Math.log10(Math.abs(value) / range)) + 4;
  return Number(value.toPrecision(Math.min(Math.max(digits, 1), 17) || 17));
}

// A mark that is pressed and released in place: what ends a drag is no click.
function onClick(view, take) {
  let from;
  view.addEventListener("mousedown", ({ clientX, clientY }) => {
    from = [clientX, clientY];
  });
  view.addEventListener("click", ({ clientX, clientY }, item) => {
    if (from && Math.hypot(clientX - from[0], clientY - from[1]) > 4) return;
    const datum = item?.datum?.datum ?? item?.datum;
    if (datum) take(datum);
  });
}

// Labels lie flat where all have room, else they slant or stand.
function sized(spec, width) {
  const names = (axis) => [...new Set(spec.data.values.map((value) => String(value[axis])))];
  const across = names("x");
  const step = (width - 100) / across.length;
  const isFlat = Math.max(...across.map((name) => name.length)) * 7 < step - 10;
  const flat = { labelAngle: isFlat ? 0 : step < 20 ? -90 : -40, labelLimit: isFlat ? 0 : Math.min(140, width / 5), labelOverlap: false };
  const nominal = [...(spec.layer ?? [spec])].some(({ encoding }) => encoding.x.type === "nominal");
  const legend = width < 500 ? { orient: "bottom", columns: 2, direction: spec.mark === "rect" ? "horizontal" : "vertical" } : {};
  const config = { axisX: nominal ? flat : {}, axisY: { labelLimit: Math.min(160, width / 4) }, legend };
  const height = nominal && !isFlat ? 400 : 340;
  const size = Math.min(18, step * 0.6);
  const layer = spec.layer?.map((one) => ({ ...one, mark: one.mark.size ? { ...one.mark, size } : one.mark }));
  return { ...spec, ...(layer && { layer }), width, height, config, autosize: { type: "fit", contains: "padding" } };
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const [text, line, surface, low, high, only] = [
    "--tblr-body-color", "--line", "--tblr-bg-surface", "--plot-low", "--plot-high", "--plot-only",
  ].map((name) => plain(style.getPropertyValue(name)));
  const named = { labelColor: text, titleColor: text, titleFontWeight: 500 };
  return {
    // The table has the values, with links: thousands of marks are no text.
    aria: false,
    background: surface,
    font: getComputedStyle(document.body).fontFamily,
    axis: { ...named, gridColor: line, domainColor: line, tickColor: line },
    legend: named,
    mark: { color: only, cursor: "pointer" },
    bar: { cursor: "pointer" },
    range: { heatmap: [low, high], ramp: [low, high], ordinal: [only] },
    view: { stroke: null },
    rule: { color: text },
  };
}

// As a file can have it: a canvas knows no light-dark(), other programs no oklch().
function plain(colour) {
  const probe = document.createElement("span");
  probe.style.color = colour;
  document.body.append(probe);
  const pixel = new OffscreenCanvas(1, 1).getContext("2d");
  pixel.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(2)})`;
}

function link(href, words) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = words;
  return made;
}
