"""A client for eddy in Python: `pip install websockets protobuf`. Its messages are made of the schema of the protocol, and belong
beside this file; in the folder above, once:

    protoc --proto_path=proto --python_out=docs eddy/v1/stream.proto

Where there is no protoc: `pip install grpcio-tools`, and `python3 -m grpc_tools.protoc` in its place. As a program it asks a
server for what its network says of rows of numbers, one of JSON a line:

    echo '[0.5, -0.1]' | python3 docs/eddy_client.py ws://localhost:8080
"""
import asyncio
import json
import struct
import sys

import websockets
from eddy.v1.stream_pb2 import ClientMessage, ServerMessage

MAY_RETURN = {1001, 1006, 1011, 1012, 1013, 4408, 4429}  # connect again, after a random delay


class Fault(Exception):
    """The server refused something; `fault` is its message, with code, for_seq and retryable."""

    def __init__(self, fault):
        super().__init__(fault.message)
        self.fault = fault


class Session:
    """One stream on a connection of its own. Frames are answered once each, in order."""

    def __init__(self, socket, number=1):
        self.socket, self.number, self.seq, self.opened = socket, number, 0, None

    async def send(self, **message):
        await self.socket.send(ClientMessage(session=self.number, **message).SerializeToString())

    async def receive(self):
        message = ServerMessage.FromString(await self.socket.recv())
        kind = message.WhichOneof("message")
        if kind == "fault":
            raise Fault(message.fault)
        return kind, getattr(message, kind)

    async def open(self, **settings):
        await self.send(open=settings)
        self.opened = (await self.receive())[1]
        return self.opened

    async def step(self, rows):
        """Sends rows of equal width as one message; returns the prediction of each."""
        data = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        await self.send(frames={"first_seq": self.seq + 1, "features": {"rows": len(rows), "data": data}})
        self.seq += len(rows)
        predictions = []
        while len(predictions) < len(rows):
            kind, message = await self.receive()
            if kind != "predictions":
                continue
            for entry in message.entries:
                data = entry.answers[0].prediction.data if entry.answers else b""
                predictions.append(struct.unpack(f"<{len(data) // 4}f", data))
        return predictions

    async def finish(self):
        """Ends the session; returns its totals."""
        await self.send(finish={})
        while True:
            kind, message = await self.receive()
            if kind == "finished":
                return message.totals


def connect(url, token=None):
    """A connection: `async with connect(url) as socket`. The token goes into the header."""
    headers = {"Authorization": f"Bearer {token}"} if token else None
    new = int(getattr(websockets, "__version__", "14").split(".")[0]) >= 14
    named = {"additional_headers" if new else "extra_headers": headers}
    return websockets.connect(url, subprotocols=["eddy.v1.proto"], compression=None, max_size=1 << 26, **named)


async def main(url, token=None):
    async with connect(url, token) as socket:
        session = Session(socket)
        await session.open()
        for line in sys.stdin:
            for prediction in await session.step([json.loads(line)]):
                print(json.dumps(prediction))
        print(f"{(await session.finish()).steps} steps", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
