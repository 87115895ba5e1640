// The frame over the picture. The kernel sets it in `selected`; the user drags it or draws another one.
function createFrame(model, canvas, element) {
  let dragged = null; // the frame during a drag: the page is ahead of the kernel then
  const send = paced((message) => model.send(message));
  const box = () => dragged ?? model.get("selected") ?? [];
  const tag = element.appendChild(document.createElement("span"));
  function show() {
    const [left, top, width, height] = box();
    element.hidden = !width;
    if (!width) return;
    tag.textContent = dragged ? "" : model.get("tag");
    tag.classList.toggle("cnnvis-tag-inside", top + height > 0.88 * canvas.height); // below it would be cut off
    const share = (part, whole) => `${(100 * part) / whole}%`;
    element.style.left = share(left, canvas.width);
    element.style.top = share(top, canvas.height);
    element.style.width = share(width, canvas.width);
    element.style.height = share(height, canvas.height);
  }
  // moves the frame to a box, rounded to whole pixels within the picture, and tells the kernel
  function drag(wanted, final) {
    const width = clamp(Math.round(wanted[2]), 1, canvas.width);
    const height = clamp(Math.round(wanted[3]), 1, canvas.height);
    const left = clamp(Math.round(wanted[0]), 0, canvas.width - width);
    const top = clamp(Math.round(wanted[1]), 0, canvas.height - height);
    dragged = [left, top, width, height];
    show();
    send({ event: "drag", left, top, width, height, final }, final);
    model.set("selected", dragged); // for other views in the page; the kernel does not send it back
    if (final) dragged = null;
  }
  function finish() {
    if (dragged) drag(dragged, true);
  }
  return { box, show, drag, finish, drop: send.drop };
}
