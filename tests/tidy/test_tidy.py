#!/usr/bin/env python3
"""Each rule is shown a planted violation, and the nearest thing that is allowed."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import count
import rules
import source


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)

    def found(self, rule, files):
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        return [text for _, _, text in rule(self.root, sorted(files))]

    def refused(self, rule, path, text, word):
        found = self.found(rule, {path: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(word, found[0])

    def allowed(self, rule, path, text):
        self.assertEqual(self.found(rule, {path: text}), [])


class Includes(Tree):
    def test_a_stage_includes_no_other_stage_and_no_driver(self):
        for path, name in [("host/ledger/a.c", "host/risk/b.h"), ("host/ledger/a.c", "host/engine/b.h"),
                           ("host/risk/a.h", "drivers/clock/clock.h"), ("host/base/a.h", "host/types/event.h"),
                           ("host/types/a.h", "host/ledger/a.h"), ("include/clearbox/a.h", "host/base/a.h"),
                           ("drivers/udp/a.c", "host/engine/a.h"), ("drivers/udp/a.c", "drivers/dpdk/a.h"),
                           ("host/engine/a.c", "drivers/udp/a.h"), ("host/engine/a.c", "host/app/a.h"),
                           ("sim/market/a.c", "host/ledger/a.h"), ("host/ledger/a.c", "ledger.h")]:
            self.refused(rules.rule_includes, path, f'#include "{name}"\n', "include table")

    def test_the_rows_of_the_table_are_allowed(self):
        for path, name in [("host/ledger/a.c", "host/ledger/b.h"), ("host/ledger/a.c", "clearbox/wire.h"),
                           ("host/engine/a.c", "host/risk/b.h"), ("host/app/a.c", "drivers/udp/a.h"),
                           ("host/types/a.h", "host/base/a.h"), ("drivers/udp/a.c", "host/types/event.h"),
                           ("sim/world/a.c", "host/engine/a.h"), ("tests/unit/risk/a.c", "host/ledger/a.h")]:
            self.allowed(rules.rule_includes, path, f'#include "{name}"\n')

    def test_the_uring_driver_shares_the_files_of_the_file_driver(self):
        self.allowed(rules.rule_includes, "drivers/uring/a.c", '#include "drivers/file/file.h"\n')
        self.refused(rules.rule_includes, "drivers/file/a.c", '#include "drivers/uring/uring.h"\n', "include table")

    def test_system_headers(self):
        self.refused(rules.rule_includes, "include/clearbox/a.h", "#include <stdio.h>\n", "public headers")
        self.refused(rules.rule_includes, "host/risk/a.c", "#include <time.h>\n", "<time.h>")
        self.refused(rules.rule_includes, "host/ledger/a.c", "#include <openssl/sha.h>\n", "<openssl/sha.h>")
        self.refused(rules.rule_includes, "host/base/b.c", "#include <sodium.h>\n", "<sodium.h>")
        self.allowed(rules.rule_includes, "host/journal/a.c", "#include <openssl/sha.h>\n#include <stdint.h>\n")
        self.allowed(rules.rule_includes, "host/base/mac.c", "#include <sodium.h>\n")
        self.allowed(rules.rule_includes, "drivers/udp/a.c", "#include <sys/socket.h>\n")
        self.allowed(rules.rule_includes, "host/risk/b.c", '/* #include "host/ledger/a.h" */\n')


class Calls(Tree):
    def test_the_world_is_out_of_reach_in_host(self):
        for call in ["malloc(1)", "free(p)", "time(NULL)", "clock_gettime(0, &t)", "rand()", 'fopen("a", "r")',
                     "printf(text)", "pthread_create(&t)", "memory = calloc (1, 2)", "write(1, p, 2)", "pow(2, 3)"]:
            self.refused(rules.rule_forbidden_calls, "host/ledger/a.c", f"void f(void)\n{{\n    {call};\n}}\n",
                         "in host/")

    def test_errno_stays_in_the_drivers(self):
        self.refused(rules.rule_forbidden_calls, "host/journal/a.c", "if (errno == EIO) {\n", "errno")
        self.allowed(rules.rule_forbidden_calls, "host/journal/a.c", "#include <errno.h>\nif (result == -EIO) {\n")

    def test_members_words_in_text_and_other_folders_are_free(self):
        for path, text in [("host/ledger/a.c", "disk->write(self);\n"), ("host/ledger/b.c", "port.close(self);\n"),
                           ("host/ledger/c.c", 'x = "malloc(1)"; // free(p)\n/* time(NULL) */\n'),
                           ("host/ledger/d.c", "cb_ledger_free(x); reopen(y);\n"), ("host/app/a.c", "malloc(1);\n"),
                           ("drivers/udp/a.c", "write(1, p, 2);\n"), ("host/base/assert.c", "abort();\n")]:
            self.allowed(rules.rule_forbidden_calls, path, text)

    def test_the_linker_sees_what_the_text_hides(self):
        compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang-14")
        self.assertIsNotNone(compiler, "a compiler is needed")
        build = self.root / "build"
        for name, text in [("bad", "#include <stdlib.h>\n#define GIVE mal##loc\nvoid *(*cb_p)(size_t) = malloc;\n"),
                           ("good", "#include <string.h>\nvoid cb_q(void *p, int n) { memset(p, n, 1000); }\n")]:
            folder = build / "host" / name
            folder.mkdir(parents=True)
            (folder / "a.c").write_text(text)
            subprocess.run([compiler, "-c", "a.c", "-o", "a.o"], cwd=folder, check=True)
            subprocess.run(["ar", "rcs", f"libcb_{name}.a", "a.o"], cwd=folder, check=True)
        found = list(rules.check_libraries(build))
        self.assertEqual([path for path, _, _ in found], ["host/bad"])
        self.assertIn("takes malloc", found[0][2])


class Sizes(Tree):
    def test_files_functions_and_lines(self):
        self.allowed(rules.rule_sizes, "host/a/a.c", "x;\n" * 600)
        self.refused(rules.rule_sizes, "host/a/a.c", "x;\n" * 601, "601 lines")
        self.allowed(rules.rule_sizes, "host/a/b.c", "int f(void)\n{\n" + "    x;\n" * 70 + "}\n")
        self.refused(rules.rule_sizes, "host/a/b.c", "int f(void)\n{\n" + "    x;\n" * 71 + "}\n", "f: 71 lines")
        self.allowed(rules.rule_sizes, "host/a/c.c", "x" * 110 + "\n")
        self.refused(rules.rule_sizes, "host/a/c.c", "x" * 111 + "\n", "111 characters")
        self.allowed(rules.rule_sizes, "include/clearbox/wire.h", "/* Generated by tools/cbgen. */\n" + "x;\n" * 601)

    def test_each_function_is_measured_alone(self):
        text = "".join(f"static int f{i}(void)\n{{\n" + "    x;\n" * 60 + "}\n\n" for i in range(3))
        self.allowed(rules.rule_sizes, "host/a/d.c", text)
        self.assertEqual([name for _, _, name in source.functions_of(text)], ["f0", "f1", "f2"])


class Words(Tree):
    def test_guards(self):
        self.allowed(rules.rule_guards, "host/a/b_c.h", "#ifndef CB_HOST_A_B_C_H\n#define CB_HOST_A_B_C_H\n#endif\n")
        self.allowed(rules.rule_guards, "include/clearbox/x.h", "#ifndef CB_CLEARBOX_X_H\n#define CB_CLEARBOX_X_H\n")
        self.refused(rules.rule_guards, "host/a/b_c.h", "#ifndef CB_HOST_A_B_H\n#define CB_HOST_A_B_H\n", "no guard")
        self.refused(rules.rule_guards, "host/a/b_c.h", "int x;\n", "no guard")
        self.allowed(rules.rule_guards, "tests/unit/a/b.h", "#ifndef B_H\n#define B_H\n#endif\n")
        self.refused(rules.rule_guards, "tests/unit/a/b.h", "#ifndef B_H\n#define C_H\n#endif\n", "no guard")

    def test_work_put_off_and_paths_of_one_machine(self):
        for word in ["TO" + "DO", "FIX" + "ME", "X" + "XX"]:
            self.refused(rules.rule_words, "host/a/a.c", f"/* {word}: later */\n", word)
        self.refused(rules.rule_words, "docs/a.md", "see /ho" + "me/someone/x\n", "machine")
        self.refused(rules.rule_words, "a.yaml", "x: 1 \n", "white space")
        self.allowed(rules.rule_words, "host/a/a.c", "/* done: network/home/page, todos */\n")

    def test_bit_fields_and_alloca(self):
        self.refused(rules.rule_style, "host/a/a.h", "struct s {\n    unsigned x : 3;\n};\n", "bit-field")
        self.refused(rules.rule_style, "host/a/a.c", "    p = alloca(3);\n", "alloca")
        self.allowed(rules.rule_style, "host/a/a.c", "    case X:\n    x = y ? 1 : 3;\n")

    def test_every_folder_of_host_has_tests(self):
        files = {"host/ledger/a.c": "", "host/risk/a.c": "", "tests/unit/risk/a_test.c": ""}
        self.assertEqual(self.found(rules.rule_mirror, files), ["no tests in tests/unit/ledger"])


class Tools(Tree):
    def test_a_stale_generated_file_is_found(self):
        here = pathlib.Path(__file__).resolve().parents[2]
        shutil.copytree(here / "tools/cbgen", self.root / "tools/cbgen",
                        ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, "tools/cbgen/cbgen.py", "--root", "."], cwd=self.root, check=True,
                       stdout=subprocess.DEVNULL)
        files = ["tools/cbgen/cbgen.py"]
        self.assertEqual(list(rules.rule_generated(self.root, files)), [])
        header = self.root / "include/clearbox/wire.h"
        header.write_text(header.read_text() + "\n")
        self.assertIn("stale", list(rules.rule_generated(self.root, files))[0][2])

    def test_a_file_out_of_format_is_found(self):
        if shutil.which("clang-format-14") is None:
            print("skipped, because clang-format-14 is not installed: the test of the format rule")
            return
        style = "BasedOnStyle: LLVM\n"
        self.assertEqual(self.found(rules.rule_format, {".clang-format": style, "a.c": "int x;\n"}), [])
        self.assertTrue(self.found(rules.rule_format, {".clang-format": style, "a.c": "int   x;\n"}))


class Count(Tree):
    def run_count(self, cases, reports):
        (self.root / "reports").mkdir(exist_ok=True)
        (self.root / "ctest.xml").write_text("<testsuite>" + cases + "</testsuite>")
        for name, text in reports.items():
            (self.root / "reports" / (name + ".xml")).write_text(text)
        return count.count(self.root)

    def test_reports_are_summed_and_other_tests_count_as_one(self):
        report = '<a><testcase status="PASSED"/><testcase status="PASSED"/></a>'
        self.assertEqual(self.run_count('<testcase name="u" status="run"/><testcase name="s" status="run"/>',
                                        {"u": report}), (3, 0))

    def test_what_failed_crashed_or_never_ran_is_a_failure(self):
        report = '<a><testcase status="PASSED"/><testcase status="FAILED"/><testcase status="ERRORED"/></a>'
        failed = '<testcase name="u" status="fail"><failure/></testcase>'
        # ctest writes both forms of a failure.
        self.assertEqual(self.run_count('<testcase name="u" status="run"><failure/></testcase>', {"u": report}), (1, 2))
        self.assertEqual(self.run_count('<testcase name="c" status="run"><failure/></testcase>', {"c": "<a><te"}),
                         (0, 1))
        self.assertEqual(self.run_count('<testcase name="d" status="run"><failure/></testcase>',
                                        {"d": '<a><testcase status="PASSED"/></a>'}), (1, 1))
        self.assertEqual(self.run_count('<testcase name="n" status="notrun"><skipped message=""/></testcase>', {}),
                         (0, 1))
        self.assertEqual(self.run_count(failed, {"u": report}), (1, 2))

    def test_a_skipped_test_must_say_why(self):
        silent = '<testcase name="s" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
        told = silent.replace("</testcase>", "<system-out>skipped, because no card\n</system-out></testcase>")
        self.assertEqual(self.run_count(silent, {}), (0, 1))
        self.assertEqual(self.run_count(told, {}), (0, 0))
        self.assertEqual((self.root / "skipped").read_text(), "skipped, because no card\n")
        report = {"u": '<a><testcase status="PASSED"/><testcase status="SKIPPED"/></a>'}
        silent = '<testcase name="u" status="run"/>'
        told = '<testcase name="u" status="run"><system-out>skipped, because no card\n</system-out></testcase>'
        self.assertEqual(self.run_count(silent, report), (1, 1))
        self.assertEqual(self.run_count(told, report), (1, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
