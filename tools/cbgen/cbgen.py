#!/usr/bin/env python3
"""cbgen: from one schema to every file that repeats it. Usage: cbgen.py [--check] [--root DIR]
Writes the generated files; with --check writes nothing and exits 1 naming the files that differ."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import emit_c
import schema as schema_module


def outputs(root):
    wire = schema_module.load(root / "tools/cbgen/wire.xml")
    return {root / "include/clearbox/wire.h": emit_c.emit(wire)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()
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
