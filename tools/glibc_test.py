"""The reader of version references, against a program of this machine."""

import sys
import unittest
from pathlib import Path

from glibc import glibc_needed, main, version_references


class Glibc(unittest.TestCase):
    """What a program needs."""

    @unittest.skipUnless(sys.platform == "linux", "ELF programs are Linux's")
    def test_a_program_names_the_c_library_it_needs(self):
        content = Path(sys.executable).resolve().read_bytes()
        self.assertTrue(any(name.startswith("GLIBC_2.") for name, _ in version_references(content)))
        self.assertGreaterEqual(glibc_needed(content), (2, 2, 5))

    def test_what_is_no_program_is_said(self):
        with self.assertRaisesRegex(ValueError, "expected a 64-bit"):
            version_references(b"#!/bin/sh\n")

    def test_no_programs_are_no_problem(self):
        self.assertEqual(main([]), 0)


if __name__ == "__main__":
    unittest.main()
