"""Faults of a policy are found; correct policies pass."""

import unittest

from policies import faults

KNOWN = {"s3:GetObject": {"arn:object"}, "xray:PutTraceSegments": {"*"}}


def faults_of(**statement) -> list[str]:
    """The faults of a template with this one statement, wrapped as templates wrap them."""
    role = {"Policies": [{"!If": ["Condition", {"Sid": "S", "Effect": "Allow", **statement}]}]}
    return faults({"Resources": {"Role": role}}, KNOWN.get)


class Policies(unittest.TestCase):
    """Statements, one by one."""

    def test_a_narrow_statement_is_right(self):
        self.assertEqual(faults_of(Action="s3:GetObject", Resource={"!Ref": "Bucket"}), [])

    def test_an_action_without_resources_may_name_all(self):
        self.assertEqual(faults_of(Action=["xray:PutTraceSegments"], Resource="*"), [])

    def test_an_action_with_resources_may_not(self):
        found = faults_of(Action="s3:GetObject", Resource=["*"])
        self.assertEqual(found, ["S: s3:GetObject can be narrowed to arn:object"])

    def test_an_action_that_does_not_exist_is_named(self):
        found = faults_of(Action="s3:GetObjects", Resource={"!Ref": "Bucket"})
        self.assertEqual(found, ["S: IAM knows no action s3:GetObjects"])

    def test_actions_are_written_out(self):
        found = faults_of(Action="s3:Get*", Resource={"!Ref": "Bucket"})
        self.assertEqual(found, ["S: s3:Get* must be written out"])

    def test_a_statement_names_itself(self):
        found = faults_of(Action="s3:GetObject", Resource={"!Ref": "Bucket"}, Sid=None)
        self.assertEqual(found, ["a statement has no Sid: s3:GetObject"])

    def test_a_resource_s_own_policy_is_left_alone(self):
        self.assertEqual(faults_of(Action="kms:*", Resource="*", Principal={"AWS": "root"}), [])


if __name__ == "__main__":
    unittest.main()
