//! The part of CEL that flows have.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::InvalidExpression;

/// A function of flows.
struct Function {
    name: &'static str,
    /// Whether it may be called as `value.name()`, and how many arguments it has then.
    on_value: Option<usize>,
    /// Whether it may be called as `name(value)`, and how many arguments it has then.
    alone: Option<usize>,
    usage: &'static str,
}

const FUNCTIONS: &[Function] = &[
    function("size", Some(0), Some(1), "size(value)"),
    function("contains", Some(1), None, "text.contains(part)"),
    function("startsWith", Some(1), None, "text.startsWith(part)"),
    function("endsWith", Some(1), None, "text.endsWith(part)"),
    function("int", None, Some(1), "int(value)"),
    function("double", None, Some(1), "double(value)"),
    function("string", None, Some(1), "string(value)"),
    function("bool", None, Some(1), "bool(value)"),
];

const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NEGATE,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::INDEX,
    operators::IN,
];

pub(super) fn check(tree: &IdedExpr) -> Result<(), InvalidExpression> {
    let missing = match &tree.expr {
        Expr::Literal(LiteralValue::Bytes(_)) => "bytes".to_owned(),
        Expr::Literal(LiteralValue::UInt(_)) => "a number with u".to_owned(),
        Expr::Literal(_) => return Ok(()),
        Expr::Ident(name) if name.starts_with('.') => format!("the name `{name}`"),
        Expr::Ident(_) => return Ok(()),
        Expr::List(list) => return list.elements.iter().try_for_each(check),
        Expr::Call(call) => return check_call(call),
        Expr::Select(select) => format!("the field `{}`", select.field),
        Expr::Map(_) => "a map".to_owned(),
        Expr::Struct(_) => "a message".to_owned(),
        Expr::Comprehension(_) | Expr::Unspecified => "a macro".to_owned(),
    };
    Err(InvalidExpression::NotAvailable(missing))
}

fn check_call(call: &CallExpr) -> Result<(), InvalidExpression> {
    let name = call.func_name.as_str();
    if !OPERATORS.contains(&name) {
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            let missing = format!("the function `{name}`");
            return Err(InvalidExpression::NotAvailable(missing));
        };
        let wanted = match call.target {
            Some(_) => function.on_value,
            None => function.alone,
        };
        if wanted != Some(call.args.len()) {
            return Err(InvalidExpression::Call {
                function: function.name,
                usage: function.usage,
            });
        }
    }
    arguments(call).try_for_each(check)
}

/// The value it is called on, if there is one, and the arguments.
pub(super) fn arguments(call: &CallExpr) -> impl Iterator<Item = &IdedExpr> {
    call.target.as_deref().into_iter().chain(&call.args)
}

const fn function(
    name: &'static str,
    on_value: Option<usize>,
    alone: Option<usize>,
    usage: &'static str,
) -> Function {
    Function {
        name,
        on_value,
        alone,
        usage,
    }
}
