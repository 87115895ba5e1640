// A click asks the kernel for the code, copies it to the clipboard and shows it.
function render({ model, el }) {
  const button = document.createElement("button");
  const message = document.createElement("span");
  const text = document.createElement("textarea");
  button.className = "jupyter-widgets widget-button jupyter-button";
  button.style.width = "auto";
  button.textContent = "Copy code";
  button.title = "Copy the Python code that computes what is on the screen";
  message.setAttribute("aria-live", "polite");
  message.className = "cnnvis-note";
  text.readOnly = true;
  text.hidden = true;
  text.spellcheck = false;
  text.setAttribute("aria-label", "Code for what is on the screen");
  text.className = "cnnvis-code";
  el.append(button, message, text);

  async function receive(content) {
    text.value = content.code;
    text.rows = content.code.trimEnd().split("\n").length;
    text.hidden = false;
    text.scrollTop = 0;
    if (!content.copy) {
      message.textContent = " The code has changed.";
      return;
    }
    try {
      await navigator.clipboard.writeText(content.code);
      message.textContent = " Copied.";
    } catch {
      text.select();
      message.textContent = " Selected: copy it with the keyboard.";
    }
  }
  const ask = () => model.send({ event: "copy" });
  button.addEventListener("click", ask);
  model.on("msg:custom", receive);
  return () => model.off("msg:custom", receive);
}

export default { render };
