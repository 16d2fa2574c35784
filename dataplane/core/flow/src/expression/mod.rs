//! Expressions over the variables of a flow: a part of [CEL](https://cel.dev), so that the same
//! language is used in a flow and in the rules of a custom resource.
//!
//! There are literals (whole numbers, numbers, text, true, false, null, lists), variables, the
//! operators of CEL, and the functions `size`, `contains`, `startsWith`, `endsWith`, `int`,
//! `double`, `string` and `bool`. There are no comprehensions, no fields, no maps and no regular
//! expressions: an expression comes from a tenant and runs on the media node, so evaluating is
//! linear in the expression and its variables, and needs no budget of steps.
//!
//! This is an own reader and evaluator because of the stack: the `cel` crate (0.15, debug build)
//! takes 4 MB for 16 nested brackets and 8 MB for 120 operators in a row, where the threads that
//! load a program have 2 MB. A test holds both to the same results.

mod evaluate;
mod parse;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::evaluate::EvaluationError;
pub(crate) use self::types::{Type, TypeError};
use crate::graph::MAX_EXPRESSION;
use crate::value::{Kind, Value};

/// Expressions within expressions.
const MAX_DEPTH: usize = 32;
/// Operators and operands together.
const MAX_PARTS: usize = 512;

/// A parsed expression. Serialized it is its source.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    source: String,
    root: Tree,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// Longer than [`MAX_EXPRESSION`] bytes.
    #[error("the expression is longer than 4096 bytes")]
    TooLong,
    /// Too deep, or too many operators.
    #[error(
        "the expression is too complex: more than 32 levels of brackets or 512 operators and operands"
    )]
    TooComplex,
    /// Not an expression.
    #[error("the expression cannot be read at character {position}: {problem}")]
    Syntax {
        /// Counted from 1.
        position: usize,
        /// What was found or missed there.
        problem: String,
    },
    /// CEL, but not the part of it that flows have.
    #[error("the expression uses {0}, which flows do not have")]
    NotAvailable(String),
}

/// A node of a parsed expression.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Literal(Value),
    Variable(String),
    List(Vec<Tree>),
    Unary(Unary, Box<Tree>),
    Binary(Binary, Box<Tree>, Box<Tree>),
    Choice(Box<[Tree; 3]>),
    Index(Box<Tree>, Box<Tree>),
    Call(Function, Vec<Tree>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unary {
    Not,
    Negate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Functions; the receiver of a method is the first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Int,
    Double,
    String,
    Bool,
}

// === impl Expression ===

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// When it is no CEL, or more than flows have.
    pub fn parse(source: impl Into<String>) -> Result<Self, InvalidExpression> {
        let source = source.into();
        if source.len() > MAX_EXPRESSION {
            return Err(InvalidExpression::TooLong);
        }
        let root = parse::parse(&source)?;
        Ok(Self { source, root })
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables it names.
    pub(crate) fn variables(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut open = vec![&self.root];
        while let Some(tree) = open.pop() {
            match tree {
                Tree::Literal(_) => {}
                Tree::Variable(name) => {
                    names.insert(name.as_str());
                }
                Tree::List(items) | Tree::Call(_, items) => open.extend(items),
                Tree::Unary(_, operand) => open.push(operand),
                Tree::Binary(_, left, right) | Tree::Index(left, right) => {
                    open.extend([&**left, &**right]);
                }
                Tree::Choice(parts) => open.extend(parts.iter()),
            }
        }
        names
    }

    /// The type of its value for variables of these types.
    pub(crate) fn type_of(&self, variables: &BTreeMap<String, Kind>) -> Result<Type, TypeError> {
        types::type_of(&self.root, variables)
    }

    /// Its value. A variable that is not given has none: an error.
    pub(crate) fn evaluate(
        &self,
        variables: &BTreeMap<String, Value>,
    ) -> Result<Value, EvaluationError> {
        evaluate::evaluate(&self.root, variables)
    }

    /// Whether it is true.
    pub(crate) fn is_true(
        &self,
        variables: &BTreeMap<String, Value>,
    ) -> Result<bool, EvaluationError> {
        match self.evaluate(variables)? {
            Value::Boolean(truth) => Ok(truth),
            _ => Err(EvaluationError::Types),
        }
    }
}

impl TryFrom<String> for Expression {
    type Error = InvalidExpression;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Self::parse(source)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.source
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

// === impl Binary, Function ===

impl Binary {
    /// How tightly it binds; all of them group to the left.
    const fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Function {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "size" => Self::Size,
            "contains" => Self::Contains,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "int" => Self::Int,
            "double" => Self::Double,
            "string" => Self::String,
            "bool" => Self::Bool,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Bool => "bool",
        }
    }

    /// Number of arguments, the receiver included, and whether it may or must be called on one.
    const fn shape(self) -> (usize, Receiver) {
        match self {
            Self::Size => (1, Receiver::May),
            Self::Contains | Self::StartsWith | Self::EndsWith => (2, Receiver::Must),
            Self::Int | Self::Double | Self::String | Self::Bool => (1, Receiver::MustNot),
        }
    }
}

/// Whether a function is called as `value.function()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receiver {
    May,
    Must,
    MustNot,
}

#[cfg(test)]
mod tests;
