//! Code to evaluate (contract 7.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vivarium_domain::evaluation::{GivenValue, GivenVariable, StartEvaluation, VariableType};
use vivarium_domain::{Error, ErrorKind, Result};

use super::reader::{Faults, Object};

/// The code, its runtime and its variables. Unknown keys, `_sourceScript` above all, are ignored.
pub(crate) fn start_evaluation(document: &Value) -> Result<StartEvaluation> {
    let faults = Faults::default();
    let root = faults.root(document)?;
    if root.value("scriptContent").is_none() && root.value("id").is_some() {
        let message =
            "this server keeps no scripts yet, so it cannot find one by `id`; send its code in `scriptContent`";
        return Err(Error::new(ErrorKind::NotSupported, message));
    }
    let content = root.required("scriptContent", root.text("scriptContent"));
    let source =
        content.and_then(|content| decoded(&content).map_err(|reason| root.fault("scriptContent", reason)).ok());
    let runtime = root.id("scriptRuntimeId");
    let variables = root.objects("variables").unwrap_or_default().iter().filter_map(variable).collect();
    faults.check()?;
    Ok(StartEvaluation { runtime, source: source.unwrap_or_default(), variables, waits: false })
}

/// The source text that `content` encodes. A byte order mark at its begin, which some editors write, is left out.
fn decoded(content: &str) -> Result<String, String> {
    if content.is_empty() {
        return Err("must not be empty".to_owned());
    }
    let bytes = STANDARD
        .decode(content)
        .map_err(|fault| format!("must be base64 of the standard alphabet with padding, on one line: {fault}"))?;
    let text = String::from_utf8(bytes).map_err(|fault| {
        format!("must encode UTF-8 text: byte {} does not belong there", fault.utf8_error().valid_up_to())
    })?;
    if let Some(position) = text.find('\0') {
        return Err(format!("must not contain NUL characters: there is one at byte {position}"));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn variable(variable: &Object<'_>) -> Option<GivenVariable> {
    let name = variable.required("name", variable.text("name"));
    let kind = variable_type(variable);
    let multiple = variable.flag("multiple").unwrap_or_default();
    for key in ["prompt", "required"] {
        variable.flag(key);
    }
    check_stored_value(variable, kind);
    let value = variable.value("value").cloned().map_or(GivenValue::Absent, GivenValue::Json);
    Some(GivenVariable { name: name?, kind: kind?, multiple, value })
}

fn variable_type(variable: &Object<'_>) -> Option<VariableType> {
    let code = variable.required("type", variable.integer("type"))?;
    let kind = u64::try_from(code).ok().and_then(VariableType::from_code);
    if kind.is_none() {
        let codes = VariableType::ALL.map(|kind| kind.code().to_string()).join(", ");
        variable.fault("type", format!("must be one of {codes}"));
    }
    kind
}

/// `secretValueInput` false says that the value is one the server has stored with a script.
fn check_stored_value(variable: &Object<'_>, kind: Option<VariableType>) {
    let stored = variable.flag("secretValueInput") == Some(false);
    let empty = variable.value("value").is_none_or(|value| value.as_str() == Some(""));
    if stored && (empty || kind == Some(VariableType::Secret)) {
        variable.fault(
            "secretValueInput",
            "must be true: this server keeps no scripts yet and so has no stored value; send the value itself",
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_byte_order_mark_is_left_out_and_everything_else_kept() {
        let content = STANDARD.encode("\u{feff}print('Grüße')\r\n");
        let request = start_evaluation(&json!({"scriptContent": content})).unwrap();
        assert_eq!(request.source, "print('Grüße')\r\n");
        assert!(request.runtime.is_none() && request.variables.is_empty());
    }

    #[test]
    fn what_is_no_source_text_is_refused_with_the_place() {
        for (content, hint) in [
            ("", "empty"),
            ("x", "base64"),
            ("cHJp\nbnQ=", "base64"),
            ("cHI", "base64"),
            ("_-8=", "base64"),
            ("/w==", "byte 0"),
            ("YQA=", "NUL characters: there is one at byte 1"),
        ] {
            let reason = decoded(content).unwrap_err();
            assert!(reason.contains(hint), "{content:?}: {reason}");
        }
    }

    #[test]
    fn every_type_of_variable_is_read() {
        for kind in VariableType::ALL {
            let variable = json!({"name": "v", "type": kind.code(), "value": "1", "_sourceScript": {"code": null}});
            let request = start_evaluation(&json!({"scriptContent": "cA==", "variables": [variable]})).unwrap();
            assert_eq!(request.variables[0].kind, kind);
        }
    }
}
