//! What flows rely on, whichever version of the `cel` crate: results, refusals, bounds.

use proptest::prelude::*;

use super::*;

fn variables() -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("name".to_owned(), Value::text("Ada")),
        ("age".to_owned(), Value::Integer(36)),
        ("score".to_owned(), Value::Number(2.5)),
        ("member".to_owned(), Value::Boolean(true)),
    ])
}

fn kinds() -> BTreeMap<String, Kind> {
    let kinds = [
        ("name", Kind::Text),
        ("age", Kind::Integer),
        ("score", Kind::Number),
        ("member", Kind::Boolean),
    ];
    kinds.map(|(name, kind)| (name.to_owned(), kind)).into()
}

fn eval(source: &str) -> Result<Value, EvaluationError> {
    Expression::parse(source).unwrap().evaluate(&variables())
}

#[test]
fn expressions_see_variables() {
    for (source, value) in [
        ("age >= 18 && member", true.into()),
        ("name.startsWith('A') ? 'yes' : 'no'", "yes".into()),
        ("size(name) + 1", 4.into()),
        ("name in ['Ada', \"Bob\"]", true.into()),
        ("string(age) + '!'", "36!".into()),
        ("int('7') * -1", (-7).into()),
        ("[10, 20][1]", 20.into()),
        ("1.5 * 2.0", Value::Number(3.0)),
        ("age < 36.5", true.into()),
        ("1 + 2 * 3 - 4 / 2 % 3", 5.into()),
        ("false || !(age == 36) || name != 'Bob'", true.into()),
        ("-9223372036854775808", i64::MIN.into()),
        ("'a\\'b\\n'.size()", 4.into()),
        ("member ? age : 0", 36.into()),
        ("null == null", true.into()),
        ("'\\u00e9' + r'\\n'", "é\\n".into()),
        ("0x1F // a comment", 31.into()),
        ("size('é')", 1.into()),
        ("bool('true') && !bool('0')", true.into()),
        ("double('1.5') + 1.0", Value::Number(2.5)),
    ] {
        assert_eq!(eval(source), Ok(value), "{source}");
    }
}

#[test]
fn an_error_is_absorbed_when_the_other_side_decides() {
    for (source, value) in [
        ("1 / 0 == 1 || true", true),
        ("true || 1 / 0 == 1", true),
        ("1 / 0 == 1 && false", false),
    ] {
        assert_eq!(eval(source), Ok(value.into()), "{source}");
    }
    assert_eq!(eval("1 / 0 == 1 && true"), Err(EvaluationError::Values));
}

#[test]
fn errors_tell_types_from_values() {
    for (source, error) in [
        ("age + name", EvaluationError::Types),
        ("name < 3", EvaluationError::Types),
        ("age + 1.5", EvaluationError::Types),
        ("1 / 0", EvaluationError::Values),
        ("1.0 / 0.0", EvaluationError::Values),
        ("int(name)", EvaluationError::Values),
        ("missing + 1", EvaluationError::Values),
        ("[1][1]", EvaluationError::Values),
        ("9223372036854775807 + age", EvaluationError::Values),
        ("[1]", EvaluationError::Result),
    ] {
        assert_eq!(eval(source), Err(error), "{source}");
    }
}

#[test]
fn whole_numbers_that_leave_their_range_are_errors() {
    let least = BTreeMap::from([("least".to_owned(), Value::Integer(i64::MIN))]);
    for source in [
        "-least",
        "least / -1",
        "least % -1",
        "least * -1",
        "least - 1",
        "least % 0",
        "int(1e300)",
        "int(0.0 / 0.0)",
        "int('9223372036854775808')",
        "[1][least]",
    ] {
        let expression = Expression::parse(source).unwrap();
        assert!(expression.evaluate(&least).is_err(), "{source}");
    }
}

#[test]
fn a_variable_may_be_called_like_a_type_or_a_function() {
    let variables = BTreeMap::from([
        ("string".to_owned(), Value::text("7")),
        ("size".to_owned(), Value::Integer(1)),
    ]);
    let expression = Expression::parse("string == '7' && size == size(string)").unwrap();
    assert_eq!(expression.evaluate(&variables), Ok(true.into()));
}

#[test]
fn what_flows_do_not_have_is_refused_by_name() {
    for (source, what) in [
        ("[1, 2].all(x, x > 0)", "the function `all`"),
        ("[1, 2].map(x, x * 2)", "the function `map`"),
        ("name.matches('(a+)+$')", "the function `matches`"),
        ("optional.of(1)", "the function `of`"),
        ("type(1) == int", "the function `type`"),
        ("size(has(a.b))", "the function `has`"),
        ("a.b", "the field `b`"),
        (".a", "the name `.a`"),
        ("Foo{a: 1}", "a message"),
        ("[{'a': 1}]", "a map"),
        ("b'a'", "bytes"),
        ("1u", "a number with u"),
    ] {
        assert_eq!(
            Expression::parse(source),
            Err(InvalidExpression::NotAvailable(what.to_owned())),
            "{source}"
        );
    }
}

#[test]
fn a_function_called_wrongly_is_shown_how_to_call_it() {
    for (source, right) in [
        ("contains('a', 'b')", "text.contains(part)"),
        ("name.contains()", "text.contains(part)"),
        ("name.int()", "int(value)"),
        ("string(1, 2)", "string(value)"),
        ("name.size(1)", "size(value)"),
    ] {
        match Expression::parse(source) {
            Err(InvalidExpression::Call { usage, .. }) => assert_eq!(usage, right),
            other => panic!("{source}: {other:?}"),
        }
    }
}

/// Of every shape one expression that is as large as may be.
fn largest() -> Vec<String> {
    let deep = |open: &str, inner: &str, close: &str| {
        open.repeat(bounds::MAX_DEPTH) + inner + &close.repeat(bounds::MAX_DEPTH)
    };
    let left = bounds::MAX_OPERATORS - bounds::MAX_DEPTH;
    let sum = vec!["age"; left + 1].join("+");
    vec![
        deep("(", &sum, ")"),
        deep("[", &sum, "]"),
        deep("(member?", &"!".repeat(left - 16), "member:true)"),
        "-(".repeat(16) + &vec!["age"; left - 15].join("*") + &")".repeat(16),
        "size([".repeat(8) + "1" + &"])".repeat(8),
        vec!["member"; 129].join("&&"),
        vec!["age"; 129].join(" in "),
        "member?1:".repeat(128) + "1",
        "!".repeat(128) + "member",
        "-".repeat(128) + "age",
        "name".to_owned() + &".size()".repeat(64),
        "name".to_owned() + &"[0]".repeat(128),
        format!("[{}]", vec!["1"; 2000].join(",")),
        // Not closed, and full of mistakes.
        "(".repeat(16),
        "!!(!!!!!!(!!!!(((((!!(!!(!!!!((".to_owned(),
        "[ member ? ".repeat(16),
        "? : ".repeat(128),
        "' ".repeat(2000),
        "name name ".repeat(400),
    ]
}

/// Threads have 2 MiB; what is parsed and evaluated takes a quarter of it at most.
#[test]
fn the_largest_expressions_fit_into_half_a_mebibyte_of_stack() {
    for source in largest() {
        let thread = std::thread::Builder::new().stack_size(512 << 10);
        let run = move || {
            bounds::check(&source).unwrap_or_else(|error| panic!("{source}: {error}"));
            if let Ok(expression) = Expression::parse(source) {
                let _ = (
                    expression.evaluate(&variables()),
                    expression.type_of(&kinds()),
                );
            }
        };
        thread.spawn(run).unwrap().join().unwrap();
    }
}

#[test]
fn size_and_depth_are_bounded() {
    for source in [
        "(".repeat(17) + "1" + &")".repeat(17),
        "([{".repeat(6),
        "-".repeat(129) + "age",
        "!".repeat(129) + "true",
        "true?1:".repeat(129) + "1",
        ["1"; 130].join("+"),
        ["1"; 130].join("=="),
        ["1"; 130].join(" in "),
        ["true"; 130].join("||"),
        "name".to_owned() + &"[0]".repeat(129),
        "name".to_owned() + &".f".repeat(129),
        "[]".repeat(129),
    ] {
        assert_eq!(
            Expression::parse(source),
            Err(InvalidExpression::TooComplex)
        );
    }
    assert_eq!(
        Expression::parse("1".repeat(4097)),
        Err(InvalidExpression::TooLong)
    );
    for source in [
        "(".repeat(16) + "1" + &")".repeat(16),
        ["age"; 129].join("+"),
        format!("0.5 in [{}]", ["0.5"; 500].join(", ")),
        format!("[{}] == []", ["'inside'"; 300].join(", ")),
    ] {
        Expression::parse(source)
            .unwrap()
            .evaluate(&variables())
            .unwrap();
    }
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    for (source, line, character) in [
        ("", 1, 1),
        ("1 +", 1, 4),
        ("age >", 1, 6),
        ("'abc", 1, 1),
        ("1 2", 1, 3),
        ("a = b", 1, 3),
        ("age > 1 &&\n  if", 2, 3),
        ("99999999999999999999", 1, 1),
        ("3x", 1, 2),
        ("'é' + é", 1, 7),
    ] {
        match Expression::parse(source) {
            Err(InvalidExpression::Syntax {
                line: l,
                character: c,
                problem,
            }) => {
                assert_eq!((l, c), (line, character), "{source}: {problem}");
                assert!(problem.len() < 80, "{problem}");
            }
            other => panic!("{source}: {other:?}"),
        }
    }
}

#[test]
fn types_are_known_without_values() {
    for (source, kind) in [
        ("age + 1", Ok(Kind::Integer)),
        ("member ? name : ''", Ok(Kind::Text)),
        ("age > score", Ok(Kind::Boolean)),
        ("[1, 2][0]", Ok(Kind::Integer)),
        (
            "age + name",
            Err("the types do not fit: a whole number + text"),
        ),
        (
            "name == 1",
            Err("the types do not fit: text == a whole number"),
        ),
        ("name in [1]", Err("the types do not fit: text in a list")),
        ("!name", Err("the types do not fit: ! before text")),
    ] {
        let found = Expression::parse(source).unwrap().type_of(&kinds());
        let wanted = kind.map(Type::One).map_err(str::to_owned);
        assert_eq!(found.map_err(|error| error.to_string()), wanted, "{source}");
    }
}

#[test]
fn an_expression_is_its_source_in_json() {
    let expression = Expression::parse("age > 1").unwrap();
    let json = serde_json::to_string(&expression).unwrap();
    assert_eq!(json, "\"age > 1\"");
    assert_eq!(
        serde_json::from_str::<Expression>(&json).unwrap(),
        expression
    );
    assert!(serde_json::from_str::<Expression>("\"age >\"").is_err());
}

/// Sources that are well formed but not always well typed.
fn sources() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_i64..40).prop_map(|n| n.to_string()),
        (0_u32..8).prop_map(|n| format!("{n}.5")),
        "'[a-d]{0,3}'",
        Just("true".to_owned()),
        Just("null".to_owned()),
        prop::sample::select(vec!["name", "age", "score", "member", "unknown"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operators = vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||",
        ];
        prop_oneof![
            6 => (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            1 => inner.clone().prop_map(|a| format!("size({a})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}).contains({b})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} in [{b}, {b}])")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A well-typed expression over bound variables can only fail by its values.
    #[test]
    fn what_has_a_type_never_fails_for_its_types(source in sources()) {
        let expression = Expression::parse(source.as_str()).unwrap();
        prop_assume!(!expression.variables().contains("unknown"));
        if expression.type_of(&kinds()).is_ok() {
            prop_assert_ne!(expression.evaluate(&variables()), Err(EvaluationError::Types), "{}", source);
        }
    }

    #[test]
    fn no_text_panics(source in ".{0,80}") {
        if let Ok(expression) = Expression::parse(source) {
            let _ = (expression.evaluate(&variables()), expression.type_of(&kinds()));
        }
    }
}
