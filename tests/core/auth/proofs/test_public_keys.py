"""Signatures that are checked with a public key."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.proofs.public_keys import is_signed_by, load_public_key

ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256 = ec.derive_private_key(12_345, ec.SECP256R1())
P384 = ec.derive_private_key(12_345, ec.SECP384R1())
ED_NAME, EC_NAME = "ed25519", "ecdsa-p256-sha256"


def written(key: Any, encoding: Encoding) -> bytes:
    """Write a public key."""
    return bytes(key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(("key", "name"), [(ED, ED_NAME), (P256, EC_NAME)])
def test_a_key_is_read_in_each_form_that_senders_show(key: Any, name: Any) -> None:
    """PEM, DER in base64, and the bytes of an Ed25519 key in hexadecimal."""
    forms = [written(key, Encoding.PEM), base64.b64encode(written(key, Encoding.DER)) + b"\n"]
    if key is ED:
        forms.append(key.public_key().public_bytes_raw().hex().encode())
    for form in forms:
        read = load_public_key(form, name)
        signature = key.sign(b"x") if key is ED else key.sign(b"x", ec.ECDSA(hashes.SHA256()))
        assert is_signed_by(read, signature, b"x")
        assert not is_signed_by(read, signature, b"y")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (written(ED, Encoding.PEM), EC_NAME),
        (written(P256, Encoding.PEM), ED_NAME),
        (written(P384, Encoding.PEM), EC_NAME),
        (written(rsa.generate_private_key(65_537, 1_024), Encoding.PEM), EC_NAME),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", EC_NAME),
        (b"AAAA", ED_NAME),
        (b"", EC_NAME),
    ],
)
def test_a_key_for_something_else_is_refused(raw: bytes, name: Any) -> None:
    """Another algorithm, another curve, or no key at all."""
    with pytest.raises(ValueError, match=f"is not a public key for {name}"):
        load_public_key(raw, name)


@given(signature=st.binary(max_size=80))
def test_a_made_up_signature_is_no_signature(signature: bytes) -> None:
    """Nothing is raised, whatever its bytes."""
    for key in (ED, P256):
        assert not is_signed_by(key.public_key(), signature, b"x")
