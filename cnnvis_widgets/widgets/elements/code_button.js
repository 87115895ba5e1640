// Press: the kernel is asked for the code; it comes back, goes to the clipboard and is shown.
function render({ model, el }) {
  const button = document.createElement("button");
  const said = document.createElement("span");
  const text = document.createElement("textarea");
  button.className = "jupyter-widgets widget-button jupyter-button";
  button.style.width = "auto";
  button.textContent = "Copy code";
  button.title = "Copy the Python that gives what is shown";
  said.setAttribute("aria-live", "polite");
  said.className = "cnnvis-note";
  text.readOnly = true;
  text.hidden = true;
  text.spellcheck = false;
  text.setAttribute("aria-label", "Code of what is shown");
  text.className = "cnnvis-code";
  el.append(button, said, text);

  async function receive(content) {
    text.value = content.code;
    text.rows = content.code.trimEnd().split("\n").length;
    text.hidden = false;
    try {
      await navigator.clipboard.writeText(content.code);
      said.textContent = " Copied.";
    } catch {
      text.select();
      said.textContent = " Selected: copy it with the keyboard.";
    }
  }
  const ask = () => model.send({ event: "copy" });
  button.addEventListener("click", ask);
  model.on("msg:custom", receive);
  return () => model.off("msg:custom", receive);
}

export default { render };
