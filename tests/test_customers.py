"""A reference to a customer is kept as a hash that only this home can make again."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kb.customers import Customers


def test_a_hash_is_that_of_rfc_2104_with_the_homes_secret(tmp_path: Path) -> None:
    made = Customers(tmp_path / "customer.key").hash(" C-1001 ")
    assert made == hmac.digest((tmp_path / "customer.key").read_bytes(), b"C-1001", hashlib.sha256).hex()


def test_the_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    Customers(tmp_path / "customer.key").hash("C-1001")
    assert (tmp_path / "customer.key").stat().st_mode & 0o777 == 0o600


def test_two_homes_hash_differently(tmp_path: Path) -> None:
    assert Customers(tmp_path / "one").hash("C-1001") != Customers(tmp_path / "other").hash("C-1001")


def test_all_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: Customers(tmp_path / "customer.key").hash("C-1001"), range(32)))
    assert len(made) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["customer.key"]
