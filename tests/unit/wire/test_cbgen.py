#!/usr/bin/env python3
"""The generator: what is committed is what it makes, --check names what is stale, a schema that is no legal SBE or
leaves the subset is refused with its place, and the Python codec refuses what C refuses."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/python"))
import clearbox_wire as wire

GENERATED = ("include/clearbox/wire.h", "tools/python/clearbox_wire.py", "tests/vectors/wire_golden.txt", "docs/wire.md")


def cbgen(root, *arguments):
    return subprocess.run([sys.executable, str(ROOT / "tools/cbgen/cbgen.py"), "--root", str(root), *arguments],
                          capture_output=True, text=True, check=False)


class Generator(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.directory.name)
        shutil.copytree(ROOT / "tools/cbgen", self.root / "tools/cbgen", ignore=shutil.ignore_patterns("__pycache__"))

    def tearDown(self):
        self.directory.cleanup()

    def test_what_is_committed_is_what_it_makes(self):
        result = cbgen(ROOT, "--check")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_check_names_exactly_what_is_stale_and_writes_nothing(self):
        self.assertEqual(cbgen(self.root).returncode, 0)
        self.assertEqual(cbgen(self.root, "--check").returncode, 0)
        for name in GENERATED:
            path = self.root / name
            text = path.read_text()
            path.write_text(text + "x")
            result = cbgen(self.root, "--check")
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr.split(": ")[1].split(), [name])
            self.assertEqual(path.read_text(), text + "x")
            path.unlink()
            self.assertIn(name, cbgen(self.root, "--check").stderr)
            path.write_text(text)

    def test_bad_schemas_are_refused_with_the_place(self):
        path = self.root / "tools/cbgen/wire.xml"
        good = path.read_text()
        cases = (
            ('name="vol_e9" id="4"', 'name="vol_e9" id="3"', "message Volatility.vol_e9: field id 3 does not rise"),
            ('name="vol_e9"', 'name="reserved"', "stands twice"),
            ('name="vol_e9"', 'name="class"', "Python can use"),
            ('name="vol_e9"', 'name="9vol"', "no legal SBE name"),
            ('name="Volatility" id="2"', 'name="Volatility" id="1"', "a template id stands twice"),
            ('name="Volatility" id="2"', 'name="Price" id="2"', "the name Price stands twice"),
            ('name="Refused" id="69"', 'name="Refused" id="128"', "lies in no range that is open"),
            ('name="Refused" id="69"', 'name="Refused" id="70000"', "70000 is not 1 to 65535"),
            ('name="vol_e9" id="4" type="int64"', 'name="vol_e9" id="4" type="float"', "unknown type float"),
            ('name="vol_e9" id="4" type="int64"', 'name="vol_e9" id="4" type="int32"', "not aligned to 8"),
            ('name="vol_e9" id="4" type="int64"', 'name="vol_e9" id="4" type="int64" presence="optional"',
             "attribute presence is outside the subset"),
            ('<field name="vol_e9" id="4" type="int64"/>', '<data name="vol_e9" id="4" type="int64"/>',
             "<data> is outside the subset"),
            ('name="Failed">2<', 'name="Failed">1<', "a value stands twice"),
            ('name="Failed">2<', 'name="Failed">255<', "255 is not 0 to 254"),
            ('name="Failed">2<', 'name="Done">2<', "the name Done stands twice"),
            ('encodingType="uint8"', 'encodingType="int8"', "encoding int8"),
            ('name="version" primitiveType="uint16"', 'name="version" primitiveType="uint32"', "messageHeader"),
            ('byteOrder="littleEndian"', 'byteOrder="bigEndian"', "not little-endian"),
            ('package="clearbox" ', "", "no package"),
            ("</types>", "<types>", "mismatched tag"),
        )
        for old, new, message in cases:
            with self.subTest(new=new):
                self.assertIn(old, good)
                path.write_text(good.replace(old, new, 1) if "Failed" not in old else new.join(good.rsplit(old, 1)))
                result = cbgen(self.root)
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)
                self.assertNotIn("Traceback", result.stderr)
        self.assertFalse((self.root / "docs").exists(), "nothing is written from a bad schema")


class Codec(unittest.TestCase):
    def golden(self):
        for line in (ROOT / "tests/vectors/wire_golden.txt").read_text().splitlines():
            if not line.startswith("#"):
                name, _, data, *pairs = line.split(" ")
                yield name, bytes.fromhex(data), {k: int(v) for k, v in (p.split("=") for p in pairs)}

    def refused(self, data, reason):
        with self.assertRaises(wire.Refused) as caught:
            wire.decode(data)
        self.assertEqual(caught.exception.args[0], reason)

    def test_golden_vectors_decode_and_encode(self):
        seen = []
        for name, data, fields in self.golden():
            self.assertEqual(wire.decode(data), (name, fields))
            self.assertEqual(wire.encode(name, **fields), data)
            body = [b for i, b in enumerate(data[8:]) if not self.is_reserved(name, i)]
            self.assertEqual(len(set(body)), len(body), f"{name}: all bytes are distinct")
            seen.append(name)
        self.assertEqual(seen, [m.name for m in wire.MESSAGES])

    @staticmethod
    def is_reserved(name, index):
        return any(at <= index < at + size for at, size in wire.BY_NAME[name].reserved)

    def test_what_c_refuses_is_refused(self):
        for name, data, _ in self.golden():
            for n in range(len(data)):
                self.refused(data[:n], "malformed")
            self.refused(data + b"\0", "malformed")
            self.refused(bytes([data[0] ^ 8]) + data[1:], "malformed")
            self.refused(data[:2] + b"\xff\xff" + data[4:], "template")
            self.refused(data[:4] + b"\0\0" + data[6:], "schema")
            self.refused(data[:6] + b"\2\0" + data[8:], "schema")
            for at, _ in wire.BY_NAME[name].reserved:
                self.refused(data[:8 + at] + b"\1" + data[9 + at:], "reserved")

    def test_unknown_fields_are_an_error(self):
        with self.assertRaises(TypeError):
            wire.encode("Price", colour=1)

    def test_a_datagram_has_the_documented_layout(self):
        data = wire.datagram("ORACLE", 7, [b"abc", b""], lambda covered: bytes([len(covered)]) * 16)
        self.assertEqual(data, b"ORACLE    " + bytes(7) + b"\7\0\2\0\3abc\0\0" + b"\x1b" * 16)


if __name__ == "__main__":
    unittest.main()
