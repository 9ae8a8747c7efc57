//! JSONata expressions, as in a definition: `{% … %}`.

use serde_json::{Map, Number, Value};
use seuil::clock::MockEnvironment;
use seuil::{EvalConfig, Seuil};

use crate::error::{QUERY_EVALUATION, StateError};

/// The functions whose results have been compared with JSONata's documentation; others are
/// rejected.
const FUNCTIONS: [&str; 22] = [
    "abs",
    "append",
    "boolean",
    "ceil",
    "contains",
    "count",
    "distinct",
    "exists",
    "floor",
    "length",
    "lowercase",
    "map",
    "max",
    "merge",
    "min",
    "not",
    "number",
    "power",
    "random",
    "string",
    "substring",
    "sum",
];
/// Where `$map` is allowed: within an array. JSONata turns an array of one into its only item, this
/// evaluator does not; with an array around it both agree.
const MAP_WITHIN: &str = "[$map(";

/// Whole numbers up to this are exact in JSONata, as in JSON of JavaScript.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// One compiled expression.
pub(crate) struct Expression {
    text: String,
    compiled: Seuil,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    /// Compiles an expression.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if let Some(unknown) = called(text).find(|name| !FUNCTIONS.contains(name)) {
            return Err(format!(
                "expected a function among ${}, found ${unknown} in {text:?}",
                FUNCTIONS.join(", $")
            ));
        }
        if text.matches("$map(").count() != text.matches(MAP_WITHIN).count() {
            return Err(format!("expected $map within an array, as [$map(…)], found {text:?}"));
        }
        // A missing value omits its key: the only way to distinguish it from null.
        let compiled = Seuil::compile(&format!("{{\"value\": ({text}\n)}}"))
            .map_err(|error| format!("{text:?} is no JSONata: {error}"))?;
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// Whether the expression reads this variable, or this part of one.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.text.contains(name)
    }

    /// Its value; `random` decides what `$random` draws.
    pub(crate) fn evaluate(
        &self,
        bindings: &Map<String, Value>,
        random: u64,
    ) -> Result<Value, StateError> {
        let environment = MockEnvironment::new(random);
        let configuration = EvalConfig::with_environment(&environment);
        let evaluated = self.compiled.evaluate_with_config_and_bindings(
            &Value::Null,
            &configuration,
            Some(bindings),
        );
        let failed = |reason: String| {
            StateError::new(QUERY_EVALUATION, format!("the expression {:?} {reason}", self.text))
        };
        match evaluated {
            Ok(Value::Object(mut object)) => object
                .remove("value")
                .map(whole)
                .ok_or_else(|| failed("returned nothing (undefined)".into())),
            Ok(other) => Err(failed(format!("returned {other}"))),
            Err(error) => Err(failed(format!("failed: {error}"))),
        }
    }
}

/// The names before a parenthesis. A `$` within a string counts, too; that rejects more than
/// necessary, and says so.
fn called(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest[end..].trim_start().starts_with('(').then_some(&rest[..end])
    })
}

/// Writes whole numbers as such: JSONata only has doubles and prints 3, not 3.0.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() <= WHOLE_MAX => {
                // Exact: checked on the line above.
                Value::Number(Number::from(float as i64))
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(whole).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, whole(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        let bindings = json!({
            "one": {"items": [{"a": 1}], "none": [], "nil": null, "count": 3},
            "two": [{"s": "a", "n": 2}, {"s": "a", "n": 3}, {"s": "b", "n": 7}],
            "quoted": "a \"b\" {% c %}",
        });
        let Value::Object(bindings) = bindings else { unreachable!("an object") };
        let expression = Expression::new(text).expect("compiles");
        expression.evaluate(&bindings, 1).unwrap_or_else(|error| json!(error.error))
    }

    #[test]
    fn values_are_those_of_jsonata_s_documentation() {
        let cases = [
            ("$one.items", json!([{"a": 1}])),
            ("$one.items.a", json!(1)),
            ("$one.none", json!([])),
            ("$one.nil", json!(null)),
            ("$one.count > 2 and $one.count < 4", json!(true)),
            ("$exists($one.missing) ? 1 : 'no'", json!("no")),
            ("$exists($one.nil)", json!(true)),
            ("$merge([$one.items[0], {'b': $one.count + 1}])", json!({"a": 1, "b": 4})),
            ("$merge([{'a': 1}, {'a': {'b': 2}}])", json!({"a": {"b": 2}})),
            ("$power(2, 3)", json!(8)),
            ("$ceil(4.2)", json!(5)),
            ("$floor(-4.2)", json!(-5)),
            ("$abs(-5)", json!(5)),
            ("$max([1, 5, 3])", json!(5)),
            ("$max([0, $one.missing])", json!(0)),
            ("$number('12')", json!(12)),
            ("$min([4, 2])", json!(2)),
            ("$sum([1, 2.5])", json!(3.5)),
            ("$count($one.items)", json!(1)),
            ("$count($one.missing)", json!(0)),
            ("$append([1], [2])", json!([1, 2])),
            ("$string($one.none)", json!("[]")),
            ("$append([], [$one.items[0]])", json!([{"a": 1}])),
            ("$substring('hé 𝄞!', 1, 3)", json!("é 𝄞")),
            ("$substring('hé', 0, 9)", json!("hé")),
            ("$length('hé')", json!(2)),
            ("$lowercase('AbC')", json!("abc")),
            ("$contains('abc', 'b')", json!(true)),
            ("$not($boolean([]))", json!(true)),
            ("$quoted & '!'", json!("a \"b\" {% c %}!")),
            ("$distinct($one.items.a)", json!(1)),
            ("$distinct([3, 1, 3])", json!([3, 1])),
            ("[$map($one.items, function($item) {$item.a + 1})]", json!([2])),
            ("[$map([1, 2], function($item) {{'n': $item}})]", json!([{"n": 1}, {"n": 2}])),
            ("[$map($one.none, function($item) {$item})]", json!([])),
            (
                "[$map($distinct($two.s), function($s) {($of := $two[s = $s]; {'s': $s, 'n': $count($of), 'sum': $sum($of.n)})})]",
                json!([{"s": "a", "n": 2, "sum": 5}, {"s": "b", "n": 1, "sum": 7}]),
            ),
            (
                "[$map($distinct($one.items.a), function($a) {($of := $one.items[a = $a]; {'n': $count($of), 'sum': $sum($of.a)})})]",
                json!([{"n": 1, "sum": 1}]),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_without_a_value_is_an_error_of_its_state() {
        for text in ["$one.missing", "$nobody", "'a' > 1", "1 + 'a'"] {
            assert_eq!(value(text), json!(QUERY_EVALUATION), "{text}");
        }
    }

    #[test]
    fn chance_is_what_the_seed_makes_it() {
        let draw = Expression::new("$random()").expect("compiles");
        let drawn = |seed| draw.evaluate(&Map::new(), seed).expect("a number");
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(3).as_f64().is_some_and(|number| (0.0..1.0).contains(&number)));
    }

    #[test]
    fn functions_that_have_not_been_compared_are_refused() {
        let refused = Expression::new("$map([1], function($x) {$x})").expect_err("not compared");
        assert!(refused.contains("within an array"), "{refused}");
        let refused = Expression::new("$sort([1])").expect_err("not compared");
        assert!(refused.contains("found $sort"), "{refused}");
        assert!(Expression::new("1 +").is_err());
    }
}
