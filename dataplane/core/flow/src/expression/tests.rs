//! Expressions against their definition, and against the `cel` crate.

use std::sync::Arc;

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
    variables()
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.kind()?)))
        .collect()
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
fn what_flows_do_not_have_is_refused_by_name() {
    for (source, what) in [
        ("[1, 2].all(x, x > 0)", "the function `all`"),
        ("name.matches('(a+)+$')", "the function `matches`"),
        ("a.b", "the field `b`"),
        ("Foo{a: 1}", "a message"),
        ("{'a': 1}", "a map"),
        ("r'a'", "raw text or bytes"),
        ("'''a'''", "text in triple quotes"),
    ] {
        assert_eq!(
            Expression::parse(source),
            Err(InvalidExpression::NotAvailable(what.to_owned())),
            "{source}"
        );
    }
}

#[test]
fn size_and_depth_are_bounded() {
    for source in [
        "(".repeat(200) + "1" + &")".repeat(200),
        "-".repeat(400) + "age",
        "!".repeat(400) + "true",
        "true?1:".repeat(40) + "1",
        ["1"; 300].join("+"),
        "[".repeat(40) + &"]".repeat(40),
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
        "(".repeat(31) + "1" + &")".repeat(31),
        ["age"; 250].join("+"),
    ] {
        Expression::parse(source)
            .unwrap()
            .evaluate(&variables())
            .unwrap();
    }
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    for (source, position) in [
        ("", 1),
        ("1 +", 4),
        ("age >", 6),
        ("'abc", 1),
        ("1 2", 3),
        ("a = b", 3),
        ("if", 1),
        ("contains('a', 'b')", 9),
        ("99999999999999999999", 1),
        ("3x", 1),
        ("é", 1),
    ] {
        match Expression::parse(source) {
            Err(InvalidExpression::Syntax { position: at, .. }) => {
                assert_eq!(at, position, "{source}");
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

fn reference(source: &str) -> Option<cel::Value> {
    let source = source.to_owned();
    let run = move || {
        let program = cel::Program::compile(&source).unwrap();
        let mut context = cel::Context::default();
        context.add_variable_from_value("name", cel::Value::String(Arc::new("Ada".to_owned())));
        context.add_variable_from_value("age", cel::Value::Int(36));
        context.add_variable_from_value("score", cel::Value::Float(2.5));
        context.add_variable_from_value("member", cel::Value::Bool(true));
        program.execute(&context).ok()
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    thread.unwrap().join().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where both have a value it is the same one, and ours is never there when CEL has none.
    #[test]
    fn values_are_those_of_the_cel_crate(source in sources()) {
        let ours = eval(&source);
        let theirs = reference(&source);
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) => {
                let theirs = match theirs {
                    cel::Value::Null => Value::Null,
                    cel::Value::Bool(truth) => Value::Boolean(truth),
                    cel::Value::Int(number) => Value::Integer(number),
                    cel::Value::UInt(number) => Value::Integer(i64::try_from(number).unwrap()),
                    cel::Value::Float(number) => Value::Number(number),
                    cel::Value::String(text) => Value::Text(text.to_string()),
                    other => panic!("{source}: {other:?}"),
                };
                prop_assert!(ours == theirs, "{}: {} and {}", source, ours, theirs);
            }
            (Ok(ours), None) => prop_assert!(false, "{}: only ours: {}", source, ours),
            (Err(_), Some(cel::Value::Float(number))) => prop_assert!(!number.is_finite(), "{}", source),
            (Err(error), Some(theirs)) => prop_assert!(false, "{}: {} but {:?}", source, error, theirs),
            (Err(_), None) => {}
        }
    }

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
