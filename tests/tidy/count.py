#!/usr/bin/env python3
"""count.py BUILD_FOLDER CTEST_LOG: prints "PASSED FAILED" for one ctest run.

A test of ctest counts as one, unless it left a Criterion report (reports/NAME.xml): then each of its tests counts.
A binary that ctest calls failed counts at least one failure, whatever its report says, and one that never wrote its
report counts as itself. Criterion's own figure for crashes is among its failures. Lines "skipped, because ..." of any
test's output go to BUILD_FOLDER/skipped; a test that is skipped, whole or one of a Criterion binary, must print one, or
it counts as failed: Criterion itself prints nothing of a skip."""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


def report_counts(path):
    """(passed, failed, skipped) of a Criterion XML report; None when it can not be read: a crash may leave half of one."""
    try:
        suites = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError):
        return None
    passed = failed = skipped = 0
    for case in suites.iter("testcase"):
        status = case.get("status")
        if status == "PASSED":
            passed += 1
        elif status == "SKIPPED":
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


def skip_lines(case):
    text = case.findtext("system-out") or ""
    return [line for line in text.splitlines() if line.startswith("skipped, because ")]


def count(folder):
    passed = failed = 0
    skipped = []
    for case in ElementTree.parse(folder / "ctest.xml").getroot().iter("testcase"):
        status = case.get("status")
        lines = skip_lines(case)
        skipped += lines
        if status != "run" and status != "fail":
            by_itself = (case.find("skipped") is not None and
                         case.find("skipped").get("message", "").startswith("SKIP_") and lines)
            failed += 0 if by_itself else 1
            continue
        good = status == "run" and case.find("failure") is None
        counts = report_counts(folder / "reports" / (case.get("name") + ".xml"))
        if counts is None or counts == (0, 0, 0):
            counts = (1, 0, 0) if good else (0, 1, 0)
        silent = counts[2] > 0 and not lines
        passed += counts[0]
        failed += max(counts[1], 0 if good else 1) + (1 if silent else 0)
    (folder / "skipped").write_text("".join(line + "\n" for line in skipped))
    return passed, failed


def main():
    folder = pathlib.Path(sys.argv[1])
    passed, failed = count(folder)
    # ctest knows nothing of a skip that did not say why: more failures than its own are possible, fewer are not.
    ran = re.search(r"(\d+) tests failed out of (\d+)", pathlib.Path(sys.argv[2]).read_text(errors="replace"))
    if ran is None or int(ran.group(2)) == 0 or (int(ran.group(1)) > 0 and failed == 0):
        failed += 1
    print(passed, failed)


if __name__ == "__main__":
    main()
