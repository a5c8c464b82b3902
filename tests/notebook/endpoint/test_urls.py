"""The URLs at which an endpoint can be reached."""

from __future__ import annotations

import pytest

from nbincoming.errors import NbIncomingError
from nbincoming.notebook.endpoint import urls as module
from nbincoming.notebook.endpoint.urls import endpoint_urls, public_base_of
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import Page, click, field, text_of

URL = "http://127.0.0.1:4711/x/trigger"


def test_a_loopback_address_is_always_there() -> None:
    """It is the one to use on this machine."""
    assert endpoint_urls(URL, "")[0].url == URL


def test_a_public_address_comes_first() -> None:
    """With the path of the endpoint."""
    assert endpoint_urls(URL, "https://x.example/in")[0].url == "https://x.example/in/x/trigger"


def test_a_proxy_is_named_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note warns that the Jupyter token must not be given to senders."""
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jane/")
    found = endpoint_urls(URL, "")[-1]
    assert found.url == "/user/jane/proxy/4711/x/trigger"
    assert "lets its holder run code" in found.note


@pytest.mark.parametrize(
    "text", ["x.example", "ftp://x", "https://", "http://x:y", "https://x?a=1"]
)
def test_what_is_no_address_is_a_problem(text: str) -> None:
    """The message shows a valid address."""
    with pytest.raises(NbIncomingError, match=r"https://hooks\.example\.com"):
        public_base_of(text)


def test_a_password_in_an_address_is_not_quoted() -> None:
    """An address with a password is refused, and the message does not repeat it."""
    with pytest.raises(NbIncomingError) as caught:
        public_base_of("https://jane:sesame@x.example")
    assert "sesame" not in str(caught.value)


def test_the_wizard_takes_a_public_address(make: Make) -> None:
    """The header and the curl command then show it."""
    inc = make()
    page = Page(inc)
    opened = page.open("endpoint")
    field(opened, "Public address").value = " https://x.example/ "
    click(opened, "Apply")
    page.refresh()
    assert inc.urls()[0].url.startswith("https://x.example/automation-endpoint/")
    assert inc.urls()[0].url in text_of(page.widget)
    assert inc.urls()[0].url in inc.curl()
