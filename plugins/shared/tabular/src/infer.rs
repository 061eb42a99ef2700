//! What the texts of a column are: a column is of a kind only if every one of its texts is.
//!
//! What a person would not calculate with stays text: `007`, numbers of more digits than can be held, phone numbers.
//! `NA` and its like are nothing in a column of numbers or dates, and texts in a column of texts. `03/04/2024` stays a
//! text, since nobody can say which of the two is the month.

use crate::cell::{Cell, Kind};

/// How fractions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimals {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

/// What a column can still be, after some of its texts.
#[derive(Clone, Debug)]
pub struct Guess {
    boolean: bool,
    integer: bool,
    point: bool,
    comma: bool,
    date: bool,
    datetime: bool,
    /// A comma or a point was there, without which the two ways to write a number are one.
    marked: bool,
    seen: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            boolean: true,
            integer: true,
            point: true,
            comma: true,
            date: true,
            datetime: true,
            marked: false,
            seen: false,
        }
    }
}

/// What the texts of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The kind.
    pub kind: Kind,
    /// How its numbers are written.
    pub decimals: Decimals,
}

impl Guess {
    /// Looks at one more text.
    pub fn see(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() || is_nothing(text) {
            return;
        }
        self.seen = true;
        let first = text.as_bytes()[0];
        let numeric = first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.' | b',');
        self.boolean = self.boolean && boolean(text).is_some();
        self.integer = self.integer && numeric && integer(text).is_some();
        self.point = self.point && numeric && number(text, Decimals::Point).is_some();
        self.comma = self.comma && numeric && number(text, Decimals::Comma).is_some();
        self.date = self.date && date(text).is_some();
        self.datetime = self.datetime && numeric && datetime(text).is_some();
        self.marked |= numeric && text.contains([',', '.']);
    }

    /// Whether nothing but text is left.
    fn hopeless(&self) -> bool {
        !(self.boolean || self.integer || self.point || self.comma || self.date || self.datetime)
    }

    /// What the column is. Where both ways to write numbers fit, `usual` is taken.
    pub fn verdict(&self, usual: Decimals) -> Verdict {
        let decimals = match (self.point, self.comma) {
            (true, true) => usual,
            (false, true) => Decimals::Comma,
            _ => Decimals::Point,
        };
        let kind = if !self.seen || self.hopeless() {
            Kind::Text
        } else if self.boolean {
            Kind::Boolean
        } else if self.integer {
            Kind::Integer
        } else if self.point || self.comma {
            Kind::Number
        } else if self.date {
            Kind::Date
        } else {
            Kind::Datetime
        };
        Verdict { kind, decimals }
    }

    /// Whether its numbers are written in one of two ways that differ.
    pub fn is_marked(&self) -> bool {
        self.marked
    }
}

impl Verdict {
    /// The value that a text of the column is.
    pub fn cell(self, text: &str) -> Cell {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Cell::Empty;
        }
        let value = match self.kind {
            Kind::Boolean => boolean(trimmed).map(Cell::Boolean),
            Kind::Integer => integer(trimmed).map(Cell::Integer),
            Kind::Number => number(trimmed, self.decimals).map(Cell::number),
            Kind::Date => date(trimmed).map(|date| Cell::text(&date)),
            Kind::Datetime => datetime(trimmed).map(|moment| Cell::text(&moment)),
            _ => return Cell::text(text),
        };
        value.unwrap_or_default()
    }
}

/// What stands for nothing among numbers and dates.
fn is_nothing(text: &str) -> bool {
    text.len() <= 4
        && ["na", "n/a", "nan", "null", "none", "nil", "-", "--", "?"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// True or false.
pub fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("yes") {
        Some(true)
    } else if is("false") || is("no") {
        Some(false)
    } else {
        None
    }
}

/// A whole number, without zeros in front.
pub fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !plain_digits(digits) {
        return None;
    }
    text.parse().ok()
}

fn plain_digits(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

/// A number in one of the two ways of writing.
pub fn number(text: &str, decimals: Decimals) -> Option<f64> {
    let (point, group) = match decimals {
        Decimals::Point => ('.', ','),
        Decimals::Comma => (',', '.'),
    };
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if mantissa.len() != rest.len()
        && (digits.is_empty() || digits.bytes().any(|byte| !byte.is_ascii_digit()))
    {
        return None;
    }
    let (whole, fraction) = match mantissa.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if fraction.is_some_and(|fraction| fraction.bytes().any(|byte| !byte.is_ascii_digit())) {
        return None;
    }
    let whole = ungrouped(whole, group)?;
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    if !whole.is_empty() && !plain_digits(&whole) {
        return None;
    }
    // Digits that would be lost are somebody's number of something, not a quantity.
    if fraction.is_none() && exponent.is_empty() && whole.len() > 18 {
        return None;
    }
    let exponent = if exponent.is_empty() { "0" } else { exponent };
    let value: f64 = format!("{sign}{whole}.{}e{exponent}", fraction.unwrap_or("0")).parse().ok()?;
    value.is_finite().then_some(value)
}

/// The digits without what stands between groups of three.
fn ungrouped(whole: &str, group: char) -> Option<String> {
    let separator = [group, ' ', '\u{a0}', '\u{202f}', '\''].into_iter().find(|sign| whole.contains(*sign));
    let Some(separator) = separator else {
        return Some(whole.to_owned());
    };
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let fits = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    fits.then(|| whole.replace(separator, ""))
}

/// A day as `2024-02-29`, from that, `2024/02/29`, `29.2.2024`, `29 Feb 2024` or `February 29, 2024`.
pub fn date(text: &str) -> Option<String> {
    if text.len() > 20 {
        return None;
    }
    if text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return named_date(text);
    }
    let separator = ['-', '/', '.'].into_iter().find(|sign| text.contains(*sign))?;
    let mut parts = text.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match separator {
        '.' => (third, second, first),
        _ => (first, second, third),
    };
    let digits = |text: &str, least: usize, most: usize| -> Option<u32> {
        let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    calendar_day(digits(year, 4, 4)?, digits(month, 1, 2)?, digits(day, 1, 2)?)
}

/// A day whose month has its English name, long or short.
fn named_date(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty());
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let (name, day) = if first.as_bytes()[0].is_ascii_digit() { (second, first) } else { (first, second) };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name.len() < 3 || day.len() > 2 {
        return None;
    }
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name || month[..3] == name)?.0;
    calendar_day(year.parse().ok()?, month, day.parse().ok()?)
}

fn calendar_day(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// A moment: a day, and a time of day after a space or a `T`, with a zone or without.
pub fn datetime(text: &str) -> Option<String> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, time.trim()),
        None => return date(text),
    };
    let day = date(day)?;
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (time[..zone].trim_end(), &time[zone..]);
    let zone_fits = match zone.as_bytes() {
        [] | [b'Z'] => true,
        [_, rest @ ..] => {
            matches!(rest.len(), 2 | 4 | 5)
                && rest
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| byte.is_ascii_digit() || (at == 2 && *byte == b':'))
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let mut below = |limit: u32| -> Option<u32> {
        let part = parts.next()?;
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten().filter(|value| *value < limit)
    };
    let (hour, minute) = (below(24)?, below(60)?);
    let second = below(61);
    let whole = clock.matches(':').count() == if second.is_some() { 2 } else { 1 };
    if !zone_fits || !whole || fraction.len() > 9 || fraction.bytes().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    Some(format!("{day}T{hour:02}:{minute:02}:{:02}{fraction}{zone}", second.unwrap_or(0)))
}
