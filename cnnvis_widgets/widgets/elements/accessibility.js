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

// A chart has no name; it gets one by its class, or else from the labels of its axes. Screen readers skip its parts.
const CHARTS = {
  "cnnvis-chart-score": "Score by step; the newest score is in the caption above",
  "cnnvis-chart-values": "Number of units by value; the range of the colours can also be typed, above the maps",
  "cnnvis-chart-strengths": "Largest value of each channel, the strongest channel first; the maps tell the same values",
  "cnnvis-chart-classes": "Classes that change most, before and after; the bars of classes tell the same numbers",
};
function nameCharts(root) {
  root.querySelectorAll(".bqplot").forEach((chart) => {
    const labels = [...chart.querySelectorAll(".axislabel")].map((label) => label.textContent).filter(Boolean);
    const known = Object.keys(CHARTS).find((kind) => chart.classList.contains(kind));
    const name = CHARTS[known] ?? (labels.reverse().join(" by ") || "Chart");
    if (chart.getAttribute("aria-label") !== name) chart.setAttribute("aria-label", name);
    chart.setAttribute("role", "img");
  });
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
