"""`make sizes` reads the template and the kernel."""

import tempfile
import unittest
from pathlib import Path

import sizes

TEMPLATE = """
Globals:
  Function:
    MemorySize: 128
Resources:
  SubmitFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/submit
  PlanFunction:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: 2048
  Alerts:
    Type: AWS::SNS::Topic
Outputs:
"""


class Sizes(unittest.TestCase):
    """Sizes of functions."""

    def test_a_function_has_its_own_memory_or_that_of_all(self):
        self.assertEqual(
            sizes.configured(TEMPLATE), {"SubmitFunction": 128, "PlanFunction": 2048}
        )

    def test_every_function_of_the_real_template_is_found(self):
        root = Path(__file__).resolve().parent.parent
        template = (root / "template.yaml").read_text(encoding="utf-8")
        folders = [folder.name for folder in (root / "functions").iterdir() if folder.is_dir()]
        self.assertEqual(
            set(sizes.configured(template)), {f"{name.capitalize()}Function" for name in folders}
        )

    def test_a_function_is_as_large_as_its_zip(self):
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "template.yaml"
            template.write_text(TEMPLATE)
            for name in ("SubmitFunction", "PlanFunction"):
                (Path(folder) / f"{name}.zip").write_bytes(bytes(len(name)))
            found = sizes.sizes(template, Path(folder))
        self.assertEqual([size.zip_bytes for size in found], [len("PlanFunction"), len("SubmitFunction")])

    def test_the_kernel_says_what_was_used_at_most(self):
        self.assertEqual(sizes.high_water("VmPeak:\t 9 kB\nVmHWM:\t  7424 kB\n"), 7424)
        self.assertEqual(sizes.high_water("Name:\tkthreadd\n"), 0)

    def test_what_was_not_run_says_so(self):
        text = sizes.table([sizes.Size("PlanFunction", 2_940_000, 2048, 0)])
        self.assertIn("| PlanFunction | 2.94 | 2048 | not run |", text)


if __name__ == "__main__":
    unittest.main()
