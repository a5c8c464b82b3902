"""An incoming integration in the notebook: its draft, its endpoint, its samples.

The effects live here and in what it is made of: the listener, the clock, the files. What is
shown and changed is the pure :class:`~nbincoming.notebook.wizard.state.State`; the wizard and the
methods hand it the same actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import uuid4

from nbincoming import files
from nbincoming.core.spec.model import SCHEMA_FILE, SUFFIX, Spec, spec_from_data
from nbincoming.errors import Problem, SpecError, quote
from nbincoming.notebook.publishing import Publishing
from nbincoming.notebook.session import Endpoint
from nbincoming.notebook.wizard.state import State, badge
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.profile import Profiler
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from nbincoming.notebook.wizard.wizard import Wizard


class Integration(Publishing):
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
        self._trial = None
        self.secrets = SecretStore()
        self._endpoint = Endpoint(self.store, self.samples, self.secrets)
        self._wizard: Wizard | None = None

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

    # --- display -----------------------------------------------------------------------

    def wizard(self) -> DOMWidget:
        """Return the widget that shows and changes this integration."""
        from nbincoming.notebook.wizard.wizard import Wizard

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
