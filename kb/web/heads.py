"""Requests as httptools parses them, with a bound on what comes before the body: the parser itself knows none."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 64 * 1024
"""Bytes of a request's line and headers, or of what is no request yet; beyond them the connection is refused."""


class BoundedHeads(HttpToolsProtocol):
    """One connection."""

    _unread = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Parses what arrived; a chunk that completes a head is not counted, whatever it holds beside."""
        super().data_received(data)
        self._unread = self._unread + len(data) if self._in_head else 0
        if self._unread > MOST and not self.transport.is_closing():
            self.send_400_response(f"the request's line and headers are larger than {MOST:,} bytes")

    def on_message_begin(self) -> None:
        """Another request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body may follow, which the application bounds."""
        self._in_head = False
        super().on_headers_complete()
