"""An in-memory object store, similar to S3, behind Airflow's object storage.

    store = ObjectStore()
    attach(store, "nightly")
    resolve("s3://nightly@bucket/night.csv")

An object cannot be appended to or changed. It exists once the file that writes it is closed, even after an error. There
are no folders: names contain slashes. Open files are fsspec's buffered files.
"""

from __future__ import annotations

from typing import Any

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile


class ObjectStore(AbstractFileSystem):
    """The store: `objects` maps names to content, and `fail_at` is the number of the write that fails."""

    protocol = ("s3",)
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.fail_at = 0

    def put(self, name: str, content: bytes) -> None:
        """Store an object.

        :raises ConnectionError: if this is the write that fails.
        """
        self.fail_at -= 1
        if self.fail_at == 0:
            raise ConnectionError("Please reduce your request rate.")
        self.objects[name] = content

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        name = self._strip_protocol(path)
        if name in self.objects:
            return {"name": name, "size": len(self.objects[name]), "type": "file"}
        if self._below(name):
            return {"name": name, "size": 0, "type": "directory"}
        raise FileNotFoundError(name)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        names = self._below(self._strip_protocol(path))
        return [self.info(name) for name in names] if detail else names

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        pass

    def rm_file(self, path: str) -> None:
        del self.objects[self._strip_protocol(path)]

    def rm(self, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        self.rm_file(path)

    def _below(self, folder: str) -> list[str]:
        below = [name.removeprefix(folder + "/") for name in self.objects if name.startswith(folder + "/")]
        return sorted({f"{folder}/{name.partition('/')[0]}" for name in below})

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **_: Any) -> _Object:
        if mode not in ("rb", "wb"):
            raise NotImplementedError("objects cannot be appended to")
        return _Object(self, path, mode, block_size=block_size or 2**16)


class _Object(AbstractBufferedFile):
    def _initiate_upload(self) -> None:
        self.content = b""

    def _upload_chunk(self, final: bool = False) -> bool:
        self.content += self.buffer.getvalue()
        if final:
            self.fs.put(self.path, self.content)
        return True

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.objects[self.path][start:end]


def attach(store: AbstractFileSystem, connection: str) -> None:
    """Attach a store to a connection, as ``s3://connection@bucket``, instead of an earlier one."""
    try:
        from airflow.sdk.io import store as stores
    except ImportError:  # Airflow 2
        from airflow.io import store as stores

    stores._STORE_CACHE.pop(f"s3-{connection}", None)
    stores.attach(protocol="s3", conn_id=connection, fs=store)
