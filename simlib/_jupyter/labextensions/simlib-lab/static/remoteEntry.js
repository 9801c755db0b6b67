// A JupyterLab extension without a build step: the container that JupyterLab expects is written by hand.
// When a shipped notebook is opened, the extension runs the notebook, so that the sliders are live at once. The server
// (`simlib._jupyter`) says which notebooks are shipped. Only the server that `simlib lab` started loads this file.
(() => {
  const shipped = () => {
    const element = document.getElementById("jupyter-config-data");
    const found = JSON.parse((element && element.textContent) || "{}").simlibNotebooks;
    return new Set(Array.isArray(found) ? found : []);
  };

  let scope = {};  // the modules that JupyterLab shares with its extensions: {name: {version: {get}}}
  const shared = async (name) => (await Object.values(scope[name])[0].get())();

  const plugin = {
    id: "simlib-lab:run",
    description: "Runs the shipped notebooks of simlib when they are opened.",
    autoStart: true,
    activate: (app) => {
      const known = shipped();
      const seen = new WeakSet();
      const run = async (widget) => {
        if (!widget || !widget.context || !widget.sessionContext || seen.has(widget)) return;
        if (!known.has(widget.context.path.replace(/^\/+/, ""))) return;
        seen.add(widget);
        await widget.context.ready;
        await widget.revealed;
        await widget.sessionContext.ready;
        // JupyterLab's own command would select the last cell and scroll to it. `CodeCell.execute` does not.
        const { CodeCell } = await shared("@jupyterlab/cells");
        if (widget.isDisposed || !widget.sessionContext.session) return;
        const { model, widgets } = widget.content;
        const dirty = model.dirty;
        const cells = widgets.filter((cell) => cell.model.type === "code");
        await Promise.allSettled(cells.map((cell) => CodeCell.execute(cell, widget.sessionContext)));
        if (!dirty) model.dirty = false;  // nobody changed anything
      };
      app.restored.then(() => {
        run(app.shell.currentWidget);
        app.shell.currentChanged.connect((_, { newValue }) => run(newValue));
      });
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["simlib-lab"] = {
    init: (modules) => { scope = modules; },
    get: (module) => {
      if (module !== "./extension") return Promise.reject(new Error(`simlib-lab has no ${module}`));
      return Promise.resolve(() => ({ __esModule: true, default: plugin }));
    },
  };
})();
