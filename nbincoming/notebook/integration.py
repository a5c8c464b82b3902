"""An incoming integration in the notebook.

:class:`Integration` delegates: the :class:`Store` holds the state that code and wizard share, an
:class:`EndpointSession` listens, a :class:`DraftEditor` changes the draft, an
:class:`Inspection` looks at the samples, and a :class:`Publisher` writes the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd

from nbincoming.core.auth.diagnosis.finding import Finding
from nbincoming.core.auth.schemes import Authorization
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError, quote
from nbincoming.export.shell import curl
from nbincoming.notebook.draft_editor import DraftEditor
from nbincoming.notebook.endpoint.login_keys import LoginKeys
from nbincoming.notebook.endpoint.session import RETRIEVE_S, EndpointSession
from nbincoming.notebook.endpoint.urls import EndpointUrl
from nbincoming.notebook.inspection import Inspection
from nbincoming.notebook.publishing import Publisher, opened_state
from nbincoming.notebook.python_code import code
from nbincoming.notebook.sample_import import import_requests
from nbincoming.notebook.wizard.icons import icon_of
from nbincoming.notebook.wizard.state import State, badge
from nbincoming.notebook.wizard.store import Store
from nbincoming.review.advice import Advice
from nbincoming.samples.request_files import ImportFormat
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from nbincoming.notebook.wizard.wizard import Wizard


class Integration:
    """An endpoint with its authorization, deduplication and triggers.

    Methods that change the draft raise SpecError with every problem, and then change nothing.

    As the last line of a cell it shows its wizard. If the cell runs again, the same name
    returns the same integration with its URL and samples. A draft or published spec of this
    name in `folder` is opened.

    Parameters
    ----------
    name : str
        Letters, digits, dots, hyphens, underscores. The files get this name too.
    folder : str or Path, optional
        Where drafts and published specs are. By default the current directory, or the
        folder of the integration if it exists in this kernel.

    Attributes
    ----------
    samples : Samples
        The captured requests.
    secrets : SecretStore
        The values of the secrets that the authorization names.
    api_keys : LoginKeys
        The API keys that the login exchanges for tokens: ``add``, ``revoke``, ``keep_in``.
    endpoint : EndpointSession
        The endpoint in this kernel: ``open_window``, ``send_example``, ``events``, …
    inspection : Inspection
        What the samples show.
    store : Store
        The state that code and wizard share.

    Raises
    ------
    SpecError
        If the name is invalid, or a file is damaged.
    NbIncomingError
        If the integration exists in this kernel with another folder.
    """

    _living: ClassVar[dict[str, Integration]] = {}

    def __new__(cls, name: str, *, folder: str | Path | None = None) -> Self:
        """Return the integration of this name in this kernel, or make it."""
        living = cls._living.get(name)
        if isinstance(living, cls) and not living.endpoint.closed:
            living._check_folder(folder)
            return living
        made = super().__new__(cls)
        made._open(name, Path("." if folder is None else folder))
        cls._living[name] = made
        return made

    def _open(self, name: str, folder: Path) -> None:
        others = [each for each in self._living.values() if not each.endpoint.closed]
        taken = {each.draft.endpoint: each.name for each in others}
        state = opened_state(name, folder, taken=taken)
        self.store: Store = Store(state)
        store = self.store
        self.samples = Samples()
        self.secrets = SecretStore()
        self.api_keys = LoginKeys(store.notify)
        self.endpoint: EndpointSession = EndpointSession(
            store, self.samples, self.secrets, self.api_keys
        )
        self.inspection = Inspection(store, self.samples, self.secrets)
        self._editor = DraftEditor(store)
        self._publisher = Publisher(folder, store, self.samples, self.endpoint, self.inspection)
        self._wizard: Wizard | None = None

    def _check_folder(self, folder: str | Path | None) -> None:
        own = self._publisher.folder
        if folder is not None and Path(folder).resolve() != own.resolve():
            raise NbIncomingError(
                f"The integration {quote(self.name)} of this kernel has the folder "
                f"{str(own)!r}, and {str(folder)!r} was given. Leave folder out, or close "
                "the integration first."
            )

    @property
    def name(self) -> str:
        """The integration's name."""
        return self.draft.name

    @property
    def state(self) -> State:
        """What the wizard shows now."""
        return self.store.state

    @property
    def draft(self) -> Spec:
        """The spec that is being defined."""
        return self.state.draft

    @property
    def published(self) -> Spec | None:
        """The published version that the endpoint runs; None before the first."""
        return self.state.published

    # --- the draft -----------------------------------------------------------------------

    @property
    def authorization(self) -> Authorization:
        """Who may call; set it to ``nbi.jwt(…)``, ``nbi.meta(…)`` and the like."""
        return self.draft.authorization

    @authorization.setter
    def authorization(self, authorization: Authorization) -> None:
        self._editor.authorize(authorization)

    @property
    def icon(self) -> str:
        """The icon before the name: set it to an emoji, or to the Path of an image."""
        return self.draft.icon

    @icon.setter
    def icon(self, icon: str | Path) -> None:
        self._editor.change("endpoint", icon=icon_of(icon) if isinstance(icon, Path) else icon)

    @property
    def time_zone(self) -> str:
        """The time zone of dates without an offset, such as ``"Europe/Berlin"``."""
        return self.draft.time_zone

    @time_zone.setter
    def time_zone(self, name: str) -> None:
        self._editor.change("conditions", time_zone=name)

    def set_limits(
        self,
        *,
        max_body_bytes: int | None = None,
        max_depth: int | None = None,
        max_parameters: int | None = None,
    ) -> None:
        """Change how large a request may be; None leaves a limit as it is."""
        self._editor.set_limits(
            max_body_bytes=max_body_bytes, max_depth=max_depth, max_parameters=max_parameters
        )
        self.endpoint.update_body_limit()

    def set_secret(self, name: str, value: str | bytes) -> None:
        """Set a secret, such as ``"env:COMPLAINTS_JWT_KEY"``; it stays in memory."""
        self.endpoint.set_secret(name, value)

    def deduplicate(
        self,
        *labels: str,
        window: str = "P7D",
        anchor: str = "last_request",
        claims: str = "every_request",
    ) -> None:
        """Choose the parameters of the deduplication key; without labels, turn it off.

        Parameters
        ----------
        *labels
            One to five parameters, such as ``"body.complaint.id"``.
        window
            ISO 8601 duration.
        anchor
            Where the window starts: ``"last_request"`` or ``"first_accepted"``.
        claims
            Which requests claim their key: ``"every_request"`` or ``"triggered"``.
        """
        self._editor.deduplicate(*labels, window=window, anchor=anchor, claims=claims)

    def trigger(self, name: str, when: Condition | str) -> None:
        """Add a trigger, or replace the one of this name.

        Parameters
        ----------
        when
            A condition, or its text as
            :func:`~nbincoming.core.conditions.parsing.read_condition` reads it.

        Examples
        --------
        >>> inc.trigger("urgent", nbi.P.body.complaint.priority == "high")  # doctest: +SKIP
        >>> inc.trigger("urgent", 'body.complaint.priority equals "high"')  # doctest: +SKIP
        """
        self._editor.set_trigger(name, when)

    def remove_trigger(self, name: str) -> None:
        """Remove the trigger of this name, if there is one."""
        self._editor.remove_trigger(name)

    # --- the endpoint --------------------------------------------------------------------

    def listen(self, *, host: str | None = None, port: int = 0) -> str:
        """Listen in a thread of this kernel and return the endpoint's URL.

        Listening again changes nothing. The draft answers 404 except while it retrieves
        data; after the first publication the published version answers.

        Parameters
        ----------
        host, port
            By default those of this kernel's listener, or loopback and a free port. Raises
            ListenerError if the port is in use, or the kernel already listens elsewhere.
        """
        self.endpoint.listen(host=host, port=port)
        return self.url

    @property
    def url(self) -> str:
        """The endpoint's URL on this machine; raises ListenerError before :meth:`listen`."""
        return self.endpoint.url

    def urls(self) -> list[EndpointUrl]:
        """List the URLs of the endpoint, the most public one first."""
        return self.endpoint.urls()

    def retrieve(self, timeout_s: float = RETRIEVE_S, *, count: int = 1) -> Samples:
        """Capture requests and wait for them.

        Ends after `count` requests that were not refused, or when the time is up, and returns
        all captured requests, refused ones too. Interrupting the cell stops capturing.
        """
        return self.endpoint.retrieve(timeout_s, count=count)

    def import_samples(
        self, source: str | bytes | Path, *, format: ImportFormat | None = None
    ) -> Samples:
        """Add requests from a text or a file to the samples, and return those added.

        The draft judges them without checking their credentials; nothing is sent.

        Parameters
        ----------
        source
            JSON lines, a HAR file or curl commands, or the Path of such a file; bytes and
            files may be compressed with gzip.
        format
            ``bodies``, ``requests``, ``har`` or ``curl``; by default the text decides. See
            :func:`nbincoming.samples.request_files.read_requests`.

        Raises
        ------
        SamplesError
            If something cannot be read, with all places. Nothing is added then.
        """
        return import_requests(source, self.store, self.samples, format=format)

    def curl(self) -> str:
        """Write a curl command that sends the example; secrets are shell variables."""
        return curl(self.urls()[0].url, self.authorization)

    def token(self, **options: Any) -> str:
        """Sign a token that the draft accepts, valid for one hour by default.

        Options such as ``lifetime_s`` and ``permissions`` are those of
        :func:`nbincoming.core.auth.tokens.issue_token`. Raises SecretError if the
        authorization is not JWT with a shared secret, or the secret is missing.
        """
        return self.endpoint.token(**options)

    # --- the samples -----------------------------------------------------------------------

    def explain(self, number: int | None = None) -> pd.DataFrame:
        """Explain the outcome of a sample under the draft, one row for each leaf.

        Parameters
        ----------
        number
            The sample's number, as in the index of ``samples.frame()``; by default the
            last sample. Raises UnknownSample if no sample has it.
        """
        return self.inspection.explain(number)

    def diagnose(self, number: int | None = None) -> list[Finding]:
        """Find out what the sender of a refused sample may have done wrong.

        `number` is as for :meth:`explain`. Returns the usual mistakes that would explain the
        refusal; none if the credentials are right. No finding contains a secret or a signature.
        """
        return self.inspection.diagnose(number)

    def lint(self) -> list[Advice]:
        """Check the draft as it would be published; each advice has a code and a remedy."""
        return self.inspection.lint()

    # --- the files -------------------------------------------------------------------------

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the draft, by default to ``drafts`` in the folder; return the file's path."""
        return self._publisher.save(folder)

    def publish(self, folder: str | Path | None = None, *, changes: str = "", by: str = "") -> Spec:
        """Write the next version of the spec and serve it from now on.

        Parameters
        ----------
        folder
            Where to write; by default ``published`` in the integration's folder.
        changes, by
            For the list of versions: what changed, in one line, and who publishes.

        Raises
        ------
        SpecError
            With everything that prevents publishing.
        """
        return self._publisher.publish(folder, changes=changes, by=by)

    def export(self, format: str) -> str:
        """Write the published version, or else the draft, in another format.

        Parameters
        ----------
        format
            ``openapi``, ``jsonschema``, ``cel``, ``cloudevent``, ``curl`` or ``specschema``.
            Schemas of the payload are inferred from all samples that were not refused.
        """
        return self._publisher.export(format)

    def code(self) -> str:
        """Write the Python code that defines this draft."""
        return code(self.draft)

    # --- the wizard and the end ------------------------------------------------------------

    def wizard(self) -> DOMWidget:
        """Return the widget that shows and changes this integration."""
        from nbincoming.notebook.wizard.wizard import Wizard

        with self.store.lock:
            self.endpoint.check_open()
            if self._wizard is None:
                self._wizard = Wizard(self)
            return self._wizard.widget

    def close(self) -> None:
        """Stop answering and forget the integration; its files stay.

        Afterwards whatever would serve again raises ListenerError: ``listen``, ``retrieve``,
        ``publish`` and the wizard. Its samples and its draft can still be read and saved.
        """
        self.endpoint.close()
        if self._living.get(self.name) is self:
            del self._living[self.name]

    @classmethod
    def close_all(cls) -> None:
        """Close every integration of this kernel."""
        for living in list(cls._living.values()):
            living.close()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data = dict(self.wizard()._repr_mimebundle_(**options) or {})
        data["text/plain"] = str(self)
        return data

    def __repr__(self) -> str:
        where = f" at {self.url}" if self.endpoint.listening else ""
        return f"<Integration {self.name!r}: {badge(self.state)}{where}, {self.samples!r}>"

    def __str__(self) -> str:
        url = f"URL: {self.url}" if self.endpoint.listening else self.endpoint.why_silent
        title = f"{self.draft.icon} {self.name} ({badge(self.state)})"
        return f"{title}\n  {url}\n  Samples: {self.samples!r}"
