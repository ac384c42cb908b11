"""What a customer said, whole: encrypted while it lies here, and sealed for its receiver on the way where they wish."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kb.config import Paths, Settings
from kb.errors import SettingsError
from kb.handover.secrets import secret_of

_INFO = b"kb handover envelope v1"


class Envelopes:
    """Encrypts and decrypts with the keys of one home."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        """Raises SettingsError where a key is none, StoreError."""
        keys: Sequence[str] = settings.envelope_key
        if not keys:
            keys = secret_of(paths.envelope_key, Fernet.generate_key()).decode("ascii", "replace").split()
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise SettingsError(
                f"envelope_key, or {paths.envelope_key}: a key is 32 random bytes as URL-safe base64: make one with"
                ' `python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`'
            ) from error

    def close(self, content: bytes) -> bytes:
        """Encrypted by the newest key (AES-128-CBC with HMAC-SHA-256)."""
        return self._fernet.encrypt(content)

    def open(self, envelope: bytes) -> bytes | None:
        """What it holds; None where its key is lost."""
        try:
            return self._fernet.decrypt(envelope)
        except InvalidToken:
            return None


def sealed(content: bytes, public_key: str) -> dict[str, str]:
    """Sealed for the holder of an X25519 key: a key of our own for this once, HKDF-SHA-256, AES-256-GCM.

    Raises SettingsError where the key is none.
    """
    try:
        receiver = X25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except ValueError as error:
        raise SettingsError("handover_public_key: accepted are 32 bytes of an X25519 key as base64") from error
    once = X25519PrivateKey.generate()
    ours = once.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key = HKDF(SHA256(), 32, salt=ours, info=_INFO).derive(once.exchange(receiver))
    nonce = os.urandom(12)
    parts = {"public_key": ours, "nonce": nonce, "ciphertext": AESGCM(key).encrypt(nonce, content, None)}
    return {"alg": "X25519-HKDF-SHA256-A256GCM", **{k: base64.b64encode(v).decode() for k, v in parts.items()}}
