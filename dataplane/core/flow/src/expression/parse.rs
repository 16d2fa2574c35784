//! Text into a tree, by precedence climbing. Depth and size are counted while reading, so neither
//! reading nor evaluating can exhaust the stack.

use super::{Binary, Function, InvalidExpression, MAX_DEPTH, MAX_PARTS, Receiver, Tree, Unary};
use crate::value::Value;

/// Words that CEL keeps for itself.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Integer(u64),
    Number(f64),
    Text(String),
    Symbol(&'static str),
    End,
}

/// Two-character symbols before their first characters.
const SYMBOLS: &[&str] = &[
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")",
    "[", "]", ",", ".", "{", "}",
];

struct Parser<'a> {
    source: &'a str,
    /// Byte at which the next token begins.
    at: usize,
    /// Byte at which `token` begins.
    start: usize,
    token: Token,
    depth: usize,
    parts: usize,
}

type Parsed<T = Tree> = Result<T, InvalidExpression>;

pub(super) fn parse(source: &str) -> Parsed {
    let mut parser = Parser {
        source,
        at: 0,
        start: 0,
        token: Token::End,
        depth: 0,
        parts: 0,
    };
    parser.advance()?;
    let tree = parser.expression()?;
    match parser.token {
        Token::End => Ok(tree),
        _ => Err(parser.expected("an operator or the end")),
    }
}

impl Parser<'_> {
    /// `or ? or : expression`, or just `or`.
    fn expression(&mut self) -> Parsed {
        self.deeper()?;
        let condition = self.binary(1)?;
        let tree = if self.take("?")? {
            let yes = self.binary(1)?;
            self.require(":")?;
            let no = self.expression()?;
            self.part(Tree::Choice(Box::new([condition, yes, no])))?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(tree)
    }

    /// Operators at least as strong as `weakest`.
    fn binary(&mut self, weakest: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|op| op.strength() >= weakest) {
            self.advance()?;
            let right = self.binary(operator.strength() + 1)?;
            left = self.part(Tree::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Binary> {
        Some(match &self.token {
            Token::Word(word) if word == "in" => Binary::In,
            Token::Symbol(symbol) => match *symbol {
                "||" => Binary::Or,
                "&&" => Binary::And,
                "==" => Binary::Equal,
                "!=" => Binary::NotEqual,
                "<" => Binary::Less,
                "<=" => Binary::LessOrEqual,
                ">" => Binary::Greater,
                ">=" => Binary::GreaterOrEqual,
                "+" => Binary::Add,
                "-" => Binary::Subtract,
                "*" => Binary::Multiply,
                "/" => Binary::Divide,
                "%" => Binary::Remainder,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed {
        let operator = match self.token {
            Token::Symbol("!") => Unary::Not,
            Token::Symbol("-") => Unary::Negate,
            _ => return self.member(),
        };
        self.deeper()?;
        self.advance()?;
        // The smallest whole number has no positive counterpart, so its sign is read with it.
        let tree = match (operator, &self.token) {
            (Unary::Negate, Token::Integer(magnitude)) if *magnitude == 1 << 63 => {
                self.advance()?;
                self.part(Tree::Literal(Value::Integer(i64::MIN)))?
            }
            _ => {
                let operand = self.unary()?;
                self.part(Tree::Unary(operator, Box::new(operand)))?
            }
        };
        self.depth -= 1;
        Ok(tree)
    }

    /// A primary and what is called on it or taken from it.
    fn member(&mut self) -> Parsed {
        let mut tree = self.primary()?;
        loop {
            if self.take(".")? {
                let name = self.word("the name of a function")?;
                if self.token != Token::Symbol("(") {
                    return Err(not_available(&format!("the field `{name}`")));
                }
                tree = self.call(&name, Some(tree))?;
            } else if self.take("[")? {
                let index = self.expression()?;
                self.require("]")?;
                tree = self.part(Tree::Index(Box::new(tree), Box::new(index)))?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Integer(number) => {
                let number = i64::try_from(number)
                    .map_err(|_| self.problem("the number is too large".to_owned()))?;
                self.literal(Value::Integer(number))
            }
            Token::Number(number) => self.literal(Value::Number(number)),
            Token::Text(text) => self.literal(Value::Text(text)),
            Token::Word(word) => self.named(word),
            Token::Symbol("(") => {
                self.advance()?;
                let tree = self.expression()?;
                self.require(")")?;
                Ok(tree)
            }
            Token::Symbol("[") => {
                self.advance()?;
                let items = self.expressions("]")?;
                self.part(Tree::List(items))
            }
            Token::Symbol("{") => Err(not_available("a map")),
            other => {
                self.token = other;
                Err(self.expected("a value"))
            }
        }
    }

    fn literal(&mut self, value: Value) -> Parsed {
        self.advance()?;
        self.part(Tree::Literal(value))
    }

    fn named(&mut self, word: String) -> Parsed {
        match word.as_str() {
            "true" => return self.literal(Value::Boolean(true)),
            "false" => return self.literal(Value::Boolean(false)),
            "null" => return self.literal(Value::Null),
            reserved if RESERVED.contains(&reserved) => {
                return Err(self.problem(format!("`{reserved}` is a word of the language")));
            }
            _ => {}
        }
        self.advance()?;
        match self.token {
            Token::Symbol("(") => self.call(&word, None),
            Token::Symbol("{") => Err(not_available("a message")),
            _ => self.part(Tree::Variable(word)),
        }
    }

    /// The arguments of a function, from its opening bracket on.
    fn call(&mut self, name: &str, receiver: Option<Tree>) -> Parsed {
        let function = Function::named(name)
            .ok_or_else(|| not_available(&format!("the function `{name}`")))?;
        let (arguments, how) = function.shape();
        match (how, &receiver) {
            (Receiver::Must, None) => {
                return Err(self.problem(format!("write value.{name}(..)")));
            }
            (Receiver::MustNot, Some(_)) => {
                return Err(self.problem(format!("write {name}(value)")));
            }
            _ => {}
        }
        self.require("(")?;
        let mut given: Vec<Tree> = receiver.into_iter().collect();
        given.extend(self.expressions(")")?);
        if given.len() != arguments {
            return Err(self.problem(format!("`{name}` has the wrong number of arguments")));
        }
        self.part(Tree::Call(function, given))
    }

    /// Expressions with commas between them, up to and with `close`.
    fn expressions(&mut self, close: &'static str) -> Parsed<Vec<Tree>> {
        let mut items = Vec::new();
        while !self.take(close)? {
            if !items.is_empty() {
                self.require(",")?;
            }
            items.push(self.expression()?);
        }
        Ok(items)
    }

    fn part(&mut self, tree: Tree) -> Parsed {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(InvalidExpression::TooComplex);
        }
        Ok(tree)
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(InvalidExpression::TooComplex);
        }
        Ok(())
    }

    fn take(&mut self, symbol: &'static str) -> Parsed<bool> {
        let found = self.token == Token::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn require(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.take(symbol)? {
            Ok(())
        } else {
            Err(self.expected(&format!("`{symbol}`")))
        }
    }

    fn word(&mut self, what: &str) -> Parsed<String> {
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Word(word) => {
                self.advance()?;
                Ok(word)
            }
            _ => Err(self.expected(what)),
        }
    }

    fn expected(&self, what: &str) -> InvalidExpression {
        self.problem(format!("expected {what}"))
    }

    fn problem(&self, problem: String) -> InvalidExpression {
        InvalidExpression::Syntax {
            position: self.source[..self.start].chars().count() + 1,
            problem,
        }
    }

    // --- tokens ---

    fn advance(&mut self) -> Parsed<()> {
        let rest = &self.source[self.at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - trimmed.len();
        self.start = self.at;
        self.token = match trimmed.chars().next() {
            None => Token::End,
            Some(c) if c.is_ascii_digit() => self.number(trimmed)?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let end = trimmed
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(trimmed.len());
                self.at += end;
                if trimmed[end..].starts_with(['"', '\'']) {
                    return Err(not_available("raw text or bytes"));
                }
                Token::Word(trimmed[..end].to_owned())
            }
            Some(quote @ ('"' | '\'')) => self.text(trimmed, quote)?,
            Some(_) => {
                let symbol = SYMBOLS.iter().find(|symbol| trimmed.starts_with(**symbol));
                let symbol = symbol.ok_or_else(|| self.problem("unknown character".to_owned()))?;
                self.at += symbol.len();
                Token::Symbol(symbol)
            }
        };
        Ok(())
    }

    fn number(&mut self, rest: &str) -> Parsed<Token> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(rest);
        let mut whole = true;
        if rest[end..].starts_with('.') && digits(&rest[end + 1..]) > 0 {
            end += 1 + digits(&rest[end + 1..]);
            whole = false;
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[end + 1 + sign..]);
            if exponent > 0 {
                end += 1 + sign + exponent;
                whole = false;
            }
        }
        self.at += end;
        if rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return Err(self.problem("write a number as in 12 or 1.5".to_owned()));
        }
        let too_large = || self.problem("the number is too large".to_owned());
        if whole {
            let number = rest[..end].parse().map_err(|_| too_large())?;
            return Ok(Token::Integer(number));
        }
        let number: f64 = rest[..end].parse().map_err(|_| too_large())?;
        if number.is_finite() {
            Ok(Token::Number(number))
        } else {
            Err(too_large())
        }
    }

    fn text(&mut self, rest: &str, quote: char) -> Parsed<Token> {
        let mut text = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.at += offset + 1;
                    if text.is_empty() && rest[offset + 1..].starts_with(quote) {
                        return Err(not_available("text in triple quotes"));
                    }
                    return Ok(Token::Text(text));
                }
                '\\' => text.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 't')) => '\t',
                    Some((_, 'r')) => '\r',
                    Some((_, c @ ('\\' | '\'' | '"' | '`' | '?'))) => c,
                    _ => return Err(self.problem("unknown escape in text".to_owned())),
                }),
                '\n' | '\r' => break,
                _ => text.push(c),
            }
        }
        Err(self.problem("the text has no closing quote".to_owned()))
    }
}

fn not_available(what: &str) -> InvalidExpression {
    InvalidExpression::NotAvailable(what.to_owned())
}
