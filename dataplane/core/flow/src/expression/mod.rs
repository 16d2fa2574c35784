//! Expressions over the variables of a flow: [CEL](https://cel.dev), read and evaluated by the
//! `cel` crate, so that the same language is used in a flow and in the rules of a custom resource.
//!
//! There are literals (whole numbers, numbers, text, true, false, null, lists), variables, the
//! operators of CEL, and the functions `size`, `contains`, `startsWith`, `endsWith`, `int`,
//! `double`, `string` and `bool`. There are no comprehensions, no fields, no maps and no regular
//! expressions: an expression comes from a tenant and runs on the media node, so evaluating is
//! linear in the expression and its variables, and needs no budget of steps.
//!
//! **What is parsed fits into half a MiB of stack**: the crate's parser is recursive and takes
//! 12 KiB for each bracket within another (cel 0.15 with `opt-level = 1`; 190 KiB without, so the
//! workspace optimizes it in its dev profile too). So [`bounds`] come before it: the largest
//! expressions they let through take 224 KiB.

mod bounds;
mod subset;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, ParseErrors};
use serde::{Deserialize, Serialize};

pub(crate) use self::types::{Type, TypeError};
use crate::value::{Kind, Value};

/// The functions and operators of CEL, without its macros.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let language = Env::default().with_optional_support(false).with_stdlib();
    Arc::new(language)
});

/// A parsed expression. Serialized it is its source.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    source: String,
    program: Arc<cel::Program>,
    variables: BTreeSet<String>,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// Longer than [`MAX_EXPRESSION`](crate::graph::MAX_EXPRESSION) bytes.
    #[error("the expression is longer than 4096 bytes")]
    TooLong,
    /// Too deep, or too many operators.
    #[error(
        "the expression is too complex: more than 16 brackets within each other, or 128 operators and brackets, those in text included"
    )]
    TooComplex,
    /// Not an expression.
    #[error("the expression cannot be read at character {character} of line {line}: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1 in the line.
        character: usize,
        /// What was found or missed there.
        problem: String,
    },
    /// CEL, but not the part of it that flows have.
    #[error("the expression uses {0}, which flows do not have")]
    NotAvailable(String),
    /// A function that is called with other arguments than it has.
    #[error("the function `{function}` is called as it cannot be: write {usage}")]
    Call {
        /// Its name.
        function: &'static str,
        /// How it is called.
        usage: &'static str,
    },
}

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

// === impl Expression ===

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// When it is no CEL, or more than flows have.
    pub fn parse(source: impl Into<String>) -> Result<Self, InvalidExpression> {
        let source = source.into();
        bounds::check(&source)?;
        let program = LANGUAGE.compile(&source).map_err(|errors| first(&errors))?;
        subset::check(program.expression())?;
        let references = program.references();
        let variables = references.variables().into_iter().map(str::to_owned);
        Ok(Self {
            variables: variables.collect(),
            source,
            program: Arc::new(program),
        })
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables it names.
    pub(crate) const fn variables(&self) -> &BTreeSet<String> {
        &self.variables
    }

    /// The type of its value for variables of these types.
    pub(crate) fn type_of(&self, variables: &BTreeMap<String, Kind>) -> Result<Type, TypeError> {
        types::type_of(self.program.expression(), variables)
    }

    /// Its value. A variable that is not given has none: an error.
    pub(crate) fn evaluate(
        &self,
        variables: &BTreeMap<String, Value>,
    ) -> Result<Value, EvaluationError> {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        for name in &self.variables {
            if let Some(value) = variables.get(name) {
                context.add_variable_from_value(name.as_str(), value.to_cel());
            }
        }
        match self.program.execute(&context)? {
            cel::Value::Null => Ok(Value::Null),
            cel::Value::Bool(truth) => Ok(Value::Boolean(truth)),
            cel::Value::Int(number) => Ok(Value::Integer(number)),
            cel::Value::Float(number) if number.is_finite() => Ok(Value::Number(number)),
            cel::Value::Float(_) => Err(EvaluationError::Values),
            cel::Value::String(text) => Ok(Value::text(text.as_str())),
            _ => Err(EvaluationError::Result),
        }
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

// === errors of the crate ===

/// The first mistake, without the list of all that could stand there instead.
fn first(errors: &ParseErrors) -> InvalidExpression {
    let Some(error) = errors.errors.first() else {
        return InvalidExpression::TooComplex;
    };
    let problem = error.msg.trim_start_matches("Syntax error: ");
    let problem = problem.split(" expecting {").next().unwrap_or(problem);
    InvalidExpression::Syntax {
        line: usize::try_from(error.pos.0).unwrap_or(0).max(1),
        character: usize::try_from(error.pos.1).unwrap_or(0).max(1),
        problem: problem
            .replace("mismatched input '<EOF>'", "unexpected end")
            .replace("mismatched input", "unexpected")
            .replace("'<EOF>'", "the end")
            .replace("<EOF>", "the end"),
    }
}

impl From<ExecutionError> for EvaluationError {
    /// The crate's text is dropped: it shows values.
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::UndeclaredReference(_)
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::FunctionError { .. }
            | ExecutionError::DivisionByZero(_)
            | ExecutionError::RemainderByZero(_)
            | ExecutionError::Overflow(..)
            | ExecutionError::IndexOutOfBounds(_) => Self::Values,
            _ => Self::Types,
        }
    }
}

#[cfg(test)]
mod tests;
