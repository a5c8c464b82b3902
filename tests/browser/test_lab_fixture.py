"""The browser tests' own ground: a page that works, and a watch that would bark."""

from __future__ import annotations

import struct

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenNotebook, SetTheme, Shot
from tests.browser.jupyter import Lab

BUTTON = """
import ipywidgets as w

count = w.Label("clicks 0")
button = w.Button(description="Click me")
button.on_click(lambda _: setattr(count, "value", "clicks 1"))
w.VBox([button, count])
"""

BUSY = """
import pathlib, time
print("busy", end=" ", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.01)
print("done")
"""


def test_a_click_reaches_the_kernel_and_its_answer_the_page(notebook: OpenNotebook) -> None:
    """A widget's callback runs in the kernel, and what it changes shows."""
    cell = notebook([BUTTON]).output(0)
    cell.get_by_role("button", name="Click me").click()
    expect(cell.get_by_text("clicks 1")).to_be_visible()


def test_a_test_can_look_at_a_busy_kernel(notebook: OpenNotebook, lab: Lab) -> None:
    """A cell that was started without waiting runs on while the test goes on."""
    opened = notebook([BUSY], run=False)
    opened.run(0, wait=False)
    expect(opened.output(0)).to_have_text("busy")
    (lab.directory / "go").touch()
    expect(opened.output(0)).to_have_text("busy done")


def test_a_saved_notebook_is_read_from_its_file(notebook: OpenNotebook) -> None:
    """What was shown is what the file holds, so a test can look for what must not be there."""
    assert "shown" in notebook(["print('shown')"]).saved().cells[0].outputs[0].text


def test_the_kernel_has_none_of_the_users_settings(notebook: OpenNotebook) -> None:
    """Home, IPython profile and this project's variables are the test's own."""
    code = "import os; print(sorted(k for k in os.environ if k.startswith('NBINCOMING_')))"
    home = "import os; print(os.path.expanduser('~').startswith(os.path.dirname(os.getcwd())))"
    opened = notebook([code, home])
    expect(opened.output(0)).to_have_text("[]")
    expect(opened.output(1)).to_have_text("True")


def test_a_picture_shows_the_theme(notebook: OpenNotebook, theme: SetTheme, shot: Shot) -> None:
    """A picture of the dark theme is not one of the light theme."""
    notebook([BUTTON])
    light = shot("fixture-light").read_bytes()
    theme("dark")
    dark = shot("fixture-dark").read_bytes()
    width, height = struct.unpack(">II", dark[16:24])
    assert width > 600
    assert height > 400
    assert light != dark


def test_a_request_beyond_this_machine_is_noticed(page: Page, outside: list[str]) -> None:
    """The watch that holds every browser test to this machine does see what leaves it."""
    page.evaluate("() => fetch('https://nbincoming.invalid/x').catch(() => null)")
    assert outside == ["https://nbincoming.invalid/x"]
    outside.clear()
