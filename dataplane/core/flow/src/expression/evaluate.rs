//! The value of a tree, as CEL defines it.
//!
//! `&&` and `||` are the only places where an error disappears: when the other side decides
//! (CEL language definition, "Logical operators"). Numbers that leave their range are errors.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Binary, Function, Tree, Unary};
use crate::value::Value;

/// Why an expression has no value now. Says nothing about the values of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvaluationError {
    /// Types do not fit: wrong whatever the values are.
    #[error("its operands have types that do not fit together")]
    Types,
    /// The values do not fit: division by zero, text that is no number, no such variable.
    #[error("it has no value for what the variables hold now")]
    Values,
    /// The result is a list.
    #[error("its result is a list")]
    Result,
}

use EvaluationError::{Types, Values};

/// A value on the way: lists exist only within an expression.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    One(Value),
    Many(Vec<Value>),
}

type Evaluated<T = Item> = Result<T, EvaluationError>;

pub(super) fn evaluate(
    tree: &Tree,
    variables: &BTreeMap<String, Value>,
) -> Result<Value, EvaluationError> {
    match item(tree, variables)? {
        Item::One(Value::Text(text)) => Ok(Value::text(text)),
        Item::One(value) => Ok(value),
        Item::Many(_) => Err(EvaluationError::Result),
    }
}

fn item(tree: &Tree, variables: &BTreeMap<String, Value>) -> Evaluated {
    match tree {
        Tree::Literal(value) => Ok(Item::One(value.clone())),
        Tree::Variable(name) => variables.get(name).cloned().map(Item::One).ok_or(Values),
        Tree::List(items) => items
            .iter()
            .map(|tree| one(tree, variables))
            .collect::<Result<_, _>>()
            .map(Item::Many),
        Tree::Unary(operator, operand) => unary(*operator, one(operand, variables)?).map(Item::One),
        Tree::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
            let decides = *operator == Binary::Or;
            let left = truth(one(left, variables));
            if left == Ok(decides) {
                return Ok(Item::One(Value::Boolean(decides)));
            }
            let right = truth(one(right, variables));
            let result = match right {
                Ok(truth) if truth == decides => truth,
                _ => left.and(right)?,
            };
            Ok(Item::One(Value::Boolean(result)))
        }
        Tree::Binary(operator, left, right) => {
            binary(*operator, item(left, variables)?, item(right, variables)?)
        }
        Tree::Choice(parts) => {
            let [condition, yes, no] = &**parts;
            let truth = truth(one(condition, variables))?;
            item(if truth { yes } else { no }, variables)
        }
        Tree::Index(list, index) => match (item(list, variables)?, one(index, variables)?) {
            (Item::Many(items), Value::Integer(index)) => usize::try_from(index)
                .ok()
                .and_then(|index| items.into_iter().nth(index))
                .map(Item::One)
                .ok_or(Values),
            _ => Err(Types),
        },
        Tree::Call(function, arguments) => {
            let arguments = arguments
                .iter()
                .map(|tree| item(tree, variables))
                .collect::<Result<Vec<_>, _>>()?;
            call(*function, &arguments).map(Item::One)
        }
    }
}

fn one(tree: &Tree, variables: &BTreeMap<String, Value>) -> Evaluated<Value> {
    match item(tree, variables)? {
        Item::One(value) => Ok(value),
        Item::Many(_) => Err(Types),
    }
}

fn truth(value: Evaluated<Value>) -> Evaluated<bool> {
    match value? {
        Value::Boolean(truth) => Ok(truth),
        _ => Err(Types),
    }
}

fn unary(operator: Unary, operand: Value) -> Evaluated<Value> {
    match (operator, operand) {
        (Unary::Not, Value::Boolean(truth)) => Ok(Value::Boolean(!truth)),
        (Unary::Negate, Value::Integer(number)) => {
            number.checked_neg().map(Value::Integer).ok_or(Values)
        }
        (Unary::Negate, Value::Number(number)) => Ok(Value::Number(-number)),
        _ => Err(Types),
    }
}

fn binary(operator: Binary, left: Item, right: Item) -> Evaluated {
    let truth = |truth: bool| Ok(Item::One(Value::Boolean(truth)));
    match (operator, left, right) {
        (Binary::Equal, left, right) => truth(equal_items(&left, &right)),
        (Binary::NotEqual, left, right) => truth(!equal_items(&left, &right)),
        (Binary::In, Item::One(needle), Item::Many(items)) => {
            truth(items.iter().any(|item| equal(&needle, item)))
        }
        (
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual,
            Item::One(left),
            Item::One(right),
        ) => {
            let order = compare(&left, &right)?;
            truth(match operator {
                Binary::Less => order.is_lt(),
                Binary::LessOrEqual => order.is_le(),
                Binary::Greater => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        (Binary::Add, Item::Many(mut left), Item::Many(right)) => {
            left.extend(right);
            Ok(Item::Many(left))
        }
        (operator, Item::One(left), Item::One(right)) => {
            arithmetic(operator, left, right).map(Item::One)
        }
        _ => Err(Types),
    }
}

fn arithmetic(operator: Binary, left: Value, right: Value) -> Evaluated<Value> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => {
            let result = match operator {
                Binary::Add => left.checked_add(right),
                Binary::Subtract => left.checked_sub(right),
                Binary::Multiply => left.checked_mul(right),
                Binary::Divide => left.checked_div(right),
                Binary::Remainder => left.checked_rem(right),
                _ => return Err(Types),
            };
            result.map(Value::Integer).ok_or(Values)
        }
        (Value::Number(left), Value::Number(right)) => {
            let result = match operator {
                Binary::Add => left + right,
                Binary::Subtract => left - right,
                Binary::Multiply => left * right,
                Binary::Divide => left / right,
                _ => return Err(Types),
            };
            finite(result)
        }
        (Value::Text(mut left), Value::Text(right)) if operator == Binary::Add => {
            left.push_str(&right);
            Ok(Value::Text(left))
        }
        _ => Err(Types),
    }
}

fn finite(number: f64) -> Evaluated<Value> {
    number
        .is_finite()
        .then_some(Value::Number(number))
        .ok_or(Values)
}

fn equal_items(left: &Item, right: &Item) -> bool {
    match (left, right) {
        (Item::One(left), Item::One(right)) => equal(left, right),
        (Item::Many(left), Item::Many(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        _ => false,
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Integer(_), Value::Number(_)) | (Value::Number(_), Value::Integer(_)) => {
            compare(left, right).is_ok_and(Ordering::is_eq)
        }
        _ => left == right,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a whole number beyond 2^53 compares as the nearest number, as in CEL"
)]
fn compare(left: &Value, right: &Value) -> Evaluated<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Ok(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Ok(left.cmp(right)),
        (Value::Boolean(left), Value::Boolean(right)) => Ok(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right).ok_or(Values),
        (Value::Integer(left), Value::Number(right)) => {
            (*left as f64).partial_cmp(right).ok_or(Values)
        }
        (Value::Number(left), Value::Integer(right)) => {
            left.partial_cmp(&(*right as f64)).ok_or(Values)
        }
        _ => Err(Types),
    }
}

fn call(function: Function, arguments: &[Item]) -> Evaluated<Value> {
    let count = |n: usize| i64::try_from(n).map(Value::Integer).map_err(|_| Values);
    match (function, arguments) {
        (Function::Size, [Item::Many(items)]) => count(items.len()),
        (Function::Size, [Item::One(Value::Text(text))]) => count(text.chars().count()),
        (
            Function::Contains | Function::StartsWith | Function::EndsWith,
            [Item::One(Value::Text(text)), Item::One(Value::Text(part))],
        ) => Ok(Value::Boolean(match function {
            Function::Contains => text.contains(part.as_str()),
            Function::StartsWith => text.starts_with(part.as_str()),
            _ => text.ends_with(part.as_str()),
        })),
        (Function::Int, [Item::One(value)]) => to_integer(value),
        (Function::Double, [Item::One(value)]) => to_number(value),
        (Function::String, [Item::One(value)]) => match value {
            Value::Text(_) => Ok(value.clone()),
            Value::Boolean(truth) => Ok(Value::Text(truth.to_string())),
            Value::Integer(_) | Value::Number(_) => Ok(Value::Text(value.to_string())),
            Value::Null => Err(Types),
        },
        (Function::Bool, [Item::One(value)]) => match value {
            Value::Boolean(_) => Ok(value.clone()),
            Value::Text(text) => match text.as_str() {
                "true" | "True" | "TRUE" | "t" | "1" => Ok(Value::Boolean(true)),
                "false" | "False" | "FALSE" | "f" | "0" => Ok(Value::Boolean(false)),
                _ => Err(Values),
            },
            _ => Err(Types),
        },
        _ => Err(Types),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked and the fraction is to be cut off"
)]
fn to_integer(value: &Value) -> Evaluated<Value> {
    match value {
        Value::Integer(_) => Ok(value.clone()),
        Value::Number(number) if number.abs() < 9.2e18 => Ok(Value::Integer(*number as i64)),
        Value::Number(_) => Err(Values),
        Value::Text(text) => text.parse().map(Value::Integer).map_err(|_| Values),
        Value::Boolean(_) | Value::Null => Err(Types),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a whole number beyond 2^53 becomes the nearest number, as in CEL"
)]
fn to_number(value: &Value) -> Evaluated<Value> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::Integer(number) => Ok(Value::Number(*number as f64)),
        Value::Text(text) => text.parse().map_err(|_| Values).and_then(finite),
        Value::Boolean(_) | Value::Null => Err(Types),
    }
}
