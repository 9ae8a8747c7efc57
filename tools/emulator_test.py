"""The replaced listing gives the same as ministack's, and conditions support more."""

import random
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# ministack is in its own environment, created by the interpreter that runs this.
sys.path.extend(map(str, (ROOT / ".tools/ministack/lib").glob("*/site-packages")))

import emulator  # noqa: E402
from ministack.services import s3, stepfunctions  # noqa: E402
from ministack.services.cloudformation import engine  # noqa: E402

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


    def test_a_listing_in_progress_shows_nothing_that_is_gone_and_the_next_one_everything(self) -> None:
        objects = dict.fromkeys("abcd", 1)
        self.assertEqual(emulator.page(objects, "", "", 2, ""), (["a", "b"], [], True, "b"))
        del objects["c"]
        objects["e"] = 1
        self.assertEqual(emulator.page(objects, "", "", 2, "b")[0], ["d"])
        self.assertEqual(emulator.page(objects, "", "", 9, "")[0], ["a", "b", "d", "e"])


class Histories(unittest.TestCase):
    """The events by which people see how far a run is."""

    def test_a_map_names_its_iterations(self) -> None:
        emulator.write_histories()
        execution: dict = {"events": []}
        state = {
            "Items": "{% [1, 2] %}",
            "QueryLanguage": "JSONata",
            "End": True,
            "ItemProcessor": {"StartAt": "Copy", "States": {"Copy": {"Type": "Pass", "End": True}}},
        }
        ctx = {"State": {"Name": "Stage"}}
        stepfunctions._execute_map(state, {}, execution, ctx)  # noqa: SLF001
        events = execution["events"]
        self.assertEqual([event["id"] for event in events], list(range(1, 7)))
        self.assertEqual(events[0]["mapStateStartedEventDetails"]["length"], 2)
        ended = [event.get("mapIterationSucceededEventDetails", {}) for event in events]
        ended = [(one["name"], one["index"]) for one in ended if one]
        self.assertEqual(sorted(ended), [("Stage", 0), ("Stage", 1)])

    def test_a_task_names_the_execution_that_it_waits_for(self) -> None:
        emulator.write_histories()
        execution: dict = {"events": []}
        stepfunctions._executions["parent"] = execution  # noqa: SLF001
        machine = "arn:aws:states:us-east-1:000000000000:stateMachine:one"
        given = {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "parent"}
        request = stepfunctions._nested_start_execution_request(  # noqa: SLF001
            {"StateMachineArn": machine, "Input": given}
        )
        [event] = execution["events"]
        output = event["taskSubmittedEventDetails"]["output"]
        self.assertIn(f":execution:one:{request['name']}", output)


class Conditions(unittest.TestCase):
    """The copy role that the template attaches its policy to, and its name."""

    def resolved(self, **parameters: str) -> object:
        """The `Roles` of the copy policy; None if it is attached to no role."""
        template = engine._parse_template((ROOT / "template.yaml").read_text())  # noqa: SLF001
        given = {"WorkgroupArn": "arn:aws:redshift-serverless:eu-west-1:1:workgroup/w"} | parameters
        parameters = engine._resolve_parameters(  # noqa: SLF001
            template, [{"Key": key, "Value": it} for key, it in given.items()]
        )
        held = emulator.conditions(template, parameters)
        roles = template["Resources"]["CopyPolicy"]["Properties"]["Roles"]
        found = engine._resolve_refs(roles, {}, parameters, held, {}, "s", "s")  # noqa: SLF001
        self.assertNotEqual(held["IsCopyRoleElsewhere"], held["IsCopyRoleOfThisAccount"])
        return found if isinstance(found, list) else None

    def test_a_role_is_known_by_its_name_below_up_to_three_folders(self) -> None:
        own = "arn:aws:iam::000000000000:role/"
        for path in ["", "service-role/", "my-role/two/", "one/two/three/"]:
            self.assertEqual(self.resolved(CopyRoleArn=f"{own}{path}Copy"), ["Copy"], path)
        deep = f"{own}one/two/three/four/Copy"
        self.assertIsNone(self.resolved(CopyRoleArn=deep))
        self.assertEqual(self.resolved(CopyRoleArn=deep, CopyRoleName="Copy"), ["Copy"])

    def test_nothing_is_attached_to_a_role_elsewhere_or_against_the_user_s_will(self) -> None:
        own, their = (f"arn:aws:iam::{account * 12}:role/Copy" for account in "01")
        self.assertIsNone(self.resolved(CopyRoleArn=their))
        self.assertIsNone(self.resolved(CopyRoleArn=own, AttachCopyPolicy="false"))


if __name__ == "__main__":
    unittest.main()
