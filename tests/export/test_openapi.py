"""The endpoint as OpenAPI: others' tools read it, and a live endpoint does what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator

import nbincoming as nbi
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import spec_from_data
from nbincoming.export.openapi import openapi
from tests.core.strategies import spec_data
from tests.export.making import AUTHORIZATIONS, published

SECRET = "a secret of the export that is long enough"


def post(**members: Any) -> dict[str, Any]:
    """Export a spec and return its operation."""
    spec = published(**members)
    operation: dict[str, Any] = openapi(spec)["paths"][endpoint_path(spec.endpoint)]["post"]
    return operation


# --- the document --------------------------------------------------------------------


@pytest.mark.parametrize("authorization", AUTHORIZATIONS)
def test_the_validator_takes_it(authorization: str) -> None:
    """openapi-spec-validator finds nothing, under each authorization."""
    OpenAPIV31SpecValidator(json.loads(json_text(openapi(published(authorization))))).validate()


@given(spec_data)
@settings(max_examples=40)
def test_the_validator_takes_any_spec(data: dict[str, Any]) -> None:
    """Whatever its names and conditions are; examples that are no requests are left out."""
    spec = spec_from_data({**data, "examples": []})
    OpenAPIV31SpecValidator(json.loads(json_text(openapi(spec)))).validate()


def test_the_validator_refuses_another() -> None:
    """The validator is one: a broken document is found."""
    broken = openapi(published())
    del broken["paths"][endpoint_path(published().endpoint)]["post"]["responses"]
    broken["info"].pop("title")
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_the_body_is_described_and_not_prescribed() -> None:
    """Any object or array is accepted; what came so far is told beside it, with examples."""
    content = post()["requestBody"]["content"]["application/json"]
    assert content["schema"]["type"] == ["object", "array"]
    assert "properties" not in content["schema"]
    assert content["schema"]["x-observed-schema"]["properties"]["id"] == {"type": "string"}
    assert content["examples"]["accepted-urgent"]["value"]["priority"] == "high"


def test_answers_are_those_that_can_come() -> None:
    """No 204 without deduplication, no 401 without authorization, no 403 without a permission."""
    always = {"200", "400", "413", "415", "429", "503"}
    assert set(post(deduplication=None)["responses"]) == always
    assert set(post()["responses"]) == always | {"204"}
    assert set(post(authorization="jwt")["responses"]) == always | {"204", "401", "403"}
    assert "403" not in post(authorization="jwt without permission")["responses"]


def test_refusals_are_problems() -> None:
    """Each answer above 400 is application/problem+json."""
    responses = post(authorization="jwt")["responses"]
    kinds = {code: set(answer.get("content", ())) for code, answer in responses.items()}
    assert kinds == {
        code: {"application/problem+json"} if code >= "400" else kinds[code] for code in kinds
    }
    assert kinds["200"] == {"text/plain"}


def test_headers_that_decide_are_parameters() -> None:
    """Those that a key or a condition reads, credentials and the content type not among them."""
    when = {"parameter": "headers.x-event", "operator": "equals", "value": "a"}
    told = post(
        triggers=[{"name": "t", "when": when}],
        deduplication={"parameters": ["headers.x-deduplication-hash", "headers.content-type"]},
    )["parameters"]
    assert [each["name"] for each in told] == ["x-deduplication-hash", "x-event"]
    assert not any(each["required"] for each in told)


@pytest.mark.parametrize(
    ("authorization", "scheme", "words"),
    [
        ("hmac with a time", "signature", "The HMAC-SHA256 of `<time>.<body>`, in hexadecimal."),
        ("hmac with a time", "timestamp", "Seconds since the epoch."),
        (
            "hmac with members", "signature",
            "`t=<time>,v1=<hex>`, with the HMAC-SHA256 of `<time>.<body>`, in hexadecimal.",
        ),
        ("meta", "signature", "`sha256=` and the HMAC-SHA256 of the body, in hexadecimal."),
        ("svix", "id", "An id of the message."),
        ("telegram", "x-telegram-bot-api-secret-token", "a token in"),
        ("twilio", "x-twilio-signature", "HMAC-SHA1 of the URL"),
    ],
)  # fmt: skip
def test_a_proof_in_a_header_is_described(authorization: str, scheme: str, words: str) -> None:
    """What it covers and how it is written."""
    schemes = openapi(published(authorization))["components"]["securitySchemes"]
    assert words in schemes[scheme]["description"]


@pytest.mark.parametrize(
    ("authorization", "known"), [("basic", "basic"), ("bearer", "bearer"), ("mailgun", None)]
)
def test_what_openapi_knows_by_name_is_named(authorization: str, known: str | None) -> None:
    """Clients offer fields for it. A proof in the body is no scheme of OpenAPI."""
    schemes = openapi(published(authorization))["components"].get("securitySchemes", {})
    assert [each["scheme"] for each in schemes.values()] == ([known] if known else [])


@pytest.mark.parametrize("authorization", ["meta", "whatsapp"])
def test_a_subscription_is_described(authorization: str) -> None:
    """Meta's handshake is an operation of its own, where the spec has a verify token."""
    spec = published(authorization)
    path = openapi(spec)["paths"][endpoint_path(spec.endpoint)]
    assert {each["name"] for each in path["get"]["parameters"]} == {
        "hub.mode", "hub.verify_token", "hub.challenge",
    }  # fmt: skip
    assert path["get"]["security"] == []


def test_it_names_no_secret() -> None:
    """Not even where a secret is kept: that is nobody's business outside."""
    for authorization in AUTHORIZATIONS:
        assert "EXPORT_KEY" not in json_text(openapi(published(authorization)))


# --- the endpoint --------------------------------------------------------------------


@pytest.fixture
def inc(tmp_path: Path) -> Iterator[nbi.Integration]:
    """A published integration that listens."""
    made = nbi.Integration("exported", folder=tmp_path)
    made.set_secret("env:EXPORT_KEY", SECRET)
    made.set_secret("env:EXPORT_TOKEN", "a token")
    made.trigger("large", nbi.P.body.n > 3)
    made.endpoint.open_window(60)
    for body in ({"id": 1, "n": 4}, {"id": 2, "n": 1.5, "x": None}, [True]):
        assert made.endpoint.send_example(body) == 200
    made.endpoint.close_window()
    yield made
    made.close()


def exported(inc: nbi.Integration) -> dict[str, Any]:
    """Export an integration; numbers stay exact."""
    document: dict[str, Any] = json.loads(inc.export("openapi"), parse_float=Decimal)
    return document


def schemathesis(document: dict[str, Any], inc: nbi.Integration, folder: Path) -> tuple[int, str]:
    """Run schemathesis on the live endpoint with every check that it has."""
    path = folder / "openapi.json"
    path.write_text(json_text(document))
    headers, signing = [], {}
    if inc.authorization.scheme == "jwt":
        headers = ["--header", f"Authorization: Bearer {inc.token()}"]
    elif inc.authorization.scheme == "meta":
        signing = {
            "SCHEMATHESIS_HOOKS": "tests.export.signing",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SIGNED_SPEC": inc.draft.text(),
            "SIGNED_KEY": SECRET,
        }
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(path), "--checks", "all",
        "--url", inc.url.partition("/automation")[0], "--phases", "examples,coverage,fuzzing",
        "--max-examples", "40", "--generation-deterministic", "--no-color", *headers,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, timeout=240,
        env={**os.environ, **signing},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("authorization", "labels"),
    [
        (nbi.no_authorization(), ["headers.x-deduplication-hash"]),
        (nbi.jwt(secret="env:EXPORT_KEY"), ["body.id"]),
        (nbi.meta(secret="env:EXPORT_KEY", verify_token="env:EXPORT_TOKEN"), []),
    ],
    ids=["none", "jwt", "meta"],
)
def test_a_live_endpoint_does_what_it_says(
    inc: nbi.Integration, tmp_path: Path, authorization: Any, labels: list[str]
) -> None:
    """schemathesis sends what the document allows and what it does not, and finds nothing."""
    inc.authorization = authorization
    inc.deduplicate(*labels)
    inc.publish()
    before = len(inc.samples)
    code, said = schemathesis(exported(inc), inc, tmp_path)
    assert code == 0, said
    sent = [sample.outcome_name for sample in inc.samples[before:]]
    assert {"rejected", "accepted" if labels else "filtered"} <= set(sent)
    assert len(sent) > 40


def test_schemathesis_would_find_a_lie(inc: nbi.Integration, tmp_path: Path) -> None:
    """A document that hides the refusals is not what the endpoint does."""
    inc.publish()
    document = exported(inc)
    for operation in document["paths"][endpoint_path(inc.draft.endpoint)].values():
        del operation["responses"]["400"]
    code, said = schemathesis(document, inc, tmp_path)
    assert code == 1
    assert "Undocumented status code" in said
