"""The main job in JupyterLab, as a person does it: by clicks, with curl from outside."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from nbincoming import files
from nbincoming.core.examples import check_examples
from nbincoming.export.example import EXAMPLE_BODY
from tests.browser.conftest import OpenNotebook, Shot
from tests.browser.jupyter import Lab

URL = re.compile(
    r"http://127\.0\.0\.1:\d+/automation-endpoint/endpoints/authorized/[0-9a-f-]+/trigger"
)
QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


def curl(url: str, body: object, *headers: str) -> int:
    """Post a body with curl, from another process than kernel and page."""
    command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    for header in ("Content-Type: application/json", *headers):
        command += ["--header", header]
    text = body if isinstance(body, str) else json.dumps(body)
    done = subprocess.run(
        [*command, "--data-raw", text, url], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


def complaint(number: int, priority: str) -> dict[str, object]:
    """Make a complaint like the example, with another id and priority."""
    inner = {**EXAMPLE_BODY["complaint"], "id": f"cmp-{number}", "priority": priority}
    return {**EXAMPLE_BODY, "complaint": inner}


def card(wizard: Locator, title: str) -> Locator:
    """Find a card of the wizard by its title."""
    return wizard.locator(".nbi-card").filter(has=wizard.page.get_by_role("heading", name=title))


def define(wizard: Locator, title: str) -> Locator:
    """Open a card."""
    found = card(wizard, title)
    found.get_by_role("button", name="Define").click()
    return found


def test_the_whole_walk_by_clicks(
    notebook: OpenNotebook, lab: Lab, page: Page, shot: Shot, tmp_path: Path
) -> None:
    """Retrieve data, see the parameters, choose a key and a condition, publish, be served."""
    cell = f"import nbincoming as nbi\ninc = nbi.Integration('walk', folder={str(tmp_path)!r})\ninc"
    opened = notebook([cell])
    wizard = opened.output(0).locator(".nbi-wizard")
    expect(wizard.get_by_text("Draft", exact=True)).to_be_visible()
    url = URL.search(wizard.inner_text())
    assert url is not None
    shot("walk-1-new", wizard)

    assert curl(url[0], EXAMPLE_BODY) == 404
    incoming = define(wizard, "Incoming data")
    expect(incoming.get_by_text("1 request got 404")).to_be_visible()
    incoming.get_by_role("button", name="Retrieve data").click()
    expect(incoming.get_by_text(re.compile(r"\d+ s left"))).to_be_visible()
    assert curl(url[0], complaint(1, "high")) == 200
    expect(incoming.get_by_role("cell", name="body.complaint.customer.email")).to_be_visible()
    expect(incoming.get_by_role("cell", name="photo_of_defect.jpg", exact=True)).to_be_visible()
    assert curl(url[0], complaint(2, "low")) == 200
    assert curl(url[0], complaint(1, "high")) == 200
    assert curl(url[0], "{'not': json}") == 400
    expect(incoming.get_by_text("Refused with 400")).to_be_visible()
    incoming.get_by_label("Sample", exact=True).select_option(label=re_option(incoming, "#0"))
    shot("walk-2-incoming", wizard)
    incoming.get_by_role("button", name="Stop").click()
    expect(incoming.get_by_text("4 requests retrieved.")).to_be_visible()
    incoming.get_by_label("Raw JSON").check()
    tree = incoming.get_by_role("region", name="Raw JSON")
    expect(tree.get_by_text('fileName: "photo_of_defect.jpg"')).to_be_visible()
    shot("walk-3-raw", wizard)
    incoming.get_by_role("button", name="Close").click()
    expect(card(wizard, "Incoming data").get_by_text("4 requests, 20 parameters")).to_be_visible()

    dedup = define(wizard, "Deduplication hash generator")
    dedup.get_by_label("Parameter").fill("body.complaint.id")
    dedup.get_by_label("Parameter").press("Tab")
    dedup.get_by_role("button", name="Add", exact=True).click()
    expect(dedup.get_by_text("2 new, answered 200")).to_be_visible()
    shot("walk-4-deduplication", wizard)
    dedup.get_by_role("button", name="Apply").click()

    conditions = define(wizard, "Conditions")
    conditions.get_by_label("Parameter").fill("body.complaint.priority")
    conditions.get_by_label("Parameter").press("Tab")
    conditions.get_by_label("Value", exact=True).fill("high")
    conditions.get_by_label("Value", exact=True).press("Tab")
    expect(conditions.get_by_text("urgent matches 2 of 3 samples")).to_be_visible()
    shot("walk-5-conditions", wizard)
    conditions.get_by_role("button", name="Apply").click()
    said = card(wizard, "Conditions").locator(".nbi-summary")
    expect(said).to_have_text('urgent: body.complaint.priority equals "high"')

    publishing = define(wizard, "Publish")
    publishing.get_by_role("button", name="Save & publish").click()
    expect(wizard.get_by_text("Published v1", exact=True)).to_be_visible()
    expect(publishing.get_by_text("nbincoming check")).to_be_visible()
    shot("walk-6-published", wizard)

    path = tmp_path / "published" / "walk.incoming.json"
    spec = files.load(path)
    assert spec.deduplication is not None
    assert spec.deduplication.parameters == ("body.complaint.id",)
    assert [example.name for example in spec.examples] == ["accepted-urgent", "filtered"]
    assert check_examples(spec) == []
    assert [curl(url[0], complaint(1, "high")) for _ in range(2)] == [200, 204]


def re_option(where: Locator, start: str) -> str:
    """Return the whole label of the option that starts so."""
    options = where.get_by_label("Sample", exact=True).locator("option").all_inner_texts()
    return next(option for option in options if option.startswith(start))


def test_the_quickstart_runs_in_jupyterlab(notebook: OpenNotebook, lab: Lab, shot: Shot) -> None:
    """Run All of the shipped notebook ends with an event, and the wizard shows version 1."""
    cells = json.loads(QUICKSTART.read_text())["cells"]
    code = ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
    opened = notebook(code)
    wizard = opened.output(0).locator(".nbi-wizard")
    expect(wizard.get_by_text("Published v1", exact=True)).to_be_visible()
    expect(opened.output(len(code) - 1)).to_contain_text("urgent")
    shot("quickstart", opened.panel)
