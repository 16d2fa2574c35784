//! The type of a tree, known before any call: what cannot work is found when a flow is applied.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::subset::arguments;
use crate::value::Kind;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Only `null`.
    Null,
    /// One value.
    One(Kind),
    /// A list of values; of any kind when it is empty or mixed.
    Many(Option<Kind>),
}

/// What does not fit, as a sentence about the expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TypeError(String);

impl Type {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::One(kind) => kind.as_str(),
            Self::Many(_) => "a list",
        }
    }

    const fn is_numeric(self) -> bool {
        matches!(self, Self::One(Kind::Integer | Kind::Number))
    }
}

const BOOLEAN: Type = Type::One(Kind::Boolean);
const INTEGER: Type = Type::One(Kind::Integer);
const NUMBER: Type = Type::One(Kind::Number);
const TEXT: Type = Type::One(Kind::Text);

pub(super) fn type_of(
    tree: &IdedExpr,
    variables: &BTreeMap<String, Kind>,
) -> Result<Type, TypeError> {
    match &tree.expr {
        Expr::Literal(literal) => Ok(match literal {
            LiteralValue::Boolean(_) => BOOLEAN,
            LiteralValue::Int(_) => INTEGER,
            LiteralValue::Double(_) => NUMBER,
            LiteralValue::String(_) => TEXT,
            LiteralValue::Null | LiteralValue::Bytes(_) | LiteralValue::UInt(_) => Type::Null,
        }),
        // Whether it is bound is another check.
        Expr::Ident(name) => Ok(variables.get(name).copied().map_or(Type::Null, Type::One)),
        Expr::List(list) => {
            let items = list.elements.iter().map(|item| type_of(item, variables));
            list_of(&items.collect::<Result<Vec<_>, _>>()?)
        }
        Expr::Call(call) => {
            let types = arguments(call).map(|argument| type_of(argument, variables));
            type_of_call(call, &types.collect::<Result<Vec<_>, _>>()?)
        }
        // Not in the subset.
        _ => Ok(Type::Null),
    }
}

fn list_of(items: &[Type]) -> Result<Type, TypeError> {
    let kinds = items.iter().map(|item| match item {
        Type::One(kind) => Ok(Some(*kind)),
        Type::Null => Ok(None),
        Type::Many(_) => Err(error("a list within a list")),
    });
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    let first = kinds.first().copied().flatten();
    Ok(Type::Many(
        first.filter(|_| kinds.iter().all(|kind| *kind == first)),
    ))
}

fn type_of_call(call: &CallExpr, arguments: &[Type]) -> Result<Type, TypeError> {
    let name = call.func_name.as_str();
    let symbol = name.trim_matches(['_', '@']);
    match (name, arguments) {
        (operators::CONDITIONAL, [condition, yes, no]) => choice(*condition, *yes, *no),
        (operators::INDEX, [list, index]) => item(*list, *index),
        (operators::LOGICAL_NOT, [BOOLEAN]) => Ok(BOOLEAN),
        (operators::NEGATE, [kind]) if kind.is_numeric() => Ok(*kind),
        (operators::LOGICAL_NOT | operators::NEGATE, [other]) => {
            Err(error(&format!("{symbol} before {}", other.as_str())))
        }
        (_, [left, right]) if symbol != name => binary(name, *left, *right)
            .ok_or_else(|| error(&format!("{} {symbol} {}", left.as_str(), right.as_str()))),
        _ => function(name, arguments).ok_or_else(|| {
            let given: Vec<_> = arguments.iter().map(|kind| kind.as_str()).collect();
            error(&format!("{name}() of {}", given.join(" and ")))
        }),
    }
}

fn choice(condition: Type, yes: Type, no: Type) -> Result<Type, TypeError> {
    if condition != BOOLEAN {
        return Err(error(&format!("? after {}", condition.as_str())));
    }
    if yes != no {
        let (yes, no) = (yes.as_str(), no.as_str());
        return Err(error(&format!("either {yes} or {no}")));
    }
    Ok(yes)
}

fn item(list: Type, index: Type) -> Result<Type, TypeError> {
    match (list, index) {
        (Type::Many(Some(kind)), INTEGER) => Ok(Type::One(kind)),
        (Type::Many(None), INTEGER) => Err(error("an item of an empty or mixed list")),
        (list, index) => {
            let (list, index) = (list.as_str(), index.as_str());
            Err(error(&format!("{index} as index of {list}")))
        }
    }
}

fn binary(operator: &str, left: Type, right: Type) -> Option<Type> {
    let numeric = left.is_numeric() && right.is_numeric();
    let fits = match operator {
        operators::LOGICAL_OR | operators::LOGICAL_AND => left == BOOLEAN && right == BOOLEAN,
        operators::EQUALS | operators::NOT_EQUALS => {
            let null = left == Type::Null || right == Type::Null;
            let lists = matches!((left, right), (Type::Many(_), Type::Many(_)));
            null || numeric || lists || left == right
        }
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => numeric || (matches!(left, Type::One(_)) && left == right),
        operators::IN => match (left, right) {
            (Type::One(_) | Type::Null, Type::Many(None)) => true,
            (Type::One(left), Type::Many(Some(right))) => left == right,
            _ => false,
        },
        _ => return arithmetic(operator, left, right),
    };
    fits.then_some(BOOLEAN)
}

fn arithmetic(operator: &str, left: Type, right: Type) -> Option<Type> {
    match (operator, left, right) {
        (operators::ADD, Type::Many(a), Type::Many(b)) => Some(Type::Many(a.filter(|_| a == b))),
        (operators::ADD, TEXT, TEXT) => Some(TEXT),
        (operators::MODULO, INTEGER, INTEGER) => Some(INTEGER),
        (operators::MODULO, ..) => None,
        _ => (left.is_numeric() && left == right).then_some(left),
    }
}

fn function(name: &str, arguments: &[Type]) -> Option<Type> {
    match (name, arguments) {
        ("size", [TEXT | Type::Many(_)]) | ("int", [INTEGER | NUMBER | TEXT]) => Some(INTEGER),
        ("contains" | "startsWith" | "endsWith", [TEXT, TEXT]) | ("bool", [BOOLEAN | TEXT]) => {
            Some(BOOLEAN)
        }
        ("double", [INTEGER | NUMBER | TEXT]) => Some(NUMBER),
        ("string", [Type::One(_)]) => Some(TEXT),
        _ => None,
    }
}

fn error(what: &str) -> TypeError {
    TypeError(format!("the types do not fit: {what}"))
}
