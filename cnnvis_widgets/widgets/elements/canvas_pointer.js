const SLIP = 4; // CSS pixels; a press that moves less is a click

// The mouse, fingers and pens. A press drags the frame, draws another one, or pans a zoomed picture; two fingers pinch;
// any other press is a click.
function listenToPointers({ model, canvas, zoom, frame, readout }) {
  const pointers = new Map(); // the place of every pressed pointer in the page, by its id
  let gesture = null; // of the one pressed pointer: {kind: "move" | "brush" | "pan", ...}
  let moved = false; // a press that dragged or panned is no click
  const sendHover = paced((message) => model.send(message));

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    return [x, y];
  }
  function gestureAt(event, [x, y]) {
    const [mode, box] = [model.get("drag"), frame.box()];
    if (mode === "move" && box.length && !event.shiftKey) {
      const inside = x >= box[0] && y >= box[1] && x < box[0] + box[2] && y < box[1] + box[3];
      const held = inside ? [x - box[0], y - box[1]] : [box[2] / 2, box[3] / 2];
      return { kind: "move", held, size: box.slice(2) };
    }
    if ((mode === "brush" || mode === "region") && !event.shiftKey) return { kind: "brush", x, y };
    return zoom.zoomed ? { kind: "pan", x: event.clientX, y: event.clientY } : null;
  }

  function move([x, y]) {
    frame.drag([x - gesture.held[0], y - gesture.held[1], ...gesture.size], false);
  }
  function brush([x, y]) {
    const distance = Math.hypot(x - gesture.x, y - gesture.y) * canvas.clientWidth * zoom.zoom;
    if (!moved && distance < SLIP * canvas.width) return;
    moved = true;
    const corner = [clamp(x, 0, canvas.width), clamp(y, 0, canvas.height)];
    const [left, right] = [Math.floor(Math.min(corner[0], gesture.x)), Math.ceil(Math.max(corner[0], gesture.x))];
    const [top, bottom] = [Math.floor(Math.min(corner[1], gesture.y)), Math.ceil(Math.max(corner[1], gesture.y))];
    frame.drag([left, top, right - left, bottom - top], false);
  }
  function pan(_, event) {
    const [dx, dy] = [event.clientX - gesture.x, event.clientY - gesture.y];
    if (!moved && Math.hypot(dx, dy) < SLIP) return;
    moved = true;
    Object.assign(gesture, { x: event.clientX, y: event.clientY });
    zoom.pan(dx, dy);
  }
  function pinch(before, after) {
    const apart = ([[x1, y1], [x2, y2]]) => Math.hypot(x1 - x2, y1 - y2) || 1;
    zoom.by(apart(after) / apart(before), (after[0][0] + after[1][0]) / 2, (after[0][1] + after[1][1]) / 2);
    moved = true;
  }
  function hover([x, y]) {
    const inside = x >= 0 && y >= 0 && x < canvas.width && y < canvas.height;
    if (model.get("hover") && inside && !gesture) sendHover({ event: "hover", x, y });
  }
  function release(event) {
    if (!pointers.delete(event.pointerId)) return;
    frame.finish();
    gesture = null;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (model.get("drag") || zoom.zoomed || pointers.size > 1) canvas.setPointerCapture(event.pointerId);
    moved = false;
    if (pointers.size > 1) {
      frame.finish();
      gesture = null; // two fingers pinch
      return;
    }
    const at = place(event);
    gesture = gestureAt(event, at);
    if (gesture?.kind === "move") move(at);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    hover(at);
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const after = [...pointers.values()];
    if (after.length === 2 && model.get("zoomable")) pinch(before, after);
    else if (gesture) ({ move, brush, pan })[gesture.kind](at, event);
  });
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerenter", () => (readout.hidden = !model.get("readout")));
  canvas.addEventListener("pointerleave", (event) => {
    sendHover.drop();
    readout.hidden = true;
    if (!canvas.hasPointerCapture(event.pointerId)) release(event);
  });
  canvas.addEventListener("click", (event) => {
    if (moved || !model.get("interactive") || model.get("drag") === "move") return;
    const [x, y] = place(event);
    model.send({ event: "click", x, y });
  });
  return { isPressed: () => gesture !== null, drop: sendHover.drop };
}
