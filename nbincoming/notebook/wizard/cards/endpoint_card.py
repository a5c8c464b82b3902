"""The card of the endpoint: icon, authorization, secrets, API keys, URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import ipywidgets as widgets

from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.signature_schemes import Hmac, Meta
from nbincoming.core.auth.signatures import Encoding
from nbincoming.core.auth.token_keys import AlgorithmName
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError
from nbincoming.notebook.wizard.cards.api_key_list import ApiKeys
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.icons import icon_of, is_image
from nbincoming.notebook.wizard.state import authorization_words
from nbincoming.notebook.wizard.views import (
    button,
    escape,
    field,
    row,
    section,
    set_html,
    show,
    text,
)
from nbincoming.secrets import new_secret

SCHEMES = (
    ("Without authorization", "none"),
    ("JWT authorization", "jwt"),
    ("Webhook from Meta (also GitHub)", "meta"),
    ("HMAC signature in a header", "hmac"),
    ("Standard Webhooks signature", "standard-webhooks"),
)

#: Schemes that only code can choose so far. The form shows the one that the draft has.
OTHER_SCHEMES = ("header", "basic", "provider")

ENCODINGS = get_args(Encoding)
ALGORITHMS = AlgorithmName.__args__  # type: ignore[attr-defined]  # a Literal's values


class EndpointCard(CardView):
    """Chooses the authorization. Values of secrets stay in memory."""

    card = "endpoint"
    shown = ("icon", "authorization")

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        self._icon = field(widgets.Text, "Icon")
        self._icon.add_class("nbi-short")
        self._image = ""
        self._file = widgets.FileUpload(accept="image/*", description="Use an image")
        self._file.layout.width = "auto"
        self._file.observe(self.guard(self._on_image), "value")
        self._icon.observe(self.guard(self._on_icon), "value")
        self._shown_icon = text()
        self._scheme = field(widgets.Dropdown, "Authorization", options=SCHEMES)
        self._secret_name = field(widgets.Text, "Name of the secret", css="nbi-wide")
        self._secret_value = field(
            widgets.Password, "Its value (kept in memory only)", placeholder="leave empty to keep"
        )
        self._generate = button("Generate a secret", self.guard(self._on_generate))
        self._algorithm = field(widgets.Dropdown, "Algorithm", options=ALGORITHMS)
        self._verify_name = field(widgets.Text, "Name of the verify token", css="nbi-wide")
        self._verify_value = field(
            widgets.Password, "Its value (kept in memory only)", placeholder="leave empty to keep"
        )
        self._header = field(widgets.Text, "Header", placeholder="X-Signature")
        self._digest = field(
            widgets.Dropdown, "Algorithm", options=("sha256", "sha1", "sha384", "sha512")
        )
        self._prefix = field(widgets.Text, "Prefix", placeholder="sha256=")
        self._encoding = field(widgets.Dropdown, "Encoding", options=ENCODINGS)
        self._secret_row = row([self._secret_name, self._secret_value, self._generate])
        self._jwt_row = row([self._algorithm])
        self._meta_row = row([self._verify_name, self._verify_value])
        self._hmac_row = row([self._header, self._digest, self._prefix, self._encoding])
        self._help = text(css="nbi-quiet")
        self._scheme.observe(self.guard(self.changed), "value")
        self._secret_name.observe(self.guard(self.changed), "value")
        self._algorithm.observe(self.guard(self.changed), "value")
        rows = [self._secret_row, self._jwt_row, self._meta_row, self._hmac_row]
        self._public = field(
            widgets.Text, "Public address", css="nbi-wide", placeholder="https://hooks.example.com"
        )
        self._public_before = ""
        self._api_keys = ApiKeys(self.integration, self.guard)
        self._ways = text()
        return [
            section("Who may call", [row([self._scheme]), *rows, self._help]),
            self._api_keys.widget,
            section("Where to reach it", [row([self._public]), self._ways]),
            section("Icon", [row([self._icon, self._file, self._shown_icon])]),
        ]

    def fill(self, draft: Spec) -> None:
        """Fill the form from the draft."""
        scheme = draft.authorization
        stem = re.sub(r"[^A-Z0-9]+", "_", draft.name.upper()).strip("_") or "INCOMING"
        stem = stem if not stem[0].isdigit() else f"_{stem}"
        secrets = getattr(scheme, "secrets", ())
        self._image = draft.icon if is_image(draft.icon) else ""
        self._icon.value = "" if self._image else draft.icon
        self._public.value = self._public_before = self.integration.state.public_base
        name = str(scheme.data()["scheme"])
        other = [(authorization_words(scheme), name)] if name in OTHER_SCHEMES else []
        if self._scheme.options != (*SCHEMES, *other):
            self._scheme.options = (*SCHEMES, *other)
        self._scheme.value = name
        remote = isinstance(scheme, Jwt) and scheme.jwks_url is not None
        suggested = "" if remote else f"env:{stem}_SECRET"
        self._secret_name.value = secrets[-1] if secrets else suggested
        self._algorithm.value = scheme.algorithm if isinstance(scheme, Jwt) else "HS256"
        known = isinstance(scheme, Meta)
        verify = scheme.verify_token if isinstance(scheme, Meta) else None
        # Suggest a name only for a new scheme, because an existing one may have no handshake.
        self._verify_name.value = verify or ("" if known else f"env:{stem}_VERIFY_TOKEN")
        signed = scheme if isinstance(scheme, Hmac) else None
        self._header.value = signed.header if signed else "x-signature"
        self._digest.value = signed.algorithm if signed else "sha256"
        self._prefix.value = signed.prefix if signed else ""
        self._encoding.value = signed.encoding if signed else "hex"
        self._secret_value.value = self._verify_value.value = ""

    def update(self) -> None:
        """Show the fields of the chosen scheme, and whether its secret has a value."""
        scheme = self._scheme.value
        show(self._secret_row, scheme != "none")
        show(self._generate, scheme == "jwt")
        show(self._jwt_row, scheme == "jwt")
        show(self._meta_row, scheme == "meta")
        show(self._hmac_row, scheme == "hmac")
        # The login signs with a shared secret. Owners of a private key issue tokens themselves.
        has_login = scheme == "jwt" and self._algorithm.value.startswith("HS")
        show(self._api_keys.widget, has_login)
        if has_login:
            self._api_keys.update()
        image = f'<span class="nbi-icon"><img alt="The icon" src="{escape(self._image)}"></span>'
        set_html(self._shown_icon, image if self._image else "")
        set_html(self._ways, self._ways_html())
        name = self._secret_name.value.strip()
        if scheme == "none":
            words = "Anyone who knows the URL can send data."
        elif name in self.integration.secrets:
            words = f"<code>{escape(name)}</code> has a value. It never leaves this kernel."
        else:
            words = (
                f"<code>{escape(name)}</code> has no value yet: set it in the environment, or "
                "enter it here for this session."
            )
        set_html(self._help, words)

    def members(self) -> Mapping[str, Any]:
        """Return the members of the draft that the form sets."""
        icon = self._icon.value.strip() or self._image
        return {"icon": icon, "authorization": self._authorization()}

    def on_apply(self) -> None:
        """Move the entered secrets from the fields to memory."""
        secret, verify = self._take_secrets()
        if secret and self._scheme.value != "none":
            self.integration.set_secret(self._secret_name.value.strip(), secret)
        if verify and self._scheme.value == "meta":
            self.integration.set_secret(self._verify_name.value.strip(), verify)
        if self._public.value != self._public_before:  # only then: code can set it too
            self.integration.endpoint.public_base = self._public.value

        self._api_keys.hide()

    def on_cancel(self) -> None:
        """Clear the entered secrets."""
        self._take_secrets()
        self._api_keys.hide()

    def _on_image(self) -> None:
        if self._file.value:
            content = bytes(self._file.value[0].content)
            self._file.value = ()
            self._image = icon_of(content)
            self._icon.value = ""
            self.changed()

    def _on_icon(self) -> None:
        if self._icon.value.strip():
            self._image = ""
            self.changed()

    def _ways_html(self) -> str:
        if not self.integration.endpoint.listening:
            return ""
        ways = "".join(
            f"<li><code>{escape(way.url)}</code><br>"
            f'<span class="nbi-quiet">{escape(way.note)}</span></li>'
            for way in self.integration.urls()
        )
        return f'<ul class="nbi-ways">{ways}</ul>'

    def _take_secrets(self) -> tuple[str, str]:
        """Return the entered secrets, and clear the fields, because their values are synced."""
        taken = self._secret_value.value, self._verify_value.value
        self._secret_value.value = self._verify_value.value = ""
        return taken

    def _authorization(self) -> dict[str, Any]:
        scheme, name = self._scheme.value, self._secret_name.value.strip()
        known = self.integration.draft.authorization
        # Settings that the form does not show, such as older secrets, are kept.
        data = dict(known.data()) if known.data()["scheme"] == scheme else {"scheme": scheme}
        if scheme == "none":
            return {"scheme": "none"}
        older = [each for each in getattr(known, "secrets", ()) if each != name][:-1]
        if name in getattr(known, "secrets", ()):
            older = [each for each in getattr(known, "secrets", ()) if each != name]
        # With a JWKS no secret is needed; other schemes report a missing name.
        remote = scheme == "jwt" and isinstance(known, Jwt) and known.jwks_url is not None
        if name or not remote:
            data["secrets"] = [*older, name]
        match scheme:
            case "jwt":
                data["algorithm"] = self._algorithm.value
            case "meta":
                data["verify_token"] = self._verify_name.value.strip() or None
            case "hmac":
                data |= {
                    "header": self._header.value.strip(),
                    "algorithm": self._digest.value,
                    "prefix": self._prefix.value,
                    "encoding": self._encoding.value,
                }
        return data

    def _on_generate(self) -> None:
        name = self._secret_name.value.strip()
        if not name:
            raise NbIncomingError("Name the secret first, such as env:COMPLAINTS_SECRET.")
        self.integration.set_secret(name, new_secret())
        self.changed()
