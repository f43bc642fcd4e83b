#!/usr/bin/env python3
"""tidy.py [--root DIR] [--build DIR]: checks the rules of the house over the files of the project.

Exit 0: clean; 1: violations, one a line; 2: nothing was found to check. With --build the compiled libraries of
host/ are looked at too."""
import argparse
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rules


def files_of(root):
    """Tracked and new files; where there is no git, everything but build folders."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"], cwd=root,
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        names = done.stdout.split("\n")
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*")]
        names = [n for n in names if not n.startswith(("build/", "out/", ".git/")) and "__pycache__" not in n]
    return sorted({n for n in names if n and (root / n).is_file()})


def violations(root, build):
    files = files_of(root)
    for rule in rules.RULES:
        yield from rule(root, files)
    if build is not None:
        yield from rules.check_libraries(build)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=pathlib.Path)
    arguments = parser.parse_args()
    files = files_of(arguments.root)
    if not rules.c_files(files):
        print("no C file found: this is not the project's root", file=sys.stderr)
        return 2
    found = list(violations(arguments.root, arguments.build))
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    print(f"{len(files)} files, {len(rules.RULES)} rules, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
