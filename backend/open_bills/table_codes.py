"""台码: the code printed for one table of one store, for good; it leads to the table's open bill.

It says store and table and bears an 80-bit keyed hash, so that it can be neither guessed nor made
for another table.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2s

from backend import deployment
from backend.keys import purpose_key

_STORE_BYTES, _HASH_BYTES = 5, 10


@dataclass(frozen=True)
class Table:
    """台位 of a store."""

    store_id: int
    name: str


def table_code(table: Table) -> str:
    """What stands in the address of the table."""
    body = table.store_id.to_bytes(_STORE_BYTES) + table.name.encode()
    return urlsafe_b64encode(_hash(body) + body).rstrip(b"=").decode()


def read_table_code(code: str) -> Table | None:
    """The table of a code; None when we did not make it."""
    try:
        sealed = urlsafe_b64decode(code + "=" * (-len(code) % 4))
        seal, body = sealed[:_HASH_BYTES], sealed[_HASH_BYTES:]
        if not hmac.compare_digest(seal, _hash(body)):
            return None
        table = Table(int.from_bytes(body[:_STORE_BYTES]), body[_STORE_BYTES:].decode())
    except ValueError:
        return None
    return table if table_code(table) == code else None


def table_address(table: Table) -> str:
    """台码's page: PUBLIC_URL/h5/tables/<code>."""
    return f"{deployment.public_url()}/h5/tables/{table_code(table)}"


def bill_address(token: str) -> str:
    """账单's page: PUBLIC_URL/h5/bills/<token>."""
    return f"{deployment.public_url()}/h5/bills/{token}"


def _hash(body: bytes) -> bytes:
    key = purpose_key("table-code")
    return blake2s(body, key=key, digest_size=_HASH_BYTES, person=b"table").digest()
