// The film strip: the network as a row of thumbnails, one for each layer or folded block. To the keyboard and to screen
// readers it is a list box of all layers; the thumbnails are its options. `plan` says where everything stands.
const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 };
const KINDS = ["convolution", "normalisation", "activation", "addition", "pooling", "dense"];

const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

function place(element, { left, top, width, height }) {
  Object.assign(element.style, { left: `${left}px`, top: `${top}px` });
  if (width !== undefined) element.style.width = `${width}px`;
  if (height !== undefined) element.style.height = `${height}px`;
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// The share of each kind among the layers of a block.
function sharesOf(data, item) {
  const { first, last } = item.layer === undefined ? data.blocks[item.block] : { first: item.layer, last: item.layer };
  const counts = new Map();
  for (let layer = first; layer <= last; layer++) counts.set(data.layers[layer].kind, (counts.get(data.layers[layer].kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => [kind, count / (last - first + 1)]);
}

// A few numbers as bars or as a line, where a layer has no height and width.
function drawing(kind, numbers) {
  const picture = svg("svg", { viewBox: "0 0 40 40", preserveAspectRatio: "none", "aria-hidden": "true" });
  const step = 34 / Math.max(1, numbers.length);
  if (kind === "line") {
    const points = numbers.map((value, at) => `${3 + (at * 34) / Math.max(1, numbers.length - 1)},${36 - 32 * value}`);
    picture.append(svg("polyline", { points: points.join(" "), fill: "none", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
  } else {
    numbers.forEach((value, at) => {
      const height = Math.max(1, 32 * value);
      picture.append(svg("rect", { x: 3 + at * step, y: 37 - height, width: Math.max(1, step - 1), height }));
    });
  }
  return picture;
}

function legend(model) {
  const line = make("div", "cnnvis-legend");
  const words = make("span", "cnnvis-legend-words");
  const menu = make("select", "cnnvis-inline-menu");
  menu.title = "What stands for a layer: the mean of its maps, or the one map that stands out most";
  menu.setAttribute("aria-label", "Thumbnails");
  for (const [value, title] of model.get("kinds")) menu.append(Object.assign(make("option", "", title), { value }));
  const note = make("span", "");
  words.append("Each picture is the ", menu, note);
  menu.addEventListener("change", () => {
    model.set("kind", menu.value);
    model.save_changes();
  });
  const kinds = make("span", "cnnvis-kinds");
  line.append(words, kinds);
  const show = () => {
    const folded = model.get("blocks").length ? " Click a block to unfold it." : " Click a layer to look into it.";
    menu.value = model.get("kind");
    note.textContent = ` of a layer for ${model.get("about")}.${folded}`;
    const present = new Set(model.get("layers").map(([, , kind]) => kind));
    kinds.replaceChildren(
      ...KINDS.filter((kind) => present.has(kind)).map((kind) => {
        const entry = make("span", "");
        entry.append(make("i", `cnnvis-kind cnnvis-kind-${kind}`), kind);
        return entry;
      })
    );
    if (model.get("links").some(([, , addition]) => addition)) {
      const entry = make("span", "", "skip connection");
      const arc = svg("svg", { viewBox: "0 0 18 9", width: 18, height: 9, class: "cnnvis-arcs", "aria-hidden": "true" });
      arc.append(svg("path", { d: "M1 8C3 1 15 1 17 8", class: "cnnvis-arc-addition" }));
      entry.prepend(arc);
      kinds.append(entry);
    }
  };
  return { line, show };
}

function render({ model, el }) {
  const strip = make("div", "cnnvis-strip");
  const list = make("div", "cnnvis-strip-list");
  const behind = make("div", "cnnvis-strip-decor");
  const fold = make("button", "cnnvis-strip-fold", "fold ‹");
  fold.type = "button";
  fold.title = "Fold the block again";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Layers in order");
  list.setAttribute("aria-orientation", "horizontal");
  behind.setAttribute("aria-hidden", "true");
  strip.append(behind, list, fold);
  const { line, show: showLegend } = legend(model);
  el.classList.add("cnnvis-strip-view");
  el.append(strip, line);
  const prefix = `cnnvis-layer-${Math.random().toString(36).slice(2)}`;
  let [boxes, data, address, width] = [[], {}, "", 0];

  function build() {
    boxes = model.get("layers").map(([name, text], number) => {
      const box = make("div", "cnnvis-strip-box");
      box.id = `${prefix}-${number}`;
      box.dataset.layer = name;
      box.title = text;
      box.setAttribute("role", "option");
      box.setAttribute("aria-label", text);
      return box;
    });
    list.replaceChildren(...boxes);
    arrange();
  }

  function read() {
    const layers = model.get("layers").map(([name, text, kind, label, size, whole]) => ({ name, text, kind, label, size, whole }));
    const blocks = model.get("blocks").map(([title, label, first, last, shown, parent]) => ({ title, label, first, last, shown, parent }));
    const chosen = layers.findIndex((layer) => layer.name === model.get("selected"));
    const [height, across] = model.get("tile");
    return { layers, blocks, chosen, links: model.get("links"), open: model.get("unfolded"), image: model.get("image_size"), aspect: height / across };
  }

  // Puts a thumbnail of the sprite, or the drawing of a layer without height and width, on an element.
  function picture(element, layer, { width: wide, height: high }) {
    const drawn = model.get("drawings")[layer];
    const ready = model.get("ready")[layer + 1] === "1";
    element.replaceChildren(...(drawn ? [drawing(...drawn)] : []));
    element.classList.toggle("cnnvis-strip-empty", !ready && !drawn);
    const columns = model.get("columns");
    const at = layer + 1;
    element.style.backgroundImage = ready && address ? `url(${address})` : "none";
    element.style.backgroundSize = `${columns * wide}px auto`;
    element.style.backgroundPosition = `${-(at % columns) * wide}px ${-Math.floor(at / columns) * high}px`;
  }

  function arrange() {
    data = read();
    if (!width || !boxes.length) return;
    const { items, panels, rails, height } = plan(data, width);
    strip.style.height = `${height}px`;
    strip.classList.toggle("cnnvis-strip-few", !data.blocks.length);
    const decor = panels.map((panel) => drawPanel(panel, items));
    const shown = new Set();
    for (const item of items) {
      if (item.box) decor.push(place(make("div", "cnnvis-strip-card"), item.box));
      const isOpen = item.block !== undefined && panels.some((panel) => panel.block === item.block);
      const layer = item.image ? -1 : shownLayer(data, item);
      const box = item.image || isOpen ? make("div", `cnnvis-strip-thumbnail${isOpen ? " cnnvis-strip-opened" : ""}`) : boxes[layer];
      if (item.image || isOpen) decor.push(box);
      else shown.add(layer);
      place(box, item);
      picture(box, layer, item);
      decor.push(...labels(item, isOpen));
    }
    boxes.forEach((box, number) => {
      box.classList.toggle("cnnvis-strip-hidden", !shown.has(number));
      if (!shown.has(number)) box.removeAttribute("style");
      const isFolded = (item) => item.block !== undefined && !panels.some((panel) => panel.block === item.block);
      const holds = items.find((item) => isFolded(item) && shownLayer(data, item) === number && shown.has(number));
      const { first, last } = holds ? data.blocks[holds.block] : { first: number, last: number };
      box.dataset.opens = holds ? data.layers.slice(first, last + 1).map((layer) => layer.name).join(" ") : "";
      box.classList.toggle("cnnvis-strip-holds", first <= data.chosen && data.chosen <= last);
      box.title = holds && last > first ? `${data.blocks[holds.block].title}: ${last - first + 1} layers; shown is ${data.layers[number].text}` : data.layers[number].text;
    });
    decor.push(...rails.map(drawRail), drawArcs(items, height));
    behind.replaceChildren(...decor);
    const panel = panels.at(-1);
    fold.hidden = !panel;
    const named = panel && [...behind.querySelectorAll(".cnnvis-strip-panel b")].at(-1);
    if (panel) place(fold, { left: panel.left + 12 + named.offsetWidth, top: panel.top + 3 });
    select();
  }

  function labels(item, isOpen) {
    const spare = item.layer !== undefined && !item.box ? 14 : 0; // a long word may reach over short neighbours
    const wide = item.box ? item.box.width - 8 : item.width + item.gap + spare;
    const left = item.left + item.width / 2 - wide / 2;
    const parts = [];
    let x = item.left;
    const bottom = item.top + item.height + 3;
    if (!item.image) {
      const shares = sharesOf(data, item);
      for (const [kind, share] of shares) {
        const length = share * (item.width - (shares.length - 1));
        parts.push(place(make("i", `cnnvis-kind cnnvis-kind-${kind}`), { left: x, top: bottom, width: length }));
        x += length + 1;
      }
    }
    const isChosen = item.layer === data.chosen;
    const words = item.image ? "image" : item.layer === undefined ? data.blocks[item.block].label : data.layers[item.layer].label;
    const label = make("div", `cnnvis-strip-label${isChosen || isOpen ? " cnnvis-strip-on" : ""}`, words);
    parts.push(place(label, { left, top: bottom + 4, width: wide }));
    if (item.box) {
      const size = item.image ? data.image : data.layers[item.layer].whole;
      parts.push(place(make("div", "cnnvis-strip-size", size), { left, top: bottom + 20, width: wide }));
    }
    return parts;
  }

  function drawPanel(panel) {
    const element = place(make("div", "cnnvis-strip-panel"), panel);
    element.append(make("b", "", data.blocks[panel.block].title));
    if (panel.nib !== undefined) element.append(place(make("i", "cnnvis-strip-nib"), { left: panel.nib - 6, top: -6 }));
    return element;
  }

  function drawRail(rail) {
    const element = place(make("div", "cnnvis-strip-rail"), rail);
    const short = rail.size.length * 6 + 12 > rail.width ? rail.size.split(" ")[0] : rail.size;
    element.append(make("span", "", short.length * 6 > rail.width + 8 ? "" : short));
    element.title = rail.size;
    return element;
  }

  function drawArcs(items, height) {
    const picture = svg("svg", { class: "cnnvis-arcs", width, height, viewBox: `0 0 ${width} ${height}` });
    for (const { a, b, addition } of arcsOf(data, items)) {
      const top = (item) => (item.box ? item.box.top : item.top) - 3;
      const [x1, x2] = [a.left + a.width / 2 + 3, b.left + b.width / 2 - 3];
      const rise = Math.min(12, 5 + (x2 - x1) / 24);
      const d = `M${x1} ${top(a)}C${x1 + 4} ${top(a) - rise * 1.3} ${x2 - 4} ${top(b) - rise * 1.3} ${x2} ${top(b)}`;
      picture.append(svg("path", { d, class: addition ? "cnnvis-arc-addition" : "cnnvis-arc-branch" }));
    }
    return picture;
  }

  function select() {
    boxes.forEach((box, number) => box.setAttribute("aria-selected", number === data.chosen));
    if (data.chosen >= 0) list.setAttribute("aria-activedescendant", boxes[data.chosen].id);
  }

  function choose(number) {
    const name = data.layers[number].name;
    if (name === model.get("selected")) model.send({ event: "unfold" });
    model.set("selected", name);
    model.save_changes();
  }

  function newSprite() {
    if (address) URL.revokeObjectURL(address);
    const bytes = model.get("sprite");
    address = bytes?.byteLength ? URL.createObjectURL(new Blob([bytes])) : "";
    arrange();
  }

  list.addEventListener("click", (event) => {
    const box = event.target.closest(".cnnvis-strip-box");
    if (box) choose(boxes.indexOf(box));
  });
  fold.addEventListener("click", () => model.send({ event: "fold" }));
  list.addEventListener("keydown", (event) => {
    const ends = { Home: -boxes.length, End: boxes.length };
    const by = MOVES[event.key] ?? ends[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.min(Math.max(0, data.chosen + by), boxes.length - 1));
  });
  const listeners = { layers: build, sprite: newSprite, kind: showLegend, about: showLegend };
  for (const trait of ["selected", "unfolded", "blocks", "links", "drawings", "tile"]) listeners[trait] = arrange;
  for (const [trait, listener] of Object.entries(listeners)) model.on(`change:${trait}`, listener);
  const resized = new ResizeObserver(() => {
    if (Math.abs(strip.clientWidth - width) < 1) return;
    width = strip.clientWidth;
    arrange();
  });
  resized.observe(strip);
  build();
  newSprite();
  showLegend();
  return () => {
    resized.disconnect();
    if (address) URL.revokeObjectURL(address);
    for (const [trait, listener] of Object.entries(listeners)) model.off(`change:${trait}`, listener);
  };
}

export default { render };
