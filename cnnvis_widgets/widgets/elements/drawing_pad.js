// A sheet with as many pixels as the image input expects, drawn on with mouse, finger or keys. It sends the pixels that
// it shows.
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  const [width, height, paper] = ["width", "height", "paper"].map((trait) => model.get(trait));
  const grey = (value) => `rgb(${value}, ${value}, ${value})`;
  const make = (name, className) => Object.assign(document.createElement(name), { className });
  const [sheet, canvas, pen] = [make("div", "cnnvis-pad"), make("canvas", ""), make("div", "cnnvis-pen")];
  const clear = make("button", "jupyter-widgets widget-button jupyter-button cnnvis-tool");
  Object.assign(canvas, { width, height, tabIndex: 0 });
  canvas.dataset.picture = "pad";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Drawing pad of ${height} × ${width} pixels`);
  canvas.title = "Draw with the mouse or a finger; arrow keys move the pen, Space puts it down or lifts it";
  canvas.setAttribute("aria-description", canvas.title);
  Object.assign(clear, { textContent: "Clear", title: "Start with an empty sheet" });
  clear.style.width = "auto";
  pen.hidden = true;
  sheet.append(canvas, pen);
  el.append(sheet, clear);

  const context = canvas.getContext("2d", { willReadFrequently: true });
  const thick = Math.max(1.5, Math.min(width, height) / 12);
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: thick });
  let last = null; // the last place of the pressed pointer
  const place = { x: width / 2, y: height / 2, down: false }; // the pen that the keys move

  function blank() {
    context.fillStyle = grey(paper);
    context.fillRect(0, 0, width, height);
  }
  function show() {
    const values = model.get("pixels");
    if (last) return; // the page is ahead of the kernel
    if (values?.byteLength !== width * height) return blank();
    const bytes = new Uint8Array(values.buffer ?? values, values.byteOffset ?? 0, values.byteLength);
    const image = context.createImageData(width, height);
    bytes.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
    context.putImageData(image, 0, 0);
  }
  function send() {
    const { data } = context.getImageData(0, 0, width, height);
    const values = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]);
    model.set("pixels", new DataView(values.buffer));
    model.save_changes(); // one message at a time; of the messages that wait only the newest is sent
  }
  function line(from, to) {
    context.strokeStyle = grey(255 - paper);
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    send();
  }
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    line(last, next);
    last = next;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));

  function mark() {
    pen.hidden = document.activeElement !== canvas || !canvas.matches(":focus-visible");
    pen.style.left = `${(100 * place.x) / width}%`;
    pen.style.top = `${(100 * place.y) / height}%`;
    pen.style.width = pen.style.height = `${(canvas.clientWidth * thick) / width}px`;
    pen.classList.toggle("cnnvis-down", place.down);
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = [place.x, place.y];
    if (event.key in MOVES) {
      const [dx, dy] = MOVES[event.key];
      place.x = Math.min(Math.max(place.x + dx, 0), width);
      place.y = Math.min(Math.max(place.y + dy, 0), height);
    } else if (event.key === " ") place.down = !place.down;
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (place.down) line(from, [place.x, place.y]);
    mark();
  });
  canvas.addEventListener("focus", mark);
  canvas.addEventListener("blur", () => {
    place.down = false;
    mark();
  });
  clear.addEventListener("click", () => {
    blank();
    send();
  });
  model.on("change:pixels", show);
  show();
  return () => model.off("change:pixels", show);
}

export default { render };
