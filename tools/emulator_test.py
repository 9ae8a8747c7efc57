"""The listing in the place of ministack's says what ministack's says."""

import random
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# ministack stands in an environment of its own, made by the interpreter that runs this.
sys.path.extend(map(str, (ROOT / ".tools/ministack/lib").glob("*/site-packages")))

import emulator  # noqa: E402
from ministack.services import s3  # noqa: E402

CASES = 2_000
SEED = 20_181_101


class Listing(unittest.TestCase):
    """Pages of buckets whose keys change between two of them."""

    def test_every_page_is_the_one_that_ministack_makes(self) -> None:
        draw = random.Random(SEED)
        objects: dict[str, int] = {}
        some_are_truncated = 0
        for _ in range(CASES):
            key = "".join(draw.choices("ab/é", k=draw.randint(1, 6)))
            if objects.pop(key, None) is None:
                objects[key] = 1
            asked = (
                objects,
                draw.choice(["", "a", "a/", "b/a"]),
                draw.choice(["", "/"]),
                draw.randint(0, 8),
                draw.choice(["", "a", "a/", "ab/", "b//", "é"]),
            )
            page = emulator.page(*asked)
            self.assertEqual(page, s3._collect_list_entries(*asked), asked)  # noqa: SLF001
            some_are_truncated += page[2]
        self.assertGreater(some_are_truncated, 0)


if __name__ == "__main__":
    unittest.main()
