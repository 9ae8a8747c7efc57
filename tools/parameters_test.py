"""Parameters are read as people type them."""

import unittest

import parameters

KNOWN = ["Schedule", "AlertEmail", "WorkgroupArn"]


class Parameters(unittest.TestCase):
    """Texts of one and of several parameters."""

    def read(self, text: str) -> dict[str, str]:
        return dict(parameters.parameters(text, KNOWN))

    def test_a_value_reaches_to_the_next_parameter(self) -> None:
        text = "Schedule=cron(0 3 * * ? *)  AlertEmail=a@b.example"
        expected = {"Schedule": "cron(0 3 * * ? *)", "AlertEmail": "a@b.example"}
        self.assertEqual(self.read(text), expected)
        quoted = "Schedule='cron(0 3 * * ? *)' AlertEmail=\"a@b.example\""
        self.assertEqual(self.read(quoted), expected)

    def test_a_value_may_be_empty(self) -> None:
        self.assertEqual(self.read("Schedule= AlertEmail=''"), {"Schedule": "", "AlertEmail": ""})
        self.assertEqual(self.read(""), {})

    def test_an_equals_sign_within_a_value_begins_nothing(self) -> None:
        arn = "arn:aws:x:role/a=b+c=d"
        self.assertEqual(self.read(f"WorkgroupArn={arn}"), {"WorkgroupArn": arn})

    def test_what_the_template_does_not_know_is_refused(self) -> None:
        for text in ["Schedul=rate(1 day)", "rate(1 day)", "day Schedule=x"]:
            with self.assertRaises(parameters.ParameterError, msg=text):
                self.read(text)

    def test_the_template_s_parameters_are_found(self) -> None:
        template = "A: 1\n\nParameters:\n  One:\n    Type: String\n  Two:\n    Type: Number\n\nRules:\n  R:\n"
        self.assertEqual(parameters.declared(template), ["One", "Two"])


if __name__ == "__main__":
    unittest.main()
