"""The live stream: new points of runs reach open pages through a WebSocket, without a rerun."""
