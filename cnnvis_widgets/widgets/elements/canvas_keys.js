const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = [...Object.keys(ARROWS), "Home", "End"];

// The keyboard: zoom, then the frame, then the kernel. `isPressed` tells whether a pointer drags the frame.
function listenToKeys({ model, canvas, stage, zoom, frame, isPressed }) {
  function moveFrame([dx, dy], shift) {
    const [mode, box] = [model.get("drag"), frame.box()];
    if (!box.length) {
      if (mode === "brush") frame.drag([canvas.width / 4, canvas.height / 4, canvas.width / 2, canvas.height / 2], false);
      return;
    }
    const [left, top, width, height] = box;
    if (mode === "brush" && shift) {
      const grow = [dx * Math.ceil(canvas.width / 32), dy * Math.ceil(canvas.height / 32)];
      const wider = clamp(width + grow[0], 1, canvas.width - left);
      const higher = clamp(height + grow[1], 1, canvas.height - top);
      frame.drag([left, top, wider, higher], false);
      return;
    }
    const fine = mode === "move" && shift;
    const [right, down] = [dx * (fine ? 1 : Math.ceil(width / 4)), dy * (fine ? 1 : Math.ceil(height / 4))];
    frame.drag([left + right, top + down, width, height], false);
  }
  // whether the canvas has a use for the key
  function handle({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    const [drag, arrow] = [model.get("drag"), ARROWS[key]];
    if (ctrlKey || metaKey || altKey) return false;
    if (model.get("zoomable") && ["+", "=", "-", "0"].includes(key)) {
      if (key === "0") zoom.reset();
      else zoom.by(key === "-" ? 1 / ZOOM_STEP : ZOOM_STEP);
    } else if (drag === "region" && shiftKey && arrow) model.send({ event: "key", key: `Shift+${key}` });
    else if (["move", "brush"].includes(drag) && arrow) moveFrame(arrow, shiftKey);
    else if (zoom.zoomed && shiftKey && arrow) zoom.pan(-arrow[0] * stage.clientWidth * 0.2, -arrow[1] * stage.clientHeight * 0.2);
    else if (model.get("interactive") && KEYS.includes(key)) model.send({ event: "key", key });
    else return false;
    return true;
  }
  canvas.addEventListener("keydown", (event) => {
    if (!handle(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  const settle = () => {
    if (!isPressed()) frame.finish();
  };
  canvas.addEventListener("keyup", settle);
  canvas.addEventListener("blur", settle);
}
