// Help and full screen. The help walks through the page: each step frames a part of it and says what it is for.
const FULL = '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>';

function render({ model, el }) {
  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const [help, full] = [make("button", "cnnvis-icon cnnvis-help", "?"), make("button", "cnnvis-icon")];
  help.type = full.type = "button";
  help.title = "A walk through the page, in five steps";
  help.setAttribute("aria-label", "Help");
  full.title = "Fill the screen";
  full.setAttribute("aria-label", "Full screen");
  full.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5">${FULL}</svg>`;
  el.classList.add("cnnvis-page-buttons");
  el.append(help, full);

  const box = make("div", "cnnvis-tour");
  const [title, text, count] = [make("b", ""), make("p", ""), make("span", "cnnvis-tour-count")];
  const buttons = make("div", "cnnvis-tour-buttons");
  const [back, next, close] = ["Back", "Next", "Close"].map((words) => Object.assign(make("button", "", words), { type: "button" }));
  buttons.append(count, back, next, close);
  box.append(title, text, buttons);
  box.tabIndex = -1;
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", "Help");
  let step = -1;
  let framed = null;

  const explorer = () => el.closest(".cnnvis-explorer");
  // The first part that can be seen, of those that a step may be about.
  function target([selectors]) {
    const parts = [...explorer().querySelectorAll(selectors)];
    return parts.find((part) => part.getClientRects().length) ?? explorer();
  }
  function show(number) {
    const steps = model.get("steps");
    framed?.classList.remove("cnnvis-toured");
    step = number;
    if (step < 0 || step >= steps.length) {
      step = -1;
      const asked = box.contains(document.activeElement);
      box.remove();
      framed = null;
      if (asked) help.focus();
      return;
    }
    if (!box.isConnected) explorer().append(box);
    framed = target(steps[step]);
    framed.classList.add("cnnvis-toured");
    title.textContent = steps[step][1];
    text.textContent = steps[step][2];
    count.textContent = `${step + 1} of ${steps.length}`;
    back.disabled = step === 0;
    next.textContent = step === steps.length - 1 ? "Done" : "Next";
    framed.scrollIntoView({ block: "nearest" });
    place();
    box.focus();
  }
  function place() {
    const [outer, part] = [explorer().getBoundingClientRect(), framed.getBoundingClientRect()];
    const width = Math.min(340, outer.width - 16);
    const left = Math.max(8, Math.min(part.left - outer.left, outer.width - width - 8));
    const below = part.bottom - outer.top + 10;
    const fits = part.height < 320;
    box.style.width = `${width}px`;
    box.style.left = `${left}px`;
    box.style.top = `${fits ? below : part.top - outer.top + 24}px`;
  }
  help.addEventListener("click", () => show(step < 0 ? 0 : -1));
  back.addEventListener("click", () => show(step - 1));
  next.addEventListener("click", () => show(step + 1));
  close.addEventListener("click", () => show(-1));
  box.addEventListener("keydown", (event) => {
    const moves = { Escape: -1, ArrowRight: step + 1, ArrowLeft: Math.max(0, step - 1) };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    show(moves[event.key]);
  });
  full.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else explorer().requestFullscreen?.();
  });
  full.hidden = !document.fullscreenEnabled;
  return () => {
    framed?.classList.remove("cnnvis-toured");
    box.remove();
  };
}

export default { render };
