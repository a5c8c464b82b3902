"""Signatures that are checked with a public key: Ed25519, and ECDSA on the curve P-256."""

from __future__ import annotations

import base64
import binascii
from typing import Literal, TypeAlias, get_args

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

PublicKeyAlgorithm = Literal["ed25519", "ecdsa-p256-sha256"]
PublicKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey

PUBLIC_KEY_ALGORITHMS = get_args(PublicKeyAlgorithm)


def load_public_key(raw: bytes, algorithm: PublicKeyAlgorithm) -> PublicKey:
    """Read a public key: PEM, DER in base64, or the 32 bytes of an Ed25519 key in hexadecimal.

    Raises
    ------
    ValueError
        If it is not a public key for the algorithm. The message does not contain it.
    """
    text = raw.strip()
    if b"PRIVATE KEY" in text:
        raise ValueError("is a private key; verifying signatures needs only the public key")
    try:
        key = _read(text, algorithm)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if algorithm == "ed25519" and isinstance(key, Ed25519PublicKey):
        return key
    if (
        algorithm != "ed25519"
        and isinstance(key, ec.EllipticCurvePublicKey)
        and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ValueError(f"is not a public key for {algorithm}; copy it from the sender")


def _read(text: bytes, algorithm: PublicKeyAlgorithm) -> object:
    if text.startswith(b"-----BEGIN"):
        return load_pem_public_key(text)
    if algorithm == "ed25519" and len(text) == 64:
        return Ed25519PublicKey.from_public_bytes(binascii.unhexlify(text))
    return load_der_public_key(base64.b64decode(text, validate=True))


def is_signed_by(key: PublicKey, signature: bytes, content: bytes) -> bool:
    """Tell whether a signature is that of a content."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, content)
        else:
            key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
