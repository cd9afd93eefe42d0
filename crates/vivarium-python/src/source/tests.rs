#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn variables(names: &[&str]) -> Vec<BoundVariable> {
    names.iter().map(|name| BoundVariable { name: (*name).to_owned(), value: Value::from(1) }).collect()
}

fn with(source: &str, minor: u16) -> String {
    prepare(source, &variables(&["x", "y", "long_name"]), minor).unwrap().source
}

/// The same for the rules before and after PEP 701.
fn both(source: &str) -> String {
    let (old, new) = (with(source, 11), with(source, 12));
    assert_eq!(old, new, "{source}");
    old
}

#[test]
fn tokens_in_code_become_identifiers_of_the_same_length() {
    assert_eq!(both("print($x, $long_name+$y)"), "print(_x, _long_name+_y)");
    assert_eq!(both("a=$x;b = [$y]"), "a=_x;b = [_y]");
    assert_eq!(both("$x.strip()[$y:$x]"), "_x.strip()[_y:_x]");
    assert_eq!(both("$xx $x_ $x1"), "$xx $x_ $x1");
}

#[test]
fn text_and_comments_stay() {
    for text in [
        "'$x'",
        "\"$x\"",
        "r'\\'$x'",
        "b\"$x\"",
        "Rb'$x'",
        "u'$x'",
        "'''a\n$x'''",
        "\"\"\"$x\"'$x\"\"\"",
        "'\\'$x'",
        "'\\\n$x'",
        "# $x",
        "1 # '\n# $x",
    ] {
        assert_eq!(both(text), text);
    }
    assert_eq!(both("'$x' + $x # $x\n$y"), "'$x' + _x # $x\n_y");
    assert_eq!(both("'''\n'$x' ''' + $x"), "'''\n'$x' ''' + _x");
    assert_eq!(both("xr'$x'"), "xr'$x'");
    assert_eq!(both("'' + $x + ''"), "'' + _x + ''");
}

#[test]
fn fields_of_f_strings_are_code() {
    assert_eq!(both("f'{$x} $x {{$x}} {$y!r}'"), "f'{_x} $x {{$x}} {_y!r}'");
    assert_eq!(both("f'{$x:>{$y}} $x'"), "f'{_x:>{_y}} $x'");
    assert_eq!(both("f'{$x:$y}'"), "f'{_x:$y}'");
    assert_eq!(both("rf'\\{$x}' + F\"{$x['$y']}\""), "rf'\\{_x}' + F\"{_x['$y']}\"");
    assert_eq!(both("f'{ {\"a\": $x}[\"a\"] }'"), "f'{ {\"a\": _x}[\"a\"] }'");
    assert_eq!(both("f'\\N{DASH}{$x}'"), "f'\\N{DASH}{_x}'");
    assert_eq!(both("f'''{\n$x\n}\n$x'''+$y"), "f'''{\n_x\n}\n$x'''+_y");
    assert_eq!(both("f'{f\"{$x} $x\"} $x' + $y"), "f'{f\"{_x} $x\"} $x' + _y");
    assert_eq!(both("f'{(lambda a: $x)(1)}'"), "f'{(lambda a: _x)(1)}'");
    assert_eq!(both("f'{$x=}'"), "f'{_x=}'");
}

#[test]
fn nested_quotes_follow_the_rules_of_the_version() {
    assert_eq!(with("f'{$x['$y']}' + $x", 12), "f'{_x['$y']}' + _x");
    assert_eq!(with("f'{f'{$x}'}' + $y", 12), "f'{f'{_x}'}' + _y");
    // Before 3.12 the literal ends at the second quote, and `$y` is code between two literals.
    assert_eq!(with("f'{$x['$y']}'", 11), "f'{_x['_y']}'");
    assert_eq!(with("t'{$x} $x'", 14), "t'{_x} $x'");
}

#[test]
fn what_is_unfinished_spoils_only_its_own_line() {
    assert_eq!(both("'abc\n$x"), "'abc\n_x");
    assert_eq!(both("f'abc\n$x"), "f'abc\n_x");
    assert_eq!(with("f'{a\n$x", 11), "f'{a\n_x");
    assert_eq!(both("\"\"\"\n$x"), "\"\"\"\n$x");
}

#[test]
fn a_token_that_touches_a_word_is_none() {
    for text in ["a$x", "1$x", "é$x", "$xé", "$x$y$"] {
        let expected = if text == "$x$y$" { "_x$y$" } else { text };
        assert_eq!(both(text), expected);
    }
}

#[test]
fn assignments_are_refused_with_their_line() {
    for text in [
        "$x = 1",
        "$x=1",
        "$x += 1",
        "$x **= 2",
        "$x >>= 2",
        "($x := 1)",
        "$x \\\n = 1",
        "for $x in []: pass",
        "del $x",
        "import os as $x",
        "a = $x = 3",
    ] {
        let source = format!("# first\n{text}");
        let error = prepare(&source, &variables(&["x"]), 12).unwrap_err();
        assert_eq!(error, SourceError::Assignment { name: "x".to_owned(), line: 2 }, "{text}");
    }
    let error = prepare("\n\n$x = 1", &variables(&["x"]), 12).unwrap_err().to_string();
    assert_eq!(error, "SyntaxError: cannot assign to variable `$x`; hint: use `==` to compare (line 3)");
}

#[test]
fn comparisons_and_arguments_are_no_assignments() {
    for text in ["$x == 1", "$x<=1", "$x >= 1", "$x != 1", "f(a=$x)", "a = $x", "[a for a in $x]", "{$x: 1}", "a[$x:]"]
    {
        assert!(prepare(text, &variables(&["x"]), 12).is_ok(), "{text}");
    }
}

#[test]
fn undeclared_names_are_left_and_told() {
    let prepared = prepare("a = 1\nprint($z, '$w')\n", &variables(&["x"]), 12).unwrap();
    assert_eq!(prepared.source, "a = 1\nprint($z, '$w')\n");
    assert_eq!(prepared.undeclared, [(2, "z".to_owned())]);
}

#[test]
fn a_name_of_the_script_is_never_hidden() {
    let prepared = prepare("_x = 5\nprint(_x, $x)", &variables(&["x"]), 12).unwrap();
    assert_eq!(prepared.source, "_x = 5\nprint(_x, jx)");
    assert_eq!(Vec::from_iter(prepared.values.keys()), ["jx"]);
}

#[test]
fn line_ends_and_byte_order_marks_are_pythons_business() {
    assert_eq!(with("\u{feff}a\r\nb\r$x", 12), "a\nb\n_x");
}

#[test]
fn deep_nesting_costs_neither_stack_nor_time() {
    let deep = "f'{".repeat(200_000) + "$x";
    assert!(with(&deep, 12).len() >= deep.len());
    assert!(with(&deep, 11).len() >= deep.len());
}

proptest! {
    /// Values never reach the text, whatever they and the source are; lines stay where they are.
    #[test]
    fn values_are_data(source in "[a-z$x{}'\"#\\\\\n f(:]{0,60}", value in ".*", minor in 8u16..15) {
        let variable = |text: &str| vec![BoundVariable { name: "x".to_owned(), value: Value::from(text) }];
        let one = prepare(&source, &variable(&value), minor);
        let other = prepare(&source, &variable("other"), minor);
        prop_assert_eq!(one.as_ref().map(|one| &one.source), other.as_ref().map(|other| &other.source));
        if let Ok(prepared) = one {
            prop_assert_eq!(prepared.source.matches('\n').count(), source.matches('\n').count());
            prop_assert_eq!(prepared.source.len(), source.len());
        }
    }

    /// Any text at all is read without a panic, and without variables nothing changes.
    #[test]
    fn any_text_is_read(source in any::<String>(), minor in 8u16..15) {
        let prepared = prepare(&source, &[], minor).unwrap();
        prop_assert_eq!(prepared.source, normalised(&source));
    }

    #[test]
    fn hidden_names_are_new_identifiers(name in "[A-Za-z0-9_]{1,12}", source in "[_a-zA-Z0-9 ]{0,80}") {
        let words = names::words(&source);
        let hidden = names::hidden(&name, &words);
        prop_assert!(!words.contains(hidden.as_str()));
        prop_assert!(!hidden.starts_with(|first: char| first.is_ascii_digit()));
        prop_assert!(!hidden.starts_with("__"));
    }
}
