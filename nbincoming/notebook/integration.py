"""An incoming integration in the notebook: its draft, its endpoint, its samples.

The effects live here: the listener, the clock, the files. What is shown and changed is
the pure :class:`~nbincoming.notebook.state.State`; the wizard and the methods below hand
it the same actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import uuid4

import pandas as pd

from nbincoming import files
from nbincoming.core.authorization import Authorization, Jwt, Scheme
from nbincoming.core.conditions import Condition, Node
from nbincoming.core.credentials import credentials, token
from nbincoming.core.doctor import diagnose
from nbincoming.core.gateway import Candidate, Outcome, Rules, endpoint_path
from nbincoming.core.login import LOGIN_PATH, ApiKey
from nbincoming.core.mistakes import Finding
from nbincoming.core.parameters import Limits
from nbincoming.core.sentences import read_condition
from nbincoming.core.spec import SCHEMA_FILE, SUFFIX, Publication, Spec, spec_from_data
from nbincoming.core.values import Value, exact, json_text
from nbincoming.core.words import Explanation, explain
from nbincoming.errors import (
    ConditionError,
    Problem,
    SecretError,
    SpecError,
    quote,
)
from nbincoming.export.formats import export_spec
from nbincoming.export.openapi import LOCAL
from nbincoming.history.examples import choose_examples
from nbincoming.history.importing import Format, read_requests
from nbincoming.history.lint import Advice, lint
from nbincoming.history.profile import ParameterProfile, Profiler
from nbincoming.history.replay import check_examples, consider, replay
from nbincoming.history.samples import Sample, Samples
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.keys import KeyFile
from nbincoming.notebook import snippets
from nbincoming.notebook.addresses import Address, addresses, public_base_of
from nbincoming.notebook.countdown import countdown
from nbincoming.notebook.endpoint import MAX_EVENTS, Endpoint, now_ms, wait_until
from nbincoming.notebook.icons import icon_of
from nbincoming.notebook.sending import post
from nbincoming.notebook.state import (
    Card,
    Change,
    Fail,
    Imported,
    Published,
    Reach,
    Saved,
    State,
    Window,
    badge,
)
from nbincoming.notebook.store import Store
from nbincoming.secrets import SecretStore

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from nbincoming.notebook.wizard import Wizard

#: How long "Retrieve data" waits, as on the platform that this re-creates.
RETRIEVE_S = 90


class Integration:
    """An endpoint with its authorization, deduplication and triggers.

    The last line of a cell shows its wizard. Making it again under the same name, as
    running a cell again does, returns the living one: same URL, same samples. A draft or
    a published spec of this name below `folder` is taken up where it was left.

    Parameters
    ----------
    name : str
        Names the files, too: letters, digits, dots, hyphens, underscores.
    folder : str or Path
        Where drafts and published specs are looked for.

    Raises
    ------
    SpecError
        If the name cannot be one, or a file found is damaged.

    Examples
    --------
    >>> inc = Integration("complaints")  # doctest: +SKIP
    >>> inc.listen()  # doctest: +SKIP
    """

    _living: ClassVar[dict[str, Integration]] = {}

    def __new__(cls, name: str, *, folder: str | Path = ".") -> Self:
        """Return the living integration of this name, or make one."""
        living = cls._living.get(name)
        if isinstance(living, cls):
            return living
        made = super().__new__(cls)
        made._begin(name, Path(folder))
        cls._living[name] = made
        return made

    def _begin(self, name: str, folder: Path) -> None:
        fresh = _new_draft(name)  # which checks the name, before it becomes part of a path
        draft, published, path = _found(name, folder)
        if draft is None:
            draft = fresh if published is None else _draft_of(published)
        _check_endpoint_is_free(draft, self._living.values())
        self._folder = folder
        self.store = Store(State(draft=draft, published=published, published_path=path))
        self.samples = Samples()
        self._profiler, self._profiled = Profiler(), 0
        self.secrets = SecretStore()
        self._endpoint = Endpoint(self.store, self.samples, self.secrets)
        self._wizard: Wizard | None = None

    # --- the draft ---------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The integration's name."""
        return self.state.draft.name

    @property
    def state(self) -> State:
        """What the wizard shows, at this moment."""
        return self.store.state

    @property
    def draft(self) -> Spec:
        """What is being defined."""
        return self.state.draft

    @property
    def spec(self) -> Spec | None:
        """The published version that the endpoint runs; None before the first."""
        return self.state.published

    @property
    def authorization(self) -> Authorization:
        """Who may call; set it to ``nbi.jwt(…)``, ``nbi.meta(…)`` and the like."""
        return self.state.draft.authorization

    @authorization.setter
    def authorization(self, authorization: Authorization) -> None:
        if not isinstance(authorization, Scheme):
            raise SpecError(
                [
                    Problem(
                        "authorization",
                        "Use nbi.no_authorization(), nbi.jwt(…), nbi.meta(…), nbi.hmac(…) or "
                        "nbi.standard_webhooks(…).",
                    )
                ]
            )
        self._change("endpoint", authorization=authorization.data())

    @property
    def icon(self) -> str:
        """What stands before the name: set it to an emoji, or to the path of an image."""
        return self.draft.icon

    @icon.setter
    def icon(self, icon: str | Path) -> None:
        self._change("endpoint", icon=icon_of(icon) if isinstance(icon, Path) else icon)

    @property
    def time_zone(self) -> str:
        """Where dates without an offset are, as an IANA name such as ``"Europe/Berlin"``."""
        return self.draft.time_zone

    @time_zone.setter
    def time_zone(self, name: str) -> None:
        self._change("conditions", time_zone=name)

    @property
    def limits(self) -> Limits:
        """How large a request may be; change it by :meth:`set_limits`."""
        return self.draft.limits

    def set_limits(
        self,
        *,
        max_body_bytes: int | None = None,
        max_depth: int | None = None,
        max_parameters: int | None = None,
    ) -> None:
        """Change how large a request may be; None leaves a limit as it is."""
        given = {
            "max_body_bytes": max_body_bytes,
            "max_depth": max_depth,
            "max_parameters": max_parameters,
        }
        with self.store.lock:
            limits = {name: value for name, value in given.items() if value is not None}
            self._change("endpoint", **limits)
            if self.listening:
                self._endpoint.mount()  # which has the limit of bodies

    def set_secret(self, name: str, value: str | bytes) -> None:
        """Give a secret's value for this session; it stays in memory.

        Parameters
        ----------
        name
            As the authorization names it, such as ``"env:COMPLAINTS_JWT_KEY"``.
        """
        self.secrets[name] = value
        with self.store.lock:
            self._endpoint.forget_gateways()
            shown = self.state.problems.get("endpoint", ())
            if any(problem.place == "authorization" for problem in shown) and not self.problems():
                self.store.dispatch(Fail("endpoint", ()))  # it was this secret that was missing
        self.store.poke()

    def deduplicate(
        self,
        *labels: str,
        window: str = "P7D",
        anchor: str = "last_request",
        claims: str = "every_request",
    ) -> None:
        """Choose which requests count as the same; without labels, none do.

        Parameters
        ----------
        *labels
            One to five parameters, such as ``"body.complaint.id"``.
        window
            ISO 8601 duration.
        anchor
            ``"last_request"`` or ``"first_accepted"``: what the window counts from.
        claims
            ``"every_request"`` or ``"triggered"``: which requests own their key.

        Raises
        ------
        SpecError
            With all that is wrong, and its place.
        """
        settings = None
        if labels:
            settings = {
                "parameters": [str(label) for label in labels],
                "window": window,
                "anchor": anchor,
                "claims": claims,
            }
        self._change("deduplication", deduplication=settings)

    def trigger(self, name: str, when: Condition | str) -> None:
        """Set the condition of a trigger, new or known.

        Parameters
        ----------
        name
            The trigger's name.
        when
            A condition, or its text; see :func:`~nbincoming.core.sentences.read_condition`.

        Raises
        ------
        SentenceError
            If the text is not a condition, with the place.

        Examples
        --------
        >>> inc.trigger("urgent", nbi.P.body.complaint.priority == "high")  # doctest: +SKIP
        >>> inc.trigger("urgent", 'body.complaint.priority equals "high"')  # doctest: +SKIP
        """
        if isinstance(when, str):
            when = read_condition(when)
        if not isinstance(when, Node):
            raise ConditionError(
                "A trigger needs a condition, such as P.body.complaint.priority == 'high', or its "
                "text."
            )
        with self.store.lock:
            triggers = [each.data() for each in self.draft.triggers]
            fresh: dict[str, Value] = {"name": name, "when": when.data()}
            names = [each["name"] for each in triggers]
            if name in names:
                triggers[names.index(name)] = fresh
            else:
                triggers.append(fresh)
            self._change("conditions", triggers=triggers)

    def remove_trigger(self, name: str) -> None:
        """Remove a trigger; one that is not there is no problem."""
        with self.store.lock:
            kept = [each.data() for each in self.draft.triggers if each.name != name]
            self._change("conditions", triggers=kept)

    # --- the endpoint ------------------------------------------------------------------

    def listen(self, *, host: str | None = None, port: int = 0) -> str:
        """Start to listen, in a thread of this kernel, and return the endpoint's URL.

        Listening again changes nothing. The draft answers 404 until it retrieves data;
        from its publication on, the published version is served.

        Parameters
        ----------
        host, port
            Where this kernel listens already; else loopback and a free port by default.

        Raises
        ------
        ListenerError
            If the port is in use, or the kernel listens somewhere else already.
        """
        self._endpoint.listen(host=host, port=port)
        return self.url

    @property
    def listening(self) -> bool:
        """Whether the endpoint can be reached."""
        return self._endpoint.listening

    @property
    def url(self) -> str:
        """The endpoint's URL.

        Raises
        ------
        ListenerError
            If it is not listening.
        """
        return self._endpoint.url

    @property
    def public_base(self) -> str:
        """Where senders elsewhere reach this kernel, such as a tunnel's address.

        It is set for this session and shown in :attr:`public_url`, curl and the wizard.
        """
        return self.state.public_base

    @public_base.setter
    def public_base(self, base: str) -> None:
        self.store.dispatch(Reach(public_base_of(base)))

    @property
    def public_url(self) -> str:
        """The URL to give to a sender."""
        return self.addresses()[0].url

    def addresses(self) -> list[Address]:
        """List where the endpoint can be reached, the most public address first."""
        return addresses(self.url, self.state.public_base)

    def listen_if_needed(self) -> None:
        """Listen with the defaults, unless the endpoint listens already."""
        if not self.listening:
            self.listen()

    def retrieve(self, timeout_s: float = RETRIEVE_S, *, count: int = 1) -> Samples:
        """Wait for requests; the endpoint answers as the draft says meanwhile.

        Returns when `count` requests came that were not refused, or when the time is up.
        Interrupting the cell closes the window.

        Parameters
        ----------
        timeout_s
            How long to wait, in seconds.
        count
            For how many requests.

        Returns
        -------
        Samples
            What came, refused requests included.
        """
        window = self.open_window(timeout_s, count=count)
        try:
            with countdown(self.url) as show:
                wait_until(lambda: self.state.window is not window, show, window.ends_ms)
        finally:
            self._endpoint.close_window(window)
        came = Samples([sample for sample in self.samples if sample.number >= window.first])
        if not came:
            print(  # noqa: T201 - the answer to whoever waits at this cell
                f"No request came within {timeout_s:g} s. Send one to {self.url}, "
                "and call retrieve() again."
            )
        return came

    def open_window(self, timeout_s: float = RETRIEVE_S, *, count: int | None = None) -> Window:
        """Let the draft answer and capture requests for a while, without waiting.

        Parameters
        ----------
        count
            Close it after so many requests that were not refused; None keeps it open.

        Raises
        ------
        SecretError
            If the authorization's secrets are missing; nobody could get through.
        """
        if timeout_s <= 0:
            raise ValueError(f"timeout_s must be more than 0; {timeout_s!r} was given.")
        self.listen_if_needed()
        return self._endpoint.open_window(timeout_s, count)

    def close_window(self) -> None:
        """Stop to retrieve data."""
        self._endpoint.close_window(self.state.window)

    def send_example(self, body: Value = None) -> int:
        """Post the example, or a body of yours, to the endpoint as a sender would.

        Returns
        -------
        int
            HTTP status of the answer.
        """
        text = json_text(snippets.EXAMPLE_BODY if body is None else exact(body)).encode()
        authorization = (self.spec or self.draft).authorization
        headers = credentials(authorization, self.secrets, text, now_ms())
        return post(self.url, text, headers)

    def add_samples(self, source: str | bytes, *, format: Format | None = None) -> Samples:
        """Add requests from a text, as if they had just come through; nothing is sent.

        The draft judges them, their credentials are taken as given.

        Parameters
        ----------
        source
            JSON lines, a HAR file or curl commands; bytes may be compressed with gzip.
        format
            Which of them it is; by default it is told from the text.

        Returns
        -------
        Samples
            Those that were added.

        Raises
        ------
        SamplesError
            With all that cannot be read, and where; then none is added.
        """
        requests = read_requests(source, now_ms=now_ms(), format=format)
        with self.store.lock:
            rules, inbox = Rules(self.draft), MemoryInbox(max_events=0)
            added = []
            for request in requests:
                judged = consider(request, rules)
                outcome = inbox.claim([judged])[0] if isinstance(judged, Candidate) else judged
                added.append(self.samples.add(request, outcome, judged))
            noun = "request" if len(added) == 1 else "requests"
            self.store.dispatch(Imported(f"{len(added):,} {noun} imported."))
        return Samples(added, max_samples=len(added))

    def read_samples(self, path: str | Path, *, format: Format | None = None) -> Samples:
        """Add requests from a file; see :meth:`add_samples`."""
        return self.add_samples(Path(path).read_bytes(), format=format)

    def close(self) -> None:
        """Stop to answer, and forget the integration; its files stay."""
        self._endpoint.close()
        if self._living.get(self.name) is self:
            del self._living[self.name]

    @classmethod
    def close_all(cls) -> None:
        """Stop every endpoint of this kernel."""
        for living in list(cls._living.values()):
            living.close()

    # --- looking -----------------------------------------------------------------------

    def profiles(self) -> list[ParameterProfile]:
        """Profile the parameters of the samples that were not refused."""
        # The wizard asks at each change of anything, so only what is new is looked at.
        with self.store.lock:
            kept = self.samples.snapshot()
            self._profiler.forget(kept[0].number if kept else self.samples.next_number)
            fresh = [sample for sample in kept if sample.number >= self._profiled]
            for sample in fresh:
                if sample.judged:
                    self._profiler.add(sample.number, sample.flat())
                self._profiled = sample.number + 1
            return self._profiler.profiles()

    def try_out(self) -> list[tuple[Sample, Outcome]]:
        """Say what the draft would make of each sample that was not refused."""
        samples = list(self.samples.judged)
        return list(zip(samples, replay([s.request for s in samples], self.draft), strict=True))

    def explain(self, index: int) -> pd.DataFrame:
        """Say why a sample has its outcome under the draft, leaf by leaf.

        Parameters
        ----------
        index
            Position in :attr:`samples`; negative ones count from the end.

        Returns
        -------
        DataFrame
            One row a leaf: trigger, condition, holds, parameter, seen, type, reason.
        """
        rows: list[dict[str, Any]] = []
        for name, explanation in self.explanations(index).items():
            rows += [
                {
                    "trigger": name,
                    "condition": leaf.sentence,
                    "holds": leaf.holds,
                    "seen": leaf.seen,
                    "type": leaf.kind,
                    "reason": leaf.reason,
                }
                for leaf in explanation.leaves()
            ]
        columns = ["trigger", "condition", "holds", "seen", "type", "reason"]
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)

    def explanations(self, index: int) -> dict[str, Explanation]:
        """Explain each trigger of the draft on one sample."""
        sample = self.samples[index]
        if sample.parameters is None:
            return {}
        return {
            trigger.name: explain(
                trigger.when,
                sample.parameters,
                now_ms=sample.request.received_at_ms,
                zone=self.draft.zone,
            )
            for trigger in self.draft.triggers
        }

    def diagnose(self, index: int) -> list[Finding]:
        """Say what a sender whose request was refused may have done wrong.

        Parameters
        ----------
        index
            Position in :attr:`samples`.

        Returns
        -------
        list of Finding
            The usual mistakes that would explain it; empty where the credentials are
            right. No finding holds a secret or a signature.
        """
        authorization = (self.spec or self.draft).authorization
        return diagnose(self.samples[index].request, authorization, self.secrets)

    @property
    def api_keys(self) -> list[ApiKey]:
        """The API keys in force, oldest first: their names and hashes."""
        return list(self._endpoint.keys.records())

    def add_api_key(self, name: str) -> str:
        """Make an API key, which the login exchanges for tokens of one hour.

        The key is returned once and kept as its hash: ``POST`` it as ``{"apiKey": "…"}`` to
        :attr:`login_url`. It lives for the session, or in the file of
        :meth:`keep_api_keys`.

        Raises
        ------
        ApiKeyError
            If there is one of this name already; here and below, if the file is unusable.
        """
        key = self._endpoint.keys.add(name, now_ms=now_ms())
        self.store.poke()
        return key

    def revoke_api_key(self, name: str) -> None:
        """Revoke an API key; tokens that it was exchanged for live out their hour."""
        self._endpoint.keys.revoke(name)
        self.store.poke()

    def keep_api_keys(self, path: str | Path) -> None:
        """Keep API keys in a file from now on, such as the one that production reads.

        What ``nbincoming keys`` and ``nbincoming serve --keys`` use is the same file.
        """
        keys = KeyFile(path)
        keys.records()  # what is wrong with it shows now
        self._endpoint.keys = keys
        self.store.poke()

    @property
    def login_url(self) -> str:
        """Where API keys are exchanged for tokens."""
        return self.url.removesuffix(endpoint_path(self.draft.endpoint)) + LOGIN_PATH

    def events(self) -> pd.DataFrame:
        """Show the events that the published endpoint accepted, one row each."""
        events = [event for _, event in self._endpoint.inbox.events(limit=MAX_EVENTS)]
        columns = ["id", "version", "key", "triggers", "received_at_ms", "body"]
        rows = [
            [e.id, e.version, e.key, ", ".join(e.triggers), e.received_at_ms, e.body.decode()]
            for e in events
        ]
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)

    def curl(self) -> str:
        """Write a curl command that sends the example; secrets are shell variables."""
        return snippets.curl(self.public_url, self.authorization)

    def code(self) -> str:
        """Write the Python code that makes this draft."""
        return snippets.code(self.draft)

    def export(self, format: str) -> str:
        """Write what is published, or the draft, in a format that others read.

        Parameters
        ----------
        format
            ``openapi``, ``jsonschema``, ``cel``, ``asyncapi``, ``cloudevent``, ``curl``,
            ``httpie``, ``har`` or ``specschema``. Schemas of the payload are inferred over
            all samples that were not refused.
        """
        spec = self.spec or self.complete()
        bodies = [each.parameters.body for each in self.samples.judged if each.parameters]
        url = self.url.removesuffix(endpoint_path(spec.endpoint)) if self.listening else LOCAL
        return export_spec(spec, format, url=url, bodies=bodies)

    def lint(self) -> list[Advice]:
        """Look the draft over as it would be published; each advice has a code and a way out."""
        return lint(
            self.complete(),
            samples=self.samples.judged,
            profiles=self.profiles(),
            secrets=self.secrets,
        )

    def token(self, **options: Any) -> str:
        """Sign a token that the draft accepts, as a login would; one hour by default.

        Parameters
        ----------
        **options
            As :func:`nbincoming.core.tokens.issue_token` takes them, such as
            ``lifetime_s`` or ``permissions``.

        Raises
        ------
        SecretError
            If the authorization is not JWT with a shared secret, or that is missing.
        """
        scheme = self.authorization
        if not isinstance(scheme, Jwt):
            raise SecretError("Only JWT authorization has tokens; set it to nbi.jwt(…) first.")
        return token(scheme, self.secrets, now_ms(), **options)

    # --- files -------------------------------------------------------------------------

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the draft; return where."""
        path = files.save_draft(self.draft, self._folder / "drafts" if folder is None else folder)
        self.store.dispatch(Saved(str(path)))
        return path

    def problems(self) -> list[Problem]:
        """List what stands in the way of publishing."""
        problems = []
        with self.store.lock:
            try:
                self._endpoint.gateway("draft", self.draft)
            except SecretError as error:
                problems.append(Problem("authorization", str(error)))
        return problems

    def complete(self) -> Spec:
        """Return the draft with its evidence, as it would be published.

        That is what the samples showed of the parameters, and redacted examples with the
        outcomes that `nbincoming check` and production run again.
        """
        draft = self.draft
        return draft.model_copy(
            update={
                "parameters": tuple(profile.observed() for profile in self.profiles()),
                "examples": choose_examples(self.samples.judged, draft),
            }
        )

    def publish(self, folder: str | Path | None = None, *, changes: str = "", by: str = "") -> Spec:
        """Write the next version of the spec and serve it from now on.

        Parameters
        ----------
        folder
            Where; ``published`` in the integration's folder by default.
        changes
            One line that says what changed, for the list of versions.
        by
            Who publishes.

        Raises
        ------
        SpecError
            With all that stands in the way.
        """
        problems = self.problems()
        if problems:
            self.store.dispatch(Fail("publish", tuple(problems)))
            raise SpecError(problems, source="The draft")
        folder = self._folder / "published" if folder is None else Path(folder)
        complete = self.complete()
        found = check_examples(complete)
        if found:  # pragma: no cover - an example is made by the rules that check it
            raise SpecError(found, source="The draft")
        publication = Publication.of(now_ms(), by=by, changes=changes)
        spec, path = files.publish(complete, folder, publication)
        served = files.load(files.version_path(spec.name, spec.version, folder))
        self.store.dispatch(Published(served, str(path)))
        if self.listening:
            self._endpoint.mount()  # the version's limit may be another
        return spec

    def _change(self, card: Card, **members: Any) -> None:
        """Change the draft; raise what is wrong, as code expects."""
        with self.store.lock:
            before = self.state
            problems = self.store.dispatch(Change(card, members, close=False)).problems.get(card)
            if problems:
                self.store.restore(before)  # code gets an exception instead
                raise SpecError(problems, source="The draft")

    # --- display -----------------------------------------------------------------------

    def wizard(self) -> DOMWidget:
        """Return the widget that shows and changes this integration."""
        from nbincoming.notebook.wizard import Wizard

        with self.store.lock:
            if self._wizard is None:
                self._wizard = Wizard(self)
            return self._wizard.widget

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data = dict(self.wizard()._repr_mimebundle_(**options) or {})
        data["text/plain"] = str(self)
        return data

    def __repr__(self) -> str:
        where = f" at {self.url}" if self.listening else ""
        return f"<Integration {self.name!r}: {badge(self.state)}{where}, {self.samples!r}>"

    def __str__(self) -> str:
        lines = [f"{self.draft.icon} {self.name} ({badge(self.state)})"]
        lines.append(f"  URL: {self.url}" if self.listening else "  Not listening: call listen().")
        lines.append(f"  Samples: {self.samples!r}")
        return "\n".join(lines)


def _found(name: str, folder: Path) -> tuple[Spec | None, Spec | None, str]:
    """Read the draft and the published spec of a name, where there are any."""
    draft = published = None
    path = ""
    if (drafted := folder / "drafts" / f"{name}.draft{SUFFIX}").is_file():
        draft = _of_name(name, drafted)
    if (current := folder / "published" / f"{name}{SUFFIX}").is_file():
        published, path = _of_name(name, current), str(current)
    return draft, published, path


def _of_name(name: str, path: Path) -> Spec:
    spec = files.load(path)
    if spec.name != name:
        message = f"The file is named after {quote(name)} and holds {quote(spec.name)}. Rename it."
        raise SpecError([Problem("name", message)], source=str(path))
    return spec


def _check_endpoint_is_free(draft: Spec, living: Iterable[Integration]) -> None:
    """Refuse a second integration at one endpoint: requests would reach just one of them."""
    for other in living:
        if other.draft.endpoint == draft.endpoint:
            message = (
                f"{quote(other.name)} has this endpoint already. Give this one a UUID of its own, "
                "or close the other."
            )
            raise SpecError([Problem("endpoint", message)], source=draft.name)


def _new_draft(name: str) -> Spec:
    data = {"$schema": SCHEMA_FILE, "name": name, "endpoint": str(uuid4())}
    return spec_from_data(data, source="The integration")


def _draft_of(published: Spec) -> Spec:
    return published.draft().model_copy(update={"parameters": (), "examples": ()})
