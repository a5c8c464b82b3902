"""Load the specs that are served, check them and compile them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbincoming import files
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.verification import Secrets
from nbincoming.core.examples import check_examples
from nbincoming.core.gateway import Gateway, endpoint_path
from nbincoming.core.spec.model import SUFFIX, Spec
from nbincoming.errors import NbIncomingError, SecretError, SpecError


class CatalogueError(NbIncomingError):
    """Specs that cannot be served, with all reasons."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("Not served:\n" + "\n".join(reasons))


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled spec, with copies of the fields that each request needs."""

    spec: Spec
    gateway: Gateway
    name: str
    max_body_bytes: int


#: Routes by the paths of their endpoints.
Catalogue = dict[str, Route]


def spec_files(places: Sequence[str]) -> list[Path]:
    """List spec files: those that are given, and those in the folders that are given."""
    found: list[Path] = []
    for place in map(Path, places):
        inside = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
        found += [path for path in inside if not path.name.startswith(".")]
    return found


def load_catalogue(places: Sequence[str], secrets: Secrets) -> Catalogue:
    """Load, check and compile specs.

    Raises
    ------
    CatalogueError
        If a file cannot be read, is invalid or a draft, fails one of its examples, has the same
        endpoint as another file, or names a missing secret.
    """
    specs: dict[str, Spec] = {}
    owners: dict[str, Path] = {}
    paths = spec_files(places)
    reasons = [] if paths else [f"There is no *{SUFFIX} in {', '.join(places)}. Publish one first."]
    for path in paths:
        try:
            spec = _load(path)
        except CatalogueError as error:
            reasons += error.reasons
        except SpecError as error:
            reasons.append(str(error))
        except OSError as error:
            reasons.append(f"{path} cannot be read: {error.strerror}.")
        else:
            owner = owners.setdefault(spec.endpoint, path)
            if owner != path:
                reasons.append(f"{path} has the same endpoint as {owner}. Serve one.")
            specs[str(path)] = spec
    catalogue: Catalogue = {}
    try:
        catalogue = compile_specs(specs.values(), secrets)
    except CatalogueError as error:
        reasons += error.reasons
    if reasons:
        raise CatalogueError(reasons)
    return catalogue


def compile_specs(specs: Iterable[Spec], secrets: Secrets) -> Catalogue:
    """Compile specs that were checked.

    Raises
    ------
    CatalogueError
        With all secrets that are missing or unusable.
    """
    catalogue: Catalogue = {}
    reasons = []
    for spec in specs:
        try:
            gateway = Gateway(spec, secrets)
            route = Route(spec, gateway, spec.name, spec.max_body_bytes)
            catalogue[endpoint_path(spec.endpoint)] = route
        except SecretError as error:
            reasons.append(f"{spec.name}: {error}")
    if reasons:
        raise CatalogueError(reasons)
    return catalogue


def login_scheme(catalogue: Catalogue) -> Jwt:
    """Return the scheme for which a login issues tokens.

    Raises
    ------
    CatalogueError
        If there is none, or several that would need different tokens.
    """
    schemes = {
        (jwt.secrets[-1:], jwt.algorithm, jwt.permissions_claim, jwt.audience, jwt.issuer): jwt
        for route in catalogue.values()
        if isinstance(jwt := route.spec.authorization, Jwt) and jwt.algorithm.startswith("HS")
    }
    if len(schemes) != 1:
        raise CatalogueError(
            [
                f"A login needs exactly one shared secret to sign tokens, and the specs name "
                f"{len(schemes)}. Serve only specs with the same secret, or leave out --keys."
            ]
        )
    (scheme,) = schemes.values()
    if not scheme.secrets:
        raise CatalogueError(
            [
                "A login needs a shared secret, and the spec has only a JWKS URL. Serve it "
                "without --keys."
            ]
        )
    return scheme


def _load(path: Path) -> Spec:
    spec = files.load(path)
    if spec.version == 0:
        raise CatalogueError([f"{path} is a draft. Publish it, then serve what was published."])
    problems = check_examples(spec)
    if problems:
        raise SpecError(problems, source=str(path))
    return spec
