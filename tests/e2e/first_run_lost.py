"""Streamlit whose first answer to a session is overtaken by a second one, before it is sent.

So it is on a busy machine, where a request cuts in while a page runs for the first time: what the
first run has drawn is dropped, and the browser knows the second run alone.
"""

import runpy

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

_flush = AppSession.flush_browser_queue
_request_rerun = AppSession.request_rerun
_first_requests: dict[str, ClientState | None] = {}
_overtaken: set[str] = set()


def _noted_request(session: AppSession, client_state: ClientState | None) -> None:
    _first_requests.setdefault(session.id, client_state)
    _request_rerun(session, client_state)


def _first_run_lost(session: AppSession) -> list[ForwardMsg]:
    messages: list[ForwardMsg] = _flush(session)
    if session.id in _overtaken or session.id not in _first_requests:
        return messages
    if any(message.WhichOneof("type") == "script_finished" for message in messages):
        _overtaken.add(session.id)
        _request_rerun(session, _first_requests[session.id])
    return [message for message in messages if message.WhichOneof("type") != "delta"]


if __name__ == "__main__":
    AppSession.request_rerun = _noted_request  # type: ignore[assignment,method-assign]
    AppSession.flush_browser_queue = _first_run_lost  # type: ignore[assignment,method-assign]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
