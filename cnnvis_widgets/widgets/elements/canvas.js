// One picture on a canvas. The kernel sends encoded bytes; clicks, keys, hovering and drags go back. Zoom and pan stay
// in the page. Why and what: docs/design/0005-canvas.md. The parts stand in the files that `canvas.py` joins with this.

function createElements(name) {
  const make = (tag, className) => Object.assign(document.createElement(tag), { className });
  const canvas = document.createElement("canvas");
  const [stage, surface, outline] = [make("div", "cnnvis-stage"), make("div", "cnnvis-surface"), make("div", "cnnvis-frame")];
  const [readout, tools] = [make("div", "cnnvis-readout"), make("div", "cnnvis-zoom")];
  canvas.setAttribute("role", "img");
  canvas.dataset.picture = name;
  canvas.width = canvas.height = 1;
  readout.hidden = true;
  surface.append(canvas, outline);
  stage.append(surface, readout);
  return { canvas, stage, surface, outline, readout, tools };
}

// What the user can do with the picture, for its tooltip and for screen readers.
function hints(model) {
  const drag = {
    move: "Drag the frame, or move it with the arrow keys (one pixel with Shift)",
    brush: "Drag a frame, or move it with the arrow keys, and resize it with Shift",
    region: "Drag a frame; arrow keys select a unit, and with Shift stretch the frame from there",
  }[model.get("drag")];
  const click = model.get("interactive") ? "Click, or use the arrow keys, to select" : "";
  const zoom = model.get("zoomable") ? "zoom with + - 0, or Ctrl and the wheel" : "";
  return [drag ?? click, zoom].filter(Boolean).join("; ");
}

function render({ model, el }) {
  el.classList.add("cnnvis-canvas");
  const { canvas, stage, surface, outline, readout, tools } = createElements(model.get("name"));
  el.append(stage, tools);
  const zoom = createZoom(stage, surface, () => (setRendering(), setTouchAction()));
  const frame = createFrame(model, canvas, outline);
  const draw = createDrawing({ model, canvas, resized: zoom.reset, drawn: () => (frame.show(), setRendering()) });
  addZoomButtons(tools, zoom);
  zoomByWheel({ model, canvas, stage, zoom });
  const pointers = listenToPointers({ model, canvas, zoom, frame, readout });
  listenToKeys({ model, canvas, stage, zoom, frame, isPressed: pointers.isPressed });

  // Hard pixels are for enlarged pictures: in smaller ones every few rows and columns would vanish.
  function setRendering() {
    const enlarged = stage.clientWidth * zoom.zoom >= canvas.width;
    canvas.style.imageRendering = enlarged && !model.get("smooth") ? "pixelated" : "auto";
  }
  function setTouchAction() {
    const held = model.get("drag") || zoom.zoomed;
    canvas.style.touchAction = held ? "none" : model.get("zoomable") ? "pan-x pan-y" : "auto";
  }
  function update() {
    const [clicks, drag, zooms] = ["interactive", "drag", "zoomable"].map((trait) => model.get(trait));
    canvas.title = hints(model);
    canvas.setAttribute("aria-label", model.get("alt"));
    canvas.setAttribute("aria-description", canvas.title);
    stage.style.maxWidth = `${model.get("width")}px`;
    tools.style.left = `min(100%, ${model.get("width")}px)`;
    canvas.classList.toggle("cnnvis-interactive", clicks);
    canvas.dataset.drag = drag;
    tools.hidden = !zooms;
    outline.classList.toggle("cnnvis-cover", model.get("cover"));
    if (!zooms && zoom.zoomed) zoom.reset();
    if (clicks || drag || zooms) canvas.tabIndex = 0;
    else canvas.removeAttribute("tabindex");
    setRendering();
    setTouchAction();
  }
  function showReadout() {
    readout.textContent = model.get("readout");
    readout.hidden = !readout.textContent || !canvas.matches(":hover");
  }

  const listeners = { data: draw, selected: frame.show, tag: frame.show, readout: showReadout };
  for (const trait of ["alt", "width", "smooth", "interactive", "drag", "cover", "zoomable"]) listeners[trait] = update;
  for (const [trait, listener] of Object.entries(listeners)) model.on(`change:${trait}`, listener);
  update();
  frame.show();
  draw();
  let room = 0; // that was reported last
  function reportRoom() {
    const [width, height] = [el.clientWidth, window.innerHeight];
    if (!model.get("measured") || !width || Math.abs(width / height - room) < 0.05 * room) return;
    room = width / height;
    model.send({ event: "room", width, height });
  }
  const resized = new ResizeObserver(() => {
    if (zoom.zoomed) zoom.pan(0, 0);
    else setRendering();
    reportRoom();
  });
  resized.observe(stage);
  let controls;
  // The element is put into the page after this function returns.
  const attached = requestAnimationFrame(() => (controls = prepareControls(el)));
  return () => {
    cancelAnimationFrame(attached);
    frame.drop();
    pointers.drop();
    resized.disconnect();
    controls?.disconnect();
    for (const [trait, listener] of Object.entries(listeners)) model.off(`change:${trait}`, listener);
  };
}

export default { render };
