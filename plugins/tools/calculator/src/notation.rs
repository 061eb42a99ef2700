//! What people and models write, made into what the expression crate reads.
//!
//! The crate binds a minus sign before a power and works powers off from the left; school and Python do neither. So the
//! text is read into tokens and written again with the parentheses that make the meaning plain: `-2 ^ 3 ^ 2` becomes
//! `( 0 negate 2 ^ ( 3 ^ ( 2 ) ) )`. On the way every mistake gets a message that says where it is.

use sport_sdk::Failure;

/// Longer ones are no arithmetic; the limit bounds the work.
const LONGEST: usize = 2000;
/// Deeper ones are no arithmetic either; the limit bounds the stack.
const DEEPEST: usize = 50;

/// The functions of one number.
const FUNCTIONS: &[&str] = &[
    "abs", "sqrt", "cbrt", "exp", "ln", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
    "floor", "ceil", "round", "trunc",
];

/// The functions of two and more numbers.
const FOLDS: &[&str] = &["min", "max"];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    /// An infix operator or a comma, by the crate's name for it.
    Sign(&'static str),
    Open,
    Close,
}

/// The expression in the crate's notation.
pub fn translate(expression: &str) -> Result<String, Failure> {
    if expression.len() > LONGEST {
        return Err(wrong(format!(
            "the expression has {} characters; at most {LONGEST} are read",
            expression.len()
        )));
    }
    let tokens = tokens(expression)?;
    if tokens.is_empty() {
        return Err(wrong("the expression is empty".to_owned()));
    }
    let mut writer = Writer { tokens: &tokens, place: 0, depth: 0, text: String::new() };
    writer.sum()?;
    match writer.next() {
        None => Ok(writer.text),
        Some(Token::Close) => {
            Err(wrong("the expression closes a parenthesis that it never opened".to_owned()))
        }
        Some(token) => Err(wrong(format!("an operator is missing before {}", shown(token)))),
    }
}

fn wrong(message: String) -> Failure {
    Failure::invalid_input(message).code("bad-expression")
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(value) => value.to_string(),
        Token::Name(name) => format!("`{name}`"),
        Token::Sign("floordiv") => "`//`".to_owned(),
        Token::Sign("modulo") => "`%`".to_owned(),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::Open => "`(`".to_owned(),
        Token::Close => "`)`".to_owned(),
    }
}

fn tokens(expression: &str) -> Result<Vec<Token>, Failure> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '0'..='9' | '.' => {
                let length = number_length(rest);
                let value = rest[..length]
                    .replace('_', "")
                    .parse()
                    .map_err(|_| wrong(format!("`{}` is not a number", &rest[..length])))?;
                (Token::Number(value), length)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length =
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Token::Name(rest[..length].to_owned()), length)
            }
            'π' => (Token::Name("pi".to_owned()), first.len_utf8()),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '*' if rest.starts_with("**") => (Token::Sign("^"), 2),
            '/' if rest.starts_with("//") => (Token::Sign("floordiv"), 2),
            '+' => (Token::Sign("+"), 1),
            '-' | '−' => (Token::Sign("-"), first.len_utf8()),
            '*' | '×' | '·' => (Token::Sign("*"), first.len_utf8()),
            '/' | '÷' => (Token::Sign("/"), first.len_utf8()),
            '%' => (Token::Sign("modulo"), 1),
            '^' => (Token::Sign("^"), 1),
            ',' => (Token::Sign(","), 1),
            other => return Err(wrong(format!("the calculator does not know the sign `{other}`"))),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Digits, a point, digits, an exponent; `2e` alone is a number and a name.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = end + 1 + sign;
        if bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            end = digits(exponent);
        }
    }
    end
}

/// Reads the tokens by rank and writes them as it goes.
struct Writer<'a> {
    tokens: &'a [Token],
    place: usize,
    depth: usize,
    text: String,
}

impl<'a> Writer<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.place)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.place += 1;
        token
    }

    fn write(&mut self, word: &str) {
        self.text.push_str(word);
        self.text.push(' ');
    }

    /// Everything up to a comma, a closing parenthesis or the end. The crate knows the ranks of these operators.
    fn sum(&mut self) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong(format!("the expression is nested more than {DEEPEST} deep")));
        }
        self.factor()?;
        while let Some(Token::Sign(sign @ ("+" | "-" | "*" | "/" | "floordiv" | "modulo"))) = self.peek() {
            self.place += 1;
            self.write(sign);
            self.factor()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A power with its signs.
    fn factor(&mut self) -> Result<(), Failure> {
        let mut negative = false;
        while let Some(Token::Sign(sign @ ("+" | "-"))) = self.peek() {
            self.place += 1;
            negative ^= *sign == "-";
        }
        if negative {
            self.write("( 0 negate");
        }
        self.atom()?;
        if self.peek() == Some(&Token::Sign("^")) {
            self.place += 1;
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(wrong(format!("the expression is nested more than {DEEPEST} deep")));
            }
            self.write("^ (");
            self.factor()?;
            self.write(")");
            self.depth -= 1;
        }
        if negative {
            self.write(")");
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<(), Failure> {
        match self.next() {
            // Without an exponent: to the crate, `1e5` would be a number and the name `e5`.
            Some(Token::Number(value)) if value.is_finite() => self.write(&format!("{value}")),
            Some(Token::Number(_)) => {
                return Err(wrong("a number in the expression is too large".to_owned()));
            }
            Some(Token::Open) => {
                self.write("(");
                self.sum()?;
                self.close("(")?;
            }
            Some(Token::Name(name)) => self.name(name)?,
            Some(token) => return Err(wrong(format!("a number is missing before {}", shown(token)))),
            None => return Err(wrong("the expression ends where a number is missing".to_owned())),
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), Failure> {
        let called = self.peek() == Some(&Token::Open);
        match (name, called) {
            ("pi" | "PI", false) => self.write("pi"),
            ("e" | "E", false) => self.write("euler"),
            (name, true) if FUNCTIONS.contains(&name) => {
                self.place += 1;
                self.write(name);
                self.write("(");
                self.sum()?;
                self.close(name)?;
            }
            (name, true) if FOLDS.contains(&name) => {
                self.place += 1;
                self.write("( (");
                self.sum()?;
                while self.peek() == Some(&Token::Sign(",")) {
                    self.place += 1;
                    self.write(&format!(") {name} ("));
                    self.sum()?;
                }
                self.write(")");
                self.close(name)?;
            }
            (name, false) if FUNCTIONS.contains(&name) || FOLDS.contains(&name) => {
                return Err(wrong(format!("the function `{name}` needs parentheses: {name}(..)")));
            }
            (name, true) => {
                let known = [FUNCTIONS, FOLDS].concat().join(", ");
                return Err(wrong(format!("the calculator has no function `{name}`; it has {known}")));
            }
            (name, false) => {
                return Err(wrong(format!(
                    "the calculator knows no name `{name}`, only pi and e; write the number instead"
                )));
            }
        }
        Ok(())
    }

    /// The closing parenthesis that belongs here.
    fn close(&mut self, opened: &str) -> Result<(), Failure> {
        match self.next() {
            Some(Token::Close) => {
                self.write(")");
                Ok(())
            }
            Some(Token::Sign(",")) => Err(wrong(match opened {
                "(" => {
                    "a comma stands outside a function; write numbers without thousands separators".to_owned()
                }
                name => format!("the function `{name}` takes one number"),
            })),
            Some(token) => Err(wrong(format!("an operator is missing before {}", shown(token)))),
            None => Err(wrong("a parenthesis is never closed".to_owned())),
        }
    }
}
