//! JSON in which any text may be an expression.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::error::StateError;
use crate::expression::Expression;

/// A value of a definition, its expressions compiled.
#[derive(Debug)]
pub(crate) enum Template {
    Literal(Value),
    Expression(Box<Expression>),
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Template {
    fn new(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix("{%") {
                Some(rest) => match rest.strip_suffix("%}") {
                    Some(expression) => {
                        Self::Expression(Box::new(Expression::new(expression.trim())?))
                    }
                    None => return Err(format!("expected an expression to end in %}}: {text:?}")),
                },
                None => Self::Literal(Value::String(text)),
            },
            Value::Array(items) => {
                Self::Array(items.into_iter().map(Self::new).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => Self::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| Ok((name, Self::new(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            literal => Self::Literal(literal),
        })
    }

    /// Its value; every expression draws its own random numbers.
    pub(crate) fn evaluate(
        &self,
        bindings: &Map<String, Value>,
        random: &mut dyn FnMut() -> u64,
    ) -> Result<Value, StateError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(bindings, random()),
            Self::Array(items) => {
                let items = items.iter().map(|item| item.evaluate(bindings, random));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Self::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), value.evaluate(bindings, random)?)));
                Ok(Value::Object(fields.collect::<Result<_, StateError>>()?))
            }
        }
    }

    /// Whether an expression within reads this variable, or this part of one.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Expression(expression) => expression.mentions(name),
            Self::Array(items) => items.iter().any(|item| item.mentions(name)),
            Self::Object(fields) => fields.iter().any(|(_, value)| value.mentions(name)),
        }
    }

    /// The names that it sets as an `Assign`; none if it is not an object.
    pub(crate) fn assigned(&self) -> Option<Vec<&str>> {
        match self {
            Self::Object(fields) => Some(fields.iter().map(|(name, _)| name.as_str()).collect()),
            _ => None,
        }
    }
}
