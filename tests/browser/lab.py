"""A JupyterLab of our own and a browser on it: what a person would do, in a few verbs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
NOISE = ("favicon", "net::ERR_", "Failed to load resource", "ResizeObserver loop", "[Violation]")
SHARED = "shared.ipynb"
"""The copy of the first notebook that the tests of a module share."""

ERRORS = """() => {
  const nb = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook');
  const text = nb ? nb.innerText : '';
  return text.match(/Error (displaying|creating) widget[^\\n]*|[^\\n]*model not found[^\\n]*|Traceback[^\\n]*/g) || [];
}"""


class Lab:
    """A JupyterLab server on a copy of the project, with settings of its own; `live` as `simlib lab` starts it."""

    def __init__(self, theme: str = "light", *, live: bool = False) -> None:
        self.live = live
        self.folder = Path(tempfile.mkdtemp(prefix="simlib-lab-"))
        for part in ("notebooks", "scenarios", "simlib"):
            shutil.copytree(ROOT / part, self.folder / part)  # times of files too: compiled kernels stay valid
        shutil.copy2(ROOT / "pyproject.toml", self.folder)
        self._settings("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
        self._settings("apputils-extension/themes", {"theme": f"JupyterLab {theme.title()}"})
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self._start()

    def _settings(self, plugin: str, values: dict[str, object]) -> None:
        file = self.folder / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def _start(self) -> subprocess.Popen[bytes]:
        private = {
            name: str(self.folder / part)
            for name, part in (
                ("JUPYTERLAB_SETTINGS_DIR", "settings"),
                ("JUPYTERLAB_WORKSPACES_DIR", "workspaces"),
                ("JUPYTER_CONFIG_DIR", "config"),
                ("JUPYTER_RUNTIME_DIR", "runtime"),
                ("IPYTHONDIR", "ipython"),
                ("SIMLIB_STATE_DIR", "state"),
            )
        }
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={self.port}",
            "--allow-root",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={self.folder}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=None",
        ]
        if self.live:  # as `simlib lab` starts it
            private["SIMLIB_LIVE"] = str(self.folder / "notebooks")
            private["JUPYTER_CONFIG_PATH"] = str(self.folder / "simlib" / "_jupyter")
            command.append(f"--LabApp.extra_labextensions_path={self.folder / 'simlib' / '_jupyter' / 'labextensions'}")
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **private, "PYTHONPATH": path},
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        until(lambda: process.poll() is not None or self._answers(), 90, "JupyterLab to start")
        if process.poll() is not None:
            raise RuntimeError("JupyterLab did not start:\n" + (self.folder / "server.log").read_text()[-3000:])
        return process

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/api", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def close(self) -> None:
        """Stop the server and its kernels, and remove the copy."""
        request = urllib.request.Request(self.url + "/api/shutdown", method="POST", headers={"Origin": self.url})
        try:
            urllib.request.urlopen(request, timeout=5).close()
            self.process.wait(15)
        except (OSError, subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(15)
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """One notebook open in the browser."""

    def __init__(
        self,
        browser: Any,
        lab: Lab,
        notebook: str,
        *,
        size: tuple[int, int] = (1500, 1100),
        dark: bool = False,
        mode: str = "lab",
        ratio: float = 1,
    ) -> None:
        self.page = tab(browser, ratio)
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.goto(
            f"{lab.url}/{mode}/tree/notebooks/{notebook}?reset", wait_until="domcontentloaded", timeout=90_000
        )
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=90_000)
        until(lambda: self.kernel() == "idle", 90, "the kernel to be ready")

    def _hear(self, message: Any) -> None:
        if message.type == "error" and not any(word in message.text for word in NOISE):
            self.complaints.append(f"console: {message.text[:500]}")

    def kernel(self) -> str:
        """Return the status of the kernel."""
        return str(
            self.page.evaluate(
                "() => { try { return jupyterapp.shell.currentWidget.sessionContext.session.kernel.status; }"
                " catch (e) { return 'none'; } }"
            )
        )

    def run_all(self, timeout: float = 120) -> float:
        """Run every cell; return how many seconds until none waits."""
        begun = time.monotonic()
        self.page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        until(self._all_ran, timeout, "all cells to have run")
        return time.monotonic() - begun

    def forget(self) -> None:
        """Go back to a notebook that was not run, in the same kernel."""
        self.page.keyboard.press("Escape")
        self.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        self.ask("[shown.session.close() for shown in Out.values() if type(shown).__name__ == 'Explorer']")
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        self.complaints.clear()

    def _all_ran(self) -> bool:
        return (
            bool(
                self.page.evaluate("""() => jupyterapp.shell.currentWidget.content.widgets
            .filter(w => w.model.type === 'code' && w.model.sharedModel.getSource().trim())
            .every(w => w.model.executionCount && !w.node.querySelector('.jp-InputPrompt').textContent.includes('*'))
        """)
            )
            and self.kernel() == "idle"
        )

    def errors(self) -> list[str]:
        """Return everything that went wrong so far: in cells, in widgets, on the console."""
        cells = self.page.evaluate("""() => jupyterapp.shell.currentWidget.content.widgets.flatMap(w => {
            if (w.model.type !== 'code') return [];
            const outputs = w.model.outputs, found = [];
            for (let k = 0; k < outputs.length; k++) {
              const o = outputs.get(k).toJSON();
              if (o.output_type === 'error') found.push(`${o.ename}: ${o.evalue}`);
              if (o.output_type === 'stream' && o.name === 'stderr') found.push(`stderr: ${o.text}`);
            }
            return found; })""")
        return [*cells, *self.page.evaluate(ERRORS), *self.complaints]

    def status(self) -> str:
        """Return the status line of the first picture."""
        strip = self.page.locator(".simlib-strip:visible > span:first-child")
        return str(strip.first.inner_text()) if strip.count() else ""

    def settle(self, timeout: float = 60) -> None:
        """Wait until the kernel is idle and the picture shows the answer at rest, for a second on end."""
        calm = [time.monotonic()]

        def quiet() -> bool:
            if self.kernel() == "busy" or self.status().startswith(("preview", "computing", "finding")):
                calm[0] = time.monotonic()
            return time.monotonic() - calm[0] > 1.0

        until(quiet, timeout, "the answer at rest")

    def alt(self) -> str:
        """Return the alternative text of the first live picture."""
        return str(self.page.locator(":is(.simlib-picture, .simlib-graph) img:visible").first.get_attribute("alt"))

    def value(self, assumption: str) -> float:
        """Return the value of an assumption in the explorer of the kernel, to the last bit."""
        explorer = "[shown for shown in Out.values() if type(shown).__name__ == 'Explorer'][-1]"
        return float(self.ask(f"{explorer}.state.value({assumption!r})"))

    def ask(self, expression: str) -> str:
        """Return the value of a Python expression in the kernel, as text."""
        return str(
            self.page.evaluate(
                """async code => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({code: '0', silent: true, store_history: false,
                user_expressions: {answer: code}});
            const reply = await future.done;
            const answer = reply.content.user_expressions.answer;
            if (answer.status !== 'ok') throw new Error(`${answer.ename}: ${answer.evalue}`);
            return answer.data['text/plain']; }""",
                expression,
            )
        )

    def busy(self, seconds: float) -> None:
        """Keep the kernel busy for some seconds, and return at once."""
        self.page.evaluate(
            """code => { jupyterapp.shell.currentWidget.sessionContext.session.kernel
                .requestExecute({code, silent: true, store_history: false}); }""",
            f"__import__('time').sleep({seconds})",
        )

    def tab(self, title: str) -> None:
        """Turn to a page of the explorer."""
        self.page.locator(".simlib-pages").get_by_role("button", name=title, exact=True).first.click()
        self.settle()

    def theme(self, name: str) -> None:
        """Put on another theme."""
        self.page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        time.sleep(1)

    def shot(self, path: Path) -> None:
        """Leave a screenshot."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))

    def shot_of_widget(self) -> bytes:
        """Return a screenshot of the widget alone, with as much of it as fits into the window."""
        self.page.evaluate(
            "() => { document.activeElement.blur(); jupyterapp.commands.execute('application:toggle-left-area'); }"
        )
        self.settle()
        widget = self.page.locator(".simlib-explorer").first
        widget.evaluate("node => node.scrollIntoView({block: 'start'})")
        time.sleep(1)
        box = widget.bounding_box()
        assert box is not None
        size = self.page.viewport_size
        high = min(box["height"], size["height"] - box["y"] - 30)
        return bytes(self.page.screenshot(clip={"x": box["x"], "y": box["y"], "width": box["width"], "height": high}))

    def close(self) -> None:
        """Close the page and end its kernel."""
        self.page.evaluate(
            "async () => { try { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); } catch (e) {} }"
        )
        self.page.close()


def tab(browser: Any, ratio: float) -> Any:
    """Return a new tab. Those of one device pixel ratio share a cache, so that JupyterLab is compiled once."""
    context = next((known for known in browser.contexts if getattr(known, "ratio", None) == ratio), None)
    if context is None:
        context = browser.new_context(device_scale_factor=ratio)
        context.ratio = ratio
    return context.new_page()


def until(holds: Callable[[], object], timeout: float, what: str) -> None:
    """Wait until something holds; fail with what was waited for."""
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.05)


@contextmanager
def browser() -> Iterator[Any]:
    """The distribution's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield running
        finally:
            running.close()
