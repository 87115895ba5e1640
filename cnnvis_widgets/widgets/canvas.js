// One picture on a canvas. The kernel sends encoded bytes; clicks and arrow keys go back.
const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

// JupyterLab's command-mode shortcuts act on the notebook while a control in an output has the
// focus: "d d" on a button deletes cells. Lumino lets a keystroke be when the focused element
// itself carries this attribute; on a parent it has no effect, so every control is marked.
function guardKeys(el) {
  const root = el.closest(".cnnvis-explorer") ?? el;
  const mark = () =>
    root.querySelectorAll("select, button, input, textarea, [tabindex]").forEach((control) => {
      if (!control.hasAttribute("data-lm-suppress-shortcuts"))
        control.setAttribute("data-lm-suppress-shortcuts", "true");
    });
  mark();
  const observer = new MutationObserver(mark);
  observer.observe(root, { childList: true, subtree: true });
  return observer;
}

function render({ model, el }) {
  el.classList.add("cnnvis-canvas");
  const canvas = document.createElement("canvas");
  const frame = document.createElement("div");
  const stage = document.createElement("div");
  stage.className = "cnnvis-stage";
  frame.className = "cnnvis-frame";
  canvas.setAttribute("role", "img");
  canvas.dataset.picture = model.get("name");
  canvas.width = canvas.height = 1;
  stage.append(canvas, frame);
  el.append(stage);

  let decoding = false;
  let stale = false;
  async function draw() {
    const data = model.get("data");
    if (!data?.byteLength) return;
    if (decoding) {
      stale = true;
      return;
    }
    decoding = true;
    try {
      const bitmap = await createImageBitmap(new Blob([data]));
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
      bitmap.close();
      select();
      scale();
    } finally {
      decoding = false;
    }
    if (stale) {
      stale = false;
      draw();
    }
  }
  function select() {
    const [left, top, width, height] = model.get("selected") ?? [];
    frame.hidden = !width;
    if (!width) return;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    frame.style.left = share(left, canvas.width);
    frame.style.top = share(top, canvas.height);
    frame.style.width = share(width, canvas.width);
    frame.style.height = share(height, canvas.height);
  }
  function look() {
    canvas.setAttribute("aria-label", model.get("alt"));
    canvas.title = model.get("interactive") ? "Click, or use the arrow keys, to select" : "";
    stage.style.maxWidth = `${model.get("width")}px`;
    canvas.classList.toggle("cnnvis-interactive", model.get("interactive"));
    if (model.get("interactive")) canvas.tabIndex = 0;
    else canvas.removeAttribute("tabindex");
    scale();
  }
  // Hard pixels are for enlarging: made smaller, every few rows and columns would vanish.
  function scale() {
    const enlarged = stage.clientWidth >= canvas.width;
    canvas.style.imageRendering = enlarged && !model.get("smooth") ? "pixelated" : "auto";
  }
  canvas.addEventListener("click", (event) => {
    if (!model.get("interactive")) return;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    model.send({ event: "click", x, y });
  });
  canvas.addEventListener("keydown", (event) => {
    if (!model.get("interactive") || !KEYS.includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ event: "key", key: event.key });
  });

  const listeners = { data: draw, selected: select, alt: look, width: look, smooth: look, interactive: look };
  for (const [trait, listener] of Object.entries(listeners)) model.on(`change:${trait}`, listener);
  look();
  select();
  draw();
  const resized = new ResizeObserver(scale);
  resized.observe(stage);
  let observer;
  // The element is put into the page after this function returns.
  const attached = requestAnimationFrame(() => (observer = guardKeys(el)));
  return () => {
    cancelAnimationFrame(attached);
    resized.disconnect();
    observer?.disconnect();
    for (const [trait, listener] of Object.entries(listeners)) model.off(`change:${trait}`, listener);
  };
}

export default { render };
