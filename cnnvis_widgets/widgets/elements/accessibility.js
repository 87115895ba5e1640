// Makes the controls of a whole explorer accessible: those of ipywidgets and bqplot lack names, and all of them need
// protection from JupyterLab's shortcuts.
//
// JupyterLab's command-mode shortcuts act on the notebook while a control in an output has the focus: "d d" on a
// button deletes cells. Lumino ignores a keystroke when the focused element itself carries the attribute below. On a
// parent the attribute has no effect, so every control is marked.
function protectFromShortcuts(root) {
  root.querySelectorAll("select, button, input, textarea, [tabindex]").forEach((control) => {
    if (!control.hasAttribute("data-lm-suppress-shortcuts")) control.setAttribute("data-lm-suppress-shortcuts", "true");
  });
}

// The handle of a slider has no name; it gets the text of the slider's label.
function nameSliders(root) {
  root.querySelectorAll("[role=slider]:not([aria-label])").forEach((handle) => {
    const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
    if (label) handle.setAttribute("aria-label", label);
  });
}

// A chart has no name; it gets one by the class of its box. Screen readers skip its parts.
const CHARTS = {
  "cnnvis-score-chart": "Score by step; the newest score is in the caption above",
  "cnnvis-histogram": "How many units of the channel have which value; the colour scale above the maps takes a number",
  "cnnvis-strengths": "The largest value of each channel, the strongest channel first; the maps tell the same numbers",
};
function nameCharts(root) {
  for (const [kind, name] of Object.entries(CHARTS)) {
    root.querySelectorAll(`.${kind} .bqplot:not([role])`).forEach((chart) => {
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", name);
    });
  }
  root.querySelectorAll(".bqplot svg").forEach((part) => part.setAttribute("aria-hidden", "true"));
}

// ipywidgets puts the tooltip of a labelled control on the label alone.
function spreadTooltips(root) {
  root.querySelectorAll(".jupyter-widgets > .widget-label[title]").forEach((label) => {
    label.parentElement.title = label.title;
  });
}

// Prepares all controls of the explorer around an element, and those that come later. Returns the observer.
function prepareControls(element) {
  const root = element.closest(".cnnvis-explorer") ?? element;
  const prepare = () => [protectFromShortcuts, nameSliders, nameCharts, spreadTooltips].forEach((step) => step(root));
  prepare();
  const observer = new MutationObserver(prepare);
  observer.observe(root, { childList: true, subtree: true });
  return observer;
}
