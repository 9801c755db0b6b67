// The beginning of every script of simlib.
// Ctrl+S must save the notebook even if a field has the focus. So it removes, for a moment, the attribute that keeps
// JupyterLab's shortcuts off the field. The text of the field is sent to the kernel first.
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
  // JupyterLab's single-key shortcuts must not act on a focused field ("d d" would delete the cell). The attribute
  // `lmSuppressShortcuts` on each element prevents that.
  if (["button", "input", "select", "textarea"].includes(tag)) node.dataset.lmSuppressShortcuts = "true";
  if (tag === "button") node.type = "button";
  return node;
}

// Set the text of a node. An equal text is left alone, because the browser would lay out the page again.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Show the parts {text, strong} of a sentence in a node. Nodes of an equally built sentence stay, and only texts change.
function putParts(node, parts) {
  const tags = parts.map(({ strong }) => (strong ? "strong" : "span"));
  if (String([...node.children].map(({ localName }) => localName)) !== String(tags)) {
    node.replaceChildren(...tags.map((tag) => make(tag)));
  }
  parts.forEach(({ text }, i) => put(node.children[i], text));
}

// The id of this page. Two pages may show one widget of one kernel, and each numbers its own actions.
const PAGE = Math.random().toString(36).slice(2);

// The number of the last action of this page that the kernel has carried out.
const heard = (model) => model.get("heard")[PAGE] ?? 0;

// Return a function that sends an action {what, ...} of the user to the kernel, and returns the number of the action.
// Of the values that a field of a model gets while the kernel is busy, only the last is sent. So actions stay in a list
// until the kernel has heard them. A slider that goes on moving replaces its last move.
function acting(model) {
  return (action) => {
    const waiting = model.get("actions").filter(({ page, n }) => page === PAGE && n > heard(model));
    const last = waiting.at(-1);
    const n = 1 + (last ? last.n : heard(model));
    if (action.what === "move" && last?.what === "move" && last.id === action.id) waiting.pop();
    model.set("actions", [...waiting, { ...action, page: PAGE, n }]);
    model.save_changes();
    return n;
  };
}

// Call the handlers {event: handler} on the events of a model. Return a function that removes them.
function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => { for (const [event, handler] of Object.entries(handlers)) model.off(event, handler); };
}

