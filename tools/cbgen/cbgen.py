#!/usr/bin/env python3
"""cbgen: from one schema to every file that repeats it.

Usage: cbgen.py [--check] [--root DIR] [--table OUTPUT]
Writes the generated files that are committed. With --check it writes nothing and exits 1 naming those that differ.
With --table it writes only the C table that tests read."""
import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import emit_c
import emit_c_fields
import emit_c_table
import emit_golden
import emit_markdown
import emit_python
import schema as schema_module


def outputs(root):
    wire = schema_module.load(root / "tools/cbgen/wire.xml")
    codec = emit_python.emit(wire)
    template = (root / "tools/cbgen/wire.md.in").read_text()
    return {
        root / "include/clearbox/wire.h": emit_c.emit(wire),
        root / "include/clearbox/wire_fields.h": emit_c_fields.emit(wire),
        root / "tools/python/clearbox_wire.py": codec,
        root / "tests/vectors/wire_golden.txt": emit_golden.emit(wire, codec),
        root / "docs/wire.md": emit_markdown.emit(wire, template),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--table", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.table:
        arguments.table.write_text(emit_c_table.emit(schema_module.load(arguments.root / "tools/cbgen/wire.xml")))
        return 0
    stale = []
    for path, text in outputs(arguments.root).items():
        if path.exists() and path.read_text() == text:
            continue
        if arguments.check:
            stale.append(str(path.relative_to(arguments.root)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(arguments.root)}")
    if stale:
        print("stale generated files (run ./dev generate): " + " ".join(stale), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
