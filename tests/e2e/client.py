"""Senders of a box, in Python, over UDP: every byte of a datagram is the test's to choose.

It shares nothing with the program but the documented wire (docs/wire.md): messages by tools/python/clearbox_wire.py, the
link tag by a SipHash of its own."""
import pathlib
import re
import select
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools/python"), str(ROOT / "tests/unit/base")]
import clearbox_wire as wire  # noqa: E402
from siphash_vectors import siphash_2_4_128  # noqa: E402


class Sender:
    """One session. What the box sends to it is kept in `received`, (name, fields) by message."""

    def __init__(self, text, name):
        """`text`: the box's configuration, which has the secret and the address."""
        secret = bytes.fromhex(re.search(rf"name: {name},.*secret: ([0-9a-f]{{32}})", text).group(1))
        address, port = re.search(r"^listen: ([\d.]+):(\d+)", text, re.M).groups()
        self.name = name.ljust(10).encode()
        self.key_in = siphash_2_4_128(secret, b"clearbox in")
        self.key_out = siphash_2_4_128(secret, b"clearbox out")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.box = (address, int(port))
        self.next = 1  # the sequence of the next message
        self.sent = {}
        self.received = []
        self.asked = 0

    def close(self):
        self.socket.close()

    def datagram(self, sequence, messages, count=None, name=None):
        """The bytes of a datagram without its tag."""
        parts = [wire.SESSION_HEADER.pack(name or self.name, sequence, len(messages) if count is None else count)]
        for message in messages:
            parts += [len(message).to_bytes(2, "big"), message]
        return b"".join(parts)

    def tagged(self, data):
        return data + siphash_2_4_128(self.key_in, data)

    def raw(self, data):
        """Sends exactly these bytes."""
        self.socket.sendto(data, self.box)

    def send(self, *messages):
        """Sends messages as the next ones. Returns the sequence of the first."""
        first = self.next
        for i, message in enumerate(messages):
            self.sent[first + i] = message
        self.next += len(messages)
        self.raw(self.tagged(self.datagram(first, messages)))
        return first

    def say(self, name, **fields):
        return self.send(wire.encode(name, **fields))

    def heartbeat(self):
        self.raw(self.tagged(self.datagram(self.next, [], count=wire.COUNT_HEARTBEAT)))

    def receive(self, seconds):
        """Takes what comes; answers requests for what was lost."""
        ready, _, _ = select.select([self.socket], [], [], seconds)
        if not ready:
            return
        data = self.socket.recv(65536)
        assert siphash_2_4_128(self.key_out, data[:-16]) == data[-16:], "the box's tag is wrong"
        _, sequence, count = wire.SESSION_HEADER.unpack_from(data)
        if len(data) == 36 and count not in (wire.COUNT_HEARTBEAT, wire.COUNT_END):
            self.asked += 1
            for wanted in range(sequence, sequence + count):
                if wanted in self.sent:
                    self.raw(self.tagged(self.datagram(wanted, [self.sent[wanted]])))
            return
        at = 20
        while at < len(data) - 16:
            size = int.from_bytes(data[at:at + 2], "big")
            self.received.append(wire.decode(data[at + 2:at + 2 + size]))
            at += 2 + size

    def wait(self, what, found, seconds=30):
        """Receives until `found(name, fields)` is true of a message; removes and returns its fields."""
        end = time.monotonic() + seconds
        while True:
            for i, (name, fields) in enumerate(self.received):
                if found(name, fields):
                    del self.received[i]
                    return fields
            if time.monotonic() > end:
                raise AssertionError(f"{self.name.decode().strip()} waited {seconds} s for {what}; has {self.received}")
            self.heartbeat()
            self.receive(0.2)

    def durable(self):
        """Waits until everything sent is durable."""
        self.received = [m for m in self.received if m[0] != "SessionStatus"]
        self.wait(f"durable through {self.next - 1}",
                  lambda name, f: name == "SessionStatus" and f["durable_through"] >= self.next - 1)

    def refusal(self, sequence):
        """The reason for which the message was refused, by its name."""
        fields = self.wait(f"refusal of {sequence}", lambda n, f: n == "Refused" and f["session_seq"] == sequence)
        return reason_of(fields)

    def answer(self, name, request_id):
        return self.wait(f"{name} {request_id}", lambda n, f: n == name and f["request_id"] == request_id)


def reason_of(fields):
    reason = fields["reason"]
    return wire.REJECT[reason] if isinstance(reason, int) else reason
