//! Variables of scripts: from what a request gives to values that a script sees (Strategy contract 5, 7.1, 10.1).

use serde_json::Value;

use super::literal::parse_python_literal;
use crate::error::FieldError;

/// Type of a variable, with its number on the wire (Strategy contract 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariableType {
    /// 0.
    Reserved,
    /// 1: a Python `str`.
    Text,
    /// 2: a Python `int` or `float`.
    Numerical,
    /// 3: an ISO date in a Python `str`.
    Date,
    /// 4: a Python `str` that no answer ever shows.
    Secret,
    /// 5: an ISO date and time in a Python `str`.
    DateTime,
    /// 4106: resolved by the server for the running user.
    SystemPrompt,
    /// 32769: what happened to each row of a transaction.
    RowProvenance,
}

impl VariableType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Reserved,
        Self::Text,
        Self::Numerical,
        Self::Date,
        Self::Secret,
        Self::DateTime,
        Self::SystemPrompt,
        Self::RowProvenance,
    ];

    /// Its number on the wire.
    pub fn code(self) -> u32 {
        match self {
            Self::Reserved => 0,
            Self::Text => 1,
            Self::Numerical => 2,
            Self::Date => 3,
            Self::Secret => 4,
            Self::DateTime => 5,
            Self::SystemPrompt => 4106,
            Self::RowProvenance => 32769,
        }
    }

    /// From its number.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u64::from(kind.code()) == code)
    }
}

/// A value as a request gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenValue {
    /// None at all.
    Absent,
    /// Any JSON value; texts may hold a Python literal where a list or a number is wanted.
    Json(Value),
}

/// A variable of ad-hoc code: definition and value in one.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenVariable {
    /// Name without the `$`.
    pub name: String,
    /// Type.
    pub kind: VariableType,
    /// Whether the value is a list.
    pub multiple: bool,
    /// The value.
    pub value: GivenValue,
}

/// A variable ready for the script: `$name` stands for `value`, as data, never as code.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundVariable {
    /// Name without the `$`.
    pub name: String,
    /// Null, a text, a number or a list of these.
    pub value: Value,
}

/// Binds every variable, or names each that cannot be bound as `variables[N].value` and the like.
pub fn bind(given: &[GivenVariable]) -> Result<Vec<BoundVariable>, Vec<FieldError>> {
    let mut bound: Vec<BoundVariable> = Vec::with_capacity(given.len());
    let mut faults = Vec::new();
    for (index, variable) in given.iter().enumerate() {
        if !is_variable_name(&variable.name) {
            faults.push(FieldError::new(format!("variables[{index}].name"), "must consist of letters, digits and `_`"));
        } else if bound.iter().any(|earlier| earlier.name == variable.name) {
            faults.push(FieldError::new(
                format!("variables[{index}].name"),
                format!("`{}` is there twice", variable.name),
            ));
        }
        match bind_value(variable) {
            Ok(value) => bound.push(BoundVariable { name: variable.name.clone(), value }),
            Err(reason) => faults.push(FieldError::new(format!("variables[{index}].value"), reason)),
        }
    }
    if faults.is_empty() { Ok(bound) } else { Err(faults) }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 250 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn bind_value(variable: &GivenVariable) -> Result<Value, String> {
    match &variable.value {
        GivenValue::Absent | GivenValue::Json(Value::Null) => {
            Ok(if variable.multiple { Value::Array(Vec::new()) } else { Value::Null })
        }
        GivenValue::Json(value) if variable.multiple => bind_list(variable.kind, value),
        GivenValue::Json(value) => bind_scalar(variable.kind, value),
    }
}

/// A list comes as a JSON array, as JSON text or as the text of a Python list; an empty text is an empty list.
fn bind_list(kind: VariableType, value: &Value) -> Result<Value, String> {
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => match serde_json::from_str(text).ok().or_else(|| parse_python_literal(text)) {
            Some(Value::Array(items)) => items,
            _ => return Err("must be a list, as JSON or as a Python literal".to_owned()),
        },
        _ => return Err("must be a list, as JSON or as a Python literal".to_owned()),
    };
    items.iter().map(|item| if item.is_null() { Ok(Value::Null) } else { bind_scalar(kind, item) }).collect()
}

fn bind_scalar(kind: VariableType, value: &Value) -> Result<Value, String> {
    match (kind, value) {
        (VariableType::Numerical, Value::Number(_)) => Ok(value.clone()),
        (VariableType::Numerical, Value::String(text)) => parse_number(text),
        (VariableType::Numerical, _) => Err("must be a number".to_owned()),
        (_, Value::String(_)) => Ok(value.clone()),
        (_, Value::Number(number)) => Ok(Value::String(number.to_string())),
        (_, Value::Bool(truth)) => Ok(Value::String(if *truth { "True" } else { "False" }.to_owned())),
        _ => Err("must be a single value; set `multiple` for a list".to_owned()),
    }
}

/// An `int` of 64 bits or a finite `float`; an empty text is an unanswered number.
/// A larger whole number is refused: as a float it would silently become another one.
fn parse_number(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    if text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("whole numbers must fit into 64 bits; pass a larger one as text".to_owned());
    }
    let float = text.parse::<f64>().ok().filter(|number| number.is_finite());
    float.map(Value::from).ok_or_else(|| format!("`{}` is not a number", text.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(kind: VariableType, multiple: bool, value: Value) -> Result<Value, String> {
        bind_value(&GivenVariable { name: "x".to_owned(), kind, multiple, value: GivenValue::Json(value) })
    }

    #[test]
    fn numbers_come_as_numbers_or_as_texts() {
        for (given, value) in [
            (json!("42"), json!(42)),
            (json!("1.5"), json!(1.5)),
            (json!(7), json!(7)),
            (json!("-9223372036854775808"), json!(i64::MIN)),
            (json!(""), json!(null)),
            (json!(null), json!(null)),
        ] {
            assert_eq!(bound(VariableType::Numerical, false, given.clone()), Ok(value), "{given}");
        }
        for text in ["9223372036854775808", "1e999", "nan", "inf", "0x10", "1_000", "__import__('os')"] {
            assert!(bound(VariableType::Numerical, false, json!(text)).is_err(), "{text}");
        }
        assert!(bound(VariableType::Numerical, false, json!(true)).is_err());
    }

    #[test]
    fn lists_come_as_json_as_json_text_or_as_python_literals() {
        for given in [json!(["a", "it's"]), json!("[\"a\", \"it's\"]"), json!("['a', \"it's\"]")] {
            assert_eq!(bound(VariableType::Text, true, given.clone()), Ok(json!(["a", "it's"])), "{given}");
        }
        assert_eq!(bound(VariableType::Numerical, true, json!("[1, 2.5]")), Ok(json!([1, 2.5])));
        assert_eq!(bound(VariableType::Text, true, json!("")), Ok(json!([])));
        assert!(bound(VariableType::Text, true, json!("a, b")).is_err());
        assert!(bound(VariableType::Text, false, json!(["a"])).is_err());
    }

    #[test]
    fn texts_stay_what_they_are_whatever_they_hold() {
        for text in ["'); import os #", "\u{0}", "ünï", "$x", "{x}"] {
            for kind in [VariableType::Text, VariableType::Secret, VariableType::Date, VariableType::DateTime] {
                assert_eq!(bound(kind, false, json!(text)), Ok(json!(text)));
            }
        }
    }

    #[test]
    fn each_faulty_variable_is_named() {
        let variable = |name: &str, value: Value| GivenVariable {
            name: name.to_owned(),
            kind: VariableType::Numerical,
            multiple: false,
            value: GivenValue::Json(value),
        };
        let given =
            [variable("a", json!(1)), variable("a", json!(1)), variable("b c", json!("x")), variable("", json!(1))];
        let fields: Vec<_> = bind(&given).unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["variables[1].name", "variables[2].name", "variables[2].value", "variables[3].name"]);
    }
}
