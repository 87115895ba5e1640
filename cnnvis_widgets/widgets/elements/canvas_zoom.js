const CLOSEST = 16; // the largest magnification
const ZOOM_STEP = 1.5; // of a button or a key

// The part of the picture on the screen: a magnification about a corner, such that the picture fills the stage.
function createZoom(stage, surface, changed) {
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
    // by a factor; the place under (clientX, clientY), or the middle, stays where it is
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

function addZoomButtons(tools, zoom) {
  for (const [label, glyph, act] of [
    ["Zoom out", "−", () => zoom.by(1 / ZOOM_STEP)],
    ["Whole picture", "0", () => zoom.reset()],
    ["Zoom in", "+", () => zoom.by(ZOOM_STEP)],
  ]) {
    const button = Object.assign(document.createElement("button"), { textContent: glyph, title: label });
    button.tabIndex = -1; // the keys + - 0 do the same on the picture
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    tools.append(button);
  }
}

// The wheel scrolls the page, unless one has zoomed into the picture and it has the focus. A pinch on a touchpad arrives as a wheel with Ctrl.
function zoomByWheel({ model, canvas, stage, zoom }) {
  stage.addEventListener(
    "wheel",
    (event) => {
      const inside = zoom.zoomed && document.activeElement === canvas;
      if (!model.get("zoomable") || !(event.ctrlKey || inside)) return;
      event.preventDefault();
      zoom.by(Math.exp(-event.deltaY / (event.ctrlKey ? 150 : 400)), event.clientX, event.clientY);
    },
    { passive: false }
  );
}
