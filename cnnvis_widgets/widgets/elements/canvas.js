// One picture on a canvas. The kernel sends encoded bytes; clicks, keys, hovering and drags go back.
// Zoom and pan stay in the page. Why and what: docs/design/0005-canvas.md.
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = [...Object.keys(STEPS), "Home", "End"];
const INTERVAL = 1000 / 15; // nothing between page and kernel pushes back
const CLOSEST = 16;

// JupyterLab's command-mode shortcuts act on the notebook while a control in an output has the
// focus: "d d" on a button deletes cells. Lumino lets a keystroke be when the focused element
// itself carries this attribute; on a parent it has no effect, so every control is marked.
// The handle of a slider of ipywidgets has no name; it gets that of its label; the chart of a
// dream has none either.
function prepareControls(el) {
  const root = el.closest(".cnnvis-explorer") ?? el;
  const mark = () => {
    root.querySelectorAll("select, button, input, textarea, [tabindex]").forEach((control) => {
      if (!control.hasAttribute("data-lm-suppress-shortcuts"))
        control.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    root.querySelectorAll("[role=slider]:not([aria-label])").forEach((handle) => {
      const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
      if (label) handle.setAttribute("aria-label", label);
    });
    root.querySelectorAll(".bqplot:not([role])").forEach((chart) => {
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", "Score by step; the newest is told above");
    });
    root.querySelectorAll(".bqplot svg").forEach((part) => part.setAttribute("aria-hidden", "true"));
  };
  mark();
  const observer = new MutationObserver(mark);
  observer.observe(root, { childList: true, subtree: true });
  return observer;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

// Calls send with the newest message, at most 15 times a second; urgent ones at once.
function paced(send) {
  let waiting = null;
  let timer = 0;
  let last = 0;
  const flush = () => {
    timer = 0;
    if (waiting === null) return;
    last = performance.now();
    send(waiting);
    waiting = null;
  };
  const put = (message, urgent = false) => {
    waiting = message;
    if (!urgent && timer) return;
    clearTimeout(timer);
    const due = urgent ? 0 : last + INTERVAL - performance.now();
    if (due <= 0) flush();
    else timer = setTimeout(flush, due);
  };
  put.drop = () => {
    clearTimeout(timer);
    timer = 0;
    waiting = null;
  };
  return put;
}

// What is shown of the picture: a magnification about a corner, kept over the whole stage.
function zooming(stage, surface, changed) {
  const view = { zoom: 1, x: 0, y: 0 };
  const put = (zoom, x, y) => {
    view.zoom = clamp(zoom, 1, CLOSEST);
    view.x = clamp(x, stage.clientWidth * (1 - view.zoom), 0);
    view.y = clamp(y, stage.clientHeight * (1 - view.zoom), 0);
    surface.style.transform =
      view.zoom === 1 ? "" : `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
    surface.style.setProperty("--cnnvis-zoom", view.zoom);
    stage.dataset.zoom = view.zoom.toFixed(2);
    changed();
  };
  return {
    get zoomed() {
      return view.zoom > 1;
    },
    get zoom() {
      return view.zoom;
    },
    // by a factor, with the place under (clientX, clientY), or the middle, held still
    by(factor, clientX, clientY) {
      const box = stage.getBoundingClientRect();
      const [x, y] = [(clientX ?? box.left + box.width / 2) - box.left, (clientY ?? box.top + box.height / 2) - box.top];
      const real = clamp(view.zoom * factor, 1, CLOSEST) / view.zoom;
      put(view.zoom * real, x - (x - view.x) * real, y - (y - view.y) * real);
    },
    pan: (dx, dy) => put(view.zoom, view.x + dx, view.y + dy),
    reset: () => put(1, 0, 0),
  };
}

// A BMP of 8 or 24 bits as pixels, null for other files. Drawn at once: what the browser decodes comes later than
// all messages that wait by then, and each of them takes longer than the decoding.
function unpacked(data) {
  if (data.getUint16(0) !== 0x424d) return null; // "BM"
  const [start, width, height] = [10, 18, 22].map((at) => data.getUint32(at, true));
  const bits = data.getUint16(28, true);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = (at) => 0xff000000 | (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const palette = Uint32Array.from({ length: bits === 8 ? (start - 54) / 4 : 0 }, (_, index) => colour(54 + 4 * index));
  const stride = 4 * Math.ceil((width * bits) / 32);
  for (let y = 0, to = 0; y < height; y += 1) {
    const row = start + (height - 1 - y) * stride; // the last row comes first
    for (let x = 0; x < width; x += 1, to += 1)
      pixels[to] = bits === 8 ? palette[bytes[row + x]] : colour(row + 3 * x);
  }
  return image;
}

function render({ model, el }) {
  el.classList.add("cnnvis-canvas");
  const make = (name, className) => Object.assign(document.createElement(name), { className });
  const [canvas, frame] = [document.createElement("canvas"), make("div", "cnnvis-frame")];
  const [stage, surface] = [make("div", "cnnvis-stage"), make("div", "cnnvis-surface")];
  const [readout, tools] = [make("div", "cnnvis-readout"), make("div", "cnnvis-zoom")];
  canvas.setAttribute("role", "img");
  canvas.dataset.picture = model.get("name");
  canvas.width = canvas.height = 1;
  readout.hidden = true;
  surface.append(canvas, frame);
  stage.append(surface, readout, tools);
  el.append(stage);

  const view = zooming(stage, surface, () => (scale(), touch()));
  for (const [label, glyph, act] of [
    ["Zoom out", "−", () => view.by(1 / 1.5)],
    ["Whole picture", "0", () => view.reset()],
    ["Zoom in", "+", () => view.by(1.5)],
  ]) {
    const button = Object.assign(document.createElement("button"), { textContent: glyph, title: label });
    button.tabIndex = -1; // the keys + - 0 do the same on the picture
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    tools.append(button);
  }

  let decoding = false;
  let stale = false;
  let overtaken = false; // by a picture that came later and was drawn at once
  function put({ width, height }, paint) {
    if (canvas.width !== width || canvas.height !== height) view.reset();
    canvas.width = width;
    canvas.height = height;
    paint(canvas.getContext("2d"));
    canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
    select();
    scale();
  }
  async function draw() {
    const data = model.get("data");
    if (!data?.byteLength) return;
    const image = unpacked(data);
    if (image) {
      overtaken = decoding;
      stale = false;
      put(image, (context) => context.putImageData(image, 0, 0));
      return;
    }
    if (decoding) {
      stale = true;
      return;
    }
    decoding = true;
    overtaken = false;
    try {
      const bitmap = await createImageBitmap(new Blob([data]));
      if (!overtaken) put(bitmap, (context) => context.drawImage(bitmap, 0, 0));
      bitmap.close();
    } finally {
      decoding = false;
    }
    if (stale) {
      stale = false;
      draw();
    }
  }

  let dragged = null; // the frame while it is dragged: the page is ahead of the kernel then
  function select() {
    const [left, top, width, height] = dragged ?? model.get("selected") ?? [];
    frame.hidden = !width;
    if (!width) return;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    frame.style.left = share(left, canvas.width);
    frame.style.top = share(top, canvas.height);
    frame.style.width = share(width, canvas.width);
    frame.style.height = share(height, canvas.height);
  }
  function look() {
    const [clicks, drag, zooms] = ["interactive", "drag", "zoomable"].map((trait) => model.get(trait));
    const hints = [];
    if (drag === "move") hints.push("Drag the frame, or move it with the arrow keys (one pixel with Shift)");
    if (drag === "brush") hints.push("Drag a frame, or move it with the arrow keys, and resize it with Shift");
    if (drag === "region")
      hints.push("Drag a frame; arrow keys select a unit, and with Shift stretch the frame from there");
    if (!drag && clicks) hints.push("Click, or use the arrow keys, to select");
    if (zooms) hints.push("zoom with + - 0, or Ctrl and the wheel");
    canvas.title = hints.join("; ");
    canvas.setAttribute("aria-label", model.get("alt"));
    canvas.setAttribute("aria-description", canvas.title);
    stage.style.maxWidth = `${model.get("width")}px`;
    canvas.classList.toggle("cnnvis-interactive", clicks);
    canvas.dataset.drag = drag;
    tools.hidden = !zooms;
    if (!zooms && view.zoomed) view.reset();
    if (clicks || drag || zooms) canvas.tabIndex = 0;
    else canvas.removeAttribute("tabindex");
    scale();
    touch();
  }
  // Hard pixels are for enlarging: made smaller, every few rows and columns would vanish.
  function scale() {
    const enlarged = stage.clientWidth * view.zoom >= canvas.width;
    canvas.style.imageRendering = enlarged && !model.get("smooth") ? "pixelated" : "auto";
  }
  function touch() {
    const held = model.get("drag") || view.zoomed;
    canvas.style.touchAction = held ? "none" : model.get("zoomable") ? "pan-x pan-y" : "auto";
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    return [x, y];
  }

  const sendDrag = paced((message) => model.send(message));
  const sendHover = paced((message) => model.send(message));
  function drag(box, final) {
    const width = clamp(Math.round(box[2]), 1, canvas.width);
    const height = clamp(Math.round(box[3]), 1, canvas.height);
    const left = clamp(Math.round(box[0]), 0, canvas.width - width);
    const top = clamp(Math.round(box[1]), 0, canvas.height - height);
    dragged = [left, top, width, height];
    select();
    sendDrag({ event: "drag", left, top, width, height, final }, final);
    model.set("selected", dragged); // for other views in the page; the kernel does not tell it back
    if (final) dragged = null;
  }

  const pointers = new Map();
  let gesture = null; // {kind: 'move' | 'brush' | 'pan', x, y, box, moved}
  let moved = false; // a press that dragged or panned is no click
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const [mode, box] = [model.get("drag"), model.get("selected") ?? []];
    const [x, y] = place(event);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (mode || view.zoomed || pointers.size > 1) canvas.setPointerCapture(event.pointerId);
    moved = false;
    if (pointers.size > 1) {
      if (dragged) drag(dragged, true);
      gesture = null; // two fingers pinch
    } else if (mode === "move" && box.length && !event.shiftKey) {
      const inside = x >= box[0] && y >= box[1] && x < box[0] + box[2] && y < box[1] + box[3];
      const held = inside ? [x - box[0], y - box[1]] : [box[2] / 2, box[3] / 2];
      gesture = { kind: "move", held, size: box.slice(2) };
      drag([x - held[0], y - held[1], ...gesture.size], false);
    } else if ((mode === "brush" || mode === "region") && !event.shiftKey) gesture = { kind: "brush", x, y };
    else if (view.zoomed) gesture = { kind: "pan", x: event.clientX, y: event.clientY };
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (model.get("hover")) {
      const inside = x >= 0 && y >= 0 && x < canvas.width && y < canvas.height;
      if (inside && !gesture) sendHover({ event: "hover", x, y });
    }
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const after = [...pointers.values()];
    if (after.length === 2 && model.get("zoomable")) {
      const apart = ([[x1, y1], [x2, y2]]) => Math.hypot(x1 - x2, y1 - y2) || 1;
      view.by(apart(after) / apart(before), (after[0][0] + after[1][0]) / 2, (after[0][1] + after[1][1]) / 2);
      moved = true;
    } else if (gesture?.kind === "move") {
      drag([x - gesture.held[0], y - gesture.held[1], ...gesture.size], false);
    } else if (gesture?.kind === "brush") {
      if (!moved && Math.hypot(x - gesture.x, y - gesture.y) * canvas.clientWidth * view.zoom < 4 * canvas.width) return;
      moved = true;
      const corner = [clamp(x, 0, canvas.width), clamp(y, 0, canvas.height)];
      const [left, right] = [Math.floor(Math.min(corner[0], gesture.x)), Math.ceil(Math.max(corner[0], gesture.x))];
      const [top, bottom] = [Math.floor(Math.min(corner[1], gesture.y)), Math.ceil(Math.max(corner[1], gesture.y))];
      drag([left, top, right - left, bottom - top], false);
    } else if (gesture?.kind === "pan") {
      const [dx, dy] = [event.clientX - gesture.x, event.clientY - gesture.y];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      moved = true;
      Object.assign(gesture, { x: event.clientX, y: event.clientY });
      view.pan(dx, dy);
    }
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (dragged) drag(dragged, true);
    gesture = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerenter", () => (readout.hidden = !model.get("readout")));
  canvas.addEventListener("pointerleave", (event) => {
    sendHover.drop();
    readout.hidden = true;
    if (!canvas.hasPointerCapture(event.pointerId)) release(event);
  });
  function read() {
    readout.textContent = model.get("readout");
    readout.hidden = !readout.textContent || !canvas.matches(":hover");
  }

  canvas.addEventListener("click", (event) => {
    if (moved || !model.get("interactive") || model.get("drag") === "move") return;
    const [x, y] = place(event);
    model.send({ event: "click", x, y });
  });
  // A turn of the wheel scrolls the page, unless the picture was chosen for it; a pinch arrives with Ctrl.
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!model.get("zoomable") || !(event.ctrlKey || document.activeElement === canvas)) return;
      event.preventDefault();
      view.by(Math.exp(-event.deltaY / (event.ctrlKey ? 150 : 400)), event.clientX, event.clientY);
    },
    { passive: false }
  );

  function moveByKey([dx, dy], shift) {
    const [mode, box] = [model.get("drag"), dragged ?? model.get("selected") ?? []];
    if (!box.length) {
      if (mode === "brush") drag([canvas.width / 4, canvas.height / 4, canvas.width / 2, canvas.height / 2], false);
      return;
    }
    const [left, top, width, height] = box;
    const fine = mode === "move" && shift;
    const [right, down] = [dx * (fine ? 1 : Math.ceil(width / 4)), dy * (fine ? 1 : Math.ceil(height / 4))];
    if (mode === "brush" && shift) {
      const grow = [dx * Math.ceil(canvas.width / 32), dy * Math.ceil(canvas.height / 32)];
      drag([left, top, clamp(width + grow[0], 1, canvas.width - left), clamp(height + grow[1], 1, canvas.height - top)], false);
    } else drag([left + right, top + down, width, height], false);
  }
  function pressed(event) {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (model.get("zoomable") && ["+", "=", "-", "0"].includes(key)) {
      if (key === "0") view.reset();
      else view.by(key === "-" ? 1 / 1.5 : 1.5);
    } else if (model.get("drag") === "region" && shiftKey && key in STEPS) model.send({ event: "key", key: `Shift+${key}` });
    else if (["move", "brush"].includes(model.get("drag")) && key in STEPS) moveByKey(STEPS[key], shiftKey);
    else if (view.zoomed && shiftKey && key in STEPS)
      view.pan(-STEPS[key][0] * stage.clientWidth * 0.2, -STEPS[key][1] * stage.clientHeight * 0.2);
    else if (model.get("interactive") && KEYS.includes(key)) model.send({ event: "key", key });
    else return false;
    return true;
  }
  canvas.addEventListener("keydown", (event) => {
    if (!pressed(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  const settle = () => {
    if (dragged && !gesture) drag(dragged, true);
  };
  canvas.addEventListener("keyup", settle);
  canvas.addEventListener("blur", settle);

  const listeners = { data: draw, selected: select, readout: read };
  for (const trait of ["alt", "width", "smooth", "interactive", "drag", "zoomable"]) listeners[trait] = look;
  for (const [trait, listener] of Object.entries(listeners)) model.on(`change:${trait}`, listener);
  look();
  select();
  draw();
  const resized = new ResizeObserver(() => (view.zoomed ? view.pan(0, 0) : scale()));
  resized.observe(stage);
  let observer;
  // The element is put into the page after this function returns.
  const attached = requestAnimationFrame(() => (observer = prepareControls(el)));
  return () => {
    cancelAnimationFrame(attached);
    sendDrag.drop();
    sendHover.drop();
    resized.disconnect();
    observer?.disconnect();
    for (const [trait, listener] of Object.entries(listeners)) model.off(`change:${trait}`, listener);
  };
}

export default { render };
