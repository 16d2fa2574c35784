//! The type of a tree, known before any call: what cannot work is found when a flow is applied.

use std::collections::BTreeMap;

use super::{Binary, Function, Tree, Unary};
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

pub(super) fn type_of(tree: &Tree, variables: &BTreeMap<String, Kind>) -> Result<Type, TypeError> {
    match tree {
        Tree::Literal(value) => Ok(value.kind().map_or(Type::Null, Type::One)),
        // Whether it is bound is another check.
        Tree::Variable(name) => Ok(variables.get(name).copied().map_or(Type::Null, Type::One)),
        Tree::List(items) => {
            let kinds = items
                .iter()
                .map(|tree| match type_of(tree, variables)? {
                    Type::One(kind) => Ok(Some(kind)),
                    Type::Null => Ok(None),
                    Type::Many(_) => Err(error("a list within a list")),
                })
                .collect::<Result<Vec<_>, _>>()?;
            let first = kinds.first().copied().flatten();
            Ok(Type::Many(
                first.filter(|_| kinds.iter().all(|kind| *kind == first)),
            ))
        }
        Tree::Unary(operator, operand) => match (operator, type_of(operand, variables)?) {
            (Unary::Not, BOOLEAN) => Ok(BOOLEAN),
            (Unary::Negate, kind) if kind.is_numeric() => Ok(kind),
            (Unary::Not, other) => Err(error(&format!("! before {}", other.as_str()))),
            (Unary::Negate, other) => Err(error(&format!("- before {}", other.as_str()))),
        },
        Tree::Binary(operator, left, right) => binary(
            *operator,
            type_of(left, variables)?,
            type_of(right, variables)?,
        ),
        Tree::Choice(parts) => {
            let [condition, yes, no] = &**parts;
            match type_of(condition, variables)? {
                BOOLEAN => {}
                other => return Err(error(&format!("? after {}", other.as_str()))),
            }
            match (type_of(yes, variables)?, type_of(no, variables)?) {
                (yes, no) if yes == no => Ok(yes),
                (yes, no) => Err(error(&format!(
                    "either {} or {}",
                    yes.as_str(),
                    no.as_str()
                ))),
            }
        }
        Tree::Index(list, index) => match (type_of(list, variables)?, type_of(index, variables)?) {
            (Type::Many(Some(kind)), INTEGER) => Ok(Type::One(kind)),
            (Type::Many(None), INTEGER) => Err(error("an item of an empty or mixed list")),
            (list, index) => Err(error(&format!(
                "{} as index of {}",
                index.as_str(),
                list.as_str()
            ))),
        },
        Tree::Call(function, arguments) => {
            let types = arguments
                .iter()
                .map(|tree| type_of(tree, variables))
                .collect::<Result<Vec<_>, _>>()?;
            call(*function, &types)
        }
    }
}

fn binary(operator: Binary, left: Type, right: Type) -> Result<Type, TypeError> {
    let fits = match operator {
        Binary::Or | Binary::And => (left == BOOLEAN && right == BOOLEAN).then_some(BOOLEAN),
        Binary::Equal | Binary::NotEqual => {
            let comparable = left == right
                || left == Type::Null
                || right == Type::Null
                || (left.is_numeric() && right.is_numeric())
                || matches!((left, right), (Type::Many(_), Type::Many(_)));
            comparable.then_some(BOOLEAN)
        }
        Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
            let ordered = matches!(left, Type::One(_)) && left == right;
            (ordered || (left.is_numeric() && right.is_numeric())).then_some(BOOLEAN)
        }
        Binary::In => match (left, right) {
            (Type::One(_) | Type::Null, Type::Many(None)) => Some(BOOLEAN),
            (Type::One(left), Type::Many(Some(right))) => (left == right).then_some(BOOLEAN),
            _ => None,
        },
        Binary::Add => match (left, right) {
            (INTEGER, INTEGER) | (NUMBER, NUMBER) | (TEXT, TEXT) => Some(left),
            (Type::Many(a), Type::Many(b)) => Some(Type::Many(a.filter(|_| a == b))),
            _ => None,
        },
        Binary::Subtract | Binary::Multiply | Binary::Divide => {
            (left.is_numeric() && left == right).then_some(left)
        }
        Binary::Remainder => (left == INTEGER && right == INTEGER).then_some(INTEGER),
    };
    fits.ok_or_else(|| {
        error(&format!(
            "{} {} {}",
            left.as_str(),
            operator.symbol(),
            right.as_str()
        ))
    })
}

fn call(function: Function, arguments: &[Type]) -> Result<Type, TypeError> {
    let fits = match (function, arguments) {
        (Function::Size, [TEXT | Type::Many(_)]) | (Function::Int, [INTEGER | NUMBER | TEXT]) => {
            Some(INTEGER)
        }
        (Function::Contains | Function::StartsWith | Function::EndsWith, [TEXT, TEXT])
        | (Function::Bool, [BOOLEAN | TEXT]) => Some(BOOLEAN),
        (Function::Double, [INTEGER | NUMBER | TEXT]) => Some(NUMBER),
        (Function::String, [Type::One(_)]) => Some(TEXT),
        _ => None,
    };
    fits.ok_or_else(|| {
        let given: Vec<_> = arguments.iter().map(|kind| kind.as_str()).collect();
        error(&format!("{}() of {}", function.name(), given.join(" and ")))
    })
}

fn error(what: &str) -> TypeError {
    TypeError(format!("the types do not fit: {what}"))
}
