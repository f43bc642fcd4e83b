#!/usr/bin/env python3
"""Writes the seeds of the fuzz harnesses from the golden vectors. Usage: make_corpus.py DIRECTORY"""
import pathlib
import struct
import sys

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/wire_golden.txt"


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(payload, vlan=None, options=b"", trailer=b"", udp_checksum=True):
    addresses = bytes([10, 0, 0, 100, 10, 0, 0, 1])
    udp = struct.pack(">HHHH", 9000, 4000, 8 + len(payload), 0) + payload
    if udp_checksum:
        total = checksum(addresses + struct.pack(">HH", 17, len(udp)) + udp) or 0xFFFF
        udp = udp[:6] + struct.pack(">H", total) + udp[8:]
    ip = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(udp), 0, 0x4000, 64, 17, 0)
    ip = ip + addresses + options
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return bytes.fromhex("020000000001020000000002") + tag + b"\x08\x00" + ip + udp + trailer


def op(kind, session, line=0, high=0):
    """An operation byte of fuzz_ingress: kind, session (0 latest, 1 and 2 ordered), line."""
    return bytes([kind | session << 3 | line << 5 | high << 6])


def near(delta):
    return struct.pack("<h", delta)


def ingress_scripts():
    three = bytes([3, 8, 16, 24])
    yield op(0, 1) + three + op(0, 1, 1) + three
    yield op(1, 1) + near(3) + three + op(6, 0) + b"\x20\0" + op(0, 1) + three
    yield op(1, 1) + near(1024) + b"\1\4" + op(1, 1) + near(1025) + b"\1\4" + op(1, 1) + near(1) + three
    yield op(5, 1) + near(500) + b"\0" + op(6, 0) + b"\x20\0" + op(6, 0) + b"\xff\xff" + op(7, 1, 0, 1) + b"\xff"
    yield op(7, 0) + b"\2" + op(0, 1) + three + op(6, 0) + b"\1\0" + op(7, 0) + b"\0" + op(0, 0) + three
    yield op(3, 2) + b"\xfb" + b"\xff" * 7 + three + op(3, 0) + b"\xfa" + b"\xff" * 7 + three + op(5, 0) + near(0) + b"\1"
    yield op(2, 1) + near(0) + b"\2\0" + b"\7" + b"\0\3abc\0\0" + op(2, 1) + near(0) + b"\1\0" + b"\3\0\2x"
    yield op(1, 0) + near(9) + three + op(1, 0) + near(-4) + three + op(5, 0) + near(7) + b"\x10"
    yield op(4, 0) + bytes([60]) + frame(b"LATEST    " + bytes(8))[:60]


def main():
    target = pathlib.Path(sys.argv[1])
    messages = [bytes.fromhex(line.split(" ")[2]) for line in VECTORS.read_text().splitlines() if line[0] != "#"]
    files = {"wire": list(messages), "ingress": list(ingress_scripts()), "frame": [frame(m) for m in messages[:4]]}
    files["frame"] += [frame(messages[0], vlan=5), frame(messages[0], options=b"\1\1\1\0"), frame(b""),
                       frame(messages[0], trailer=bytes(20)), frame(messages[0], udp_checksum=False),
                       frame(bytes(range(256)) * 5 + bytes(192))]
    for name, seeds in files.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(seeds):
            (folder / f"{i:03d}").write_bytes(seed)
    (target / "stamp").write_text("")


if __name__ == "__main__":
    main()
