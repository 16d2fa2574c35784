//! Asking for one piece of information.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for one piece of information and keeps it in a variable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.type != 'choice' || has(self.choices)",
    "message": "a collect of type choice needs choices",
}]))]
pub struct Collect {
    /// The variable that keeps the answer: a lower-case letter, then lower-case letters, digits
    /// and underscores. Text for choice and digits, a whole number for number, true or false for
    /// yesNo.
    #[schemars(length(min = 1, max = 63))]
    pub variable: String,

    /// The question; `{{ name }}` is replaced by the value of the variable `name`.
    #[schemars(length(min = 1, max = 2000))]
    pub prompt: String,

    /// What kind of answer is asked for.
    #[serde(rename = "type")]
    pub answer: Answer,

    /// How the caller may answer; any unless given.
    #[serde(default)]
    pub input: InputMode,

    /// The answers of type choice. Each phrase and each digit may occur once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub choices: Vec<Choice>,

    /// The rules for type digits, such as an order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<DigitRules>,

    /// The range for type number; 0 to 999999 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberRange>,

    /// A question that repeats the answer and asks yes or no, such as `I heard {{ value }}. Is
    /// that right?`. `{{ value }}` is the answer. A no counts as an answer not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub confirm: Option<String>,

    /// Whether the caller may answer before the question was said to its end. True unless given.
    #[serde(default = "super::step::yes")]
    pub interruptible: bool,

    /// Seconds of silence after the question until it counts as no input, 1 to 60; 8 unless given.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: u32,

    /// How often and with which words to ask again.
    #[serde(default)]
    pub retry: Retry,
}

/// The kind of answer a collect asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// One of the choices.
    #[default]
    Choice,
    /// A string of digits, spoken one by one or pressed.
    Digits,
    /// Yes or no; 1 and 2 on the keypad.
    YesNo,
    /// A whole number, spoken as one or pressed.
    Number,
}

/// How a caller may answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum InputMode {
    /// By speech or by pressing digits.
    #[default]
    Any,
    /// By speech only.
    Speech,
    /// By pressing digits only.
    Digits,
}

/// One answer of type choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The text kept in the variable.
    #[schemars(length(min = 1, max = 200))]
    pub value: String,

    /// What a caller may say for it: words, without digits and punctuation, in any case. The value
    /// itself unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub phrases: Vec<String>,

    /// The key for it: one of 0 to 9, `*` and `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9*#]$"), length(max = 1))]
    pub digit: Option<String>,
}

/// How many digits an answer has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.min <= self.max",
    "message": "digits.min must not be above digits.max",
}]))]
pub struct DigitRules {
    /// The fewest digits, 1 to 32; 1 unless given.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 32))]
    pub min: u32,

    /// The most digits, 1 to 32; 16 unless given. The answer is complete when they were pressed.
    #[serde(default = "sixteen")]
    #[schemars(range(min = 1, max = 32))]
    pub max: u32,

    /// The key that ends a shorter answer: `#` or `*`; `#` unless given.
    #[serde(default = "hash")]
    #[schemars(regex(pattern = r"^[*#]$"), length(max = 1))]
    pub terminator: String,
}

/// The range of a number, both ends included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.min <= self.max",
    "message": "number.min must not be above number.max",
}]))]
pub struct NumberRange {
    /// The smallest, 0 to 999999; 0 unless given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 999_999))]
    pub min: u32,

    /// The largest, 0 to 999999; 999999 unless given.
    #[serde(default = "million_less_one")]
    #[schemars(range(min = 0, max = 999_999))]
    pub max: u32,
}

/// How often and with which words to ask again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often the question is asked at most, 1 to 10, the first time included; 3 unless given.
    /// After the last the edge `event: noInput` or `event: noMatch` is taken.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,

    /// What to say instead of the question after silence; the question unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub no_input: Option<String>,

    /// What to say instead of the question after an answer that was not understood; the question
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub no_match: Option<String>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: three(),
            no_input: None,
            no_match: None,
        }
    }
}

impl Default for DigitRules {
    fn default() -> Self {
        Self {
            min: one(),
            max: sixteen(),
            terminator: hash(),
        }
    }
}

impl Default for NumberRange {
    fn default() -> Self {
        Self {
            min: 0,
            max: million_less_one(),
        }
    }
}

pub(super) const fn eight() -> u32 {
    8
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

const fn sixteen() -> u32 {
    16
}

const fn million_less_one() -> u32 {
    999_999
}

fn hash() -> String {
    "#".to_owned()
}
