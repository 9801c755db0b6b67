// The beginning of every script of simlib.
// Ctrl+S saves the notebook from a field too: for that key, the attribute that keeps Lab's shortcuts off the field is
// removed for a moment. The text of the field is sent first, as when the focus leaves it.
const isSaving = (event) => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
if (!window.simlibSaves) {
  window.simlibSaves = true;
  window.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!isSaving(event) || !field.dataset?.lmSuppressShortcuts) return;
    if (field.matches("textarea, input[type=text]")) field.dispatchEvent(new Event("change", { bubbles: true }));
    delete field.dataset.lmSuppressShortcuts;
    setTimeout(() => { field.dataset.lmSuppressShortcuts = "true"; });
  }, true);
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  // JupyterLab's single-key shortcuts (d d deletes the cell) must not act on a focused field: each element says so.
  if (["button", "input", "select", "textarea"].includes(tag)) node.dataset.lmSuppressShortcuts = "true";
  if (tag === "button") node.type = "button";
  return node;
}

// Call a handler on each event of a model: {event: handler}. Returns a function that stops this.
function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => { for (const [event, handler] of Object.entries(handlers)) model.off(event, handler); };
}

