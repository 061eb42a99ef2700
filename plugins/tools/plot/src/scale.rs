//! From values to places on an axis, and the marks beside it.

use crate::time;

/// A mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value that it stands at.
    pub at: f64,
    /// What is written there.
    pub label: String,
}

/// What an axis measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Numbers.
    Linear,
    /// Numbers above 0, each step ten times the last.
    Log,
    /// Seconds since 1970.
    Time,
    /// Names, at 0, 1, 2 and so on.
    Names(Vec<String>),
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// What it measures.
    pub measure: Measure,
    /// Where it begins.
    pub low: f64,
    /// Where it ends; more than `low`.
    pub high: f64,
    /// Only whole numbers have a meaning on it.
    pub whole: bool,
}

impl Scale {
    /// An axis for values between two.
    pub fn new(measure: Measure, low: f64, high: f64) -> Self {
        if let Measure::Names(names) = &measure {
            let high = names.len().max(1) as f64 - 0.5;
            return Self { measure, low: -0.5, high, whole: false };
        }
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        // A logarithm of nothing, or of what a double cannot hold, would put marks at all powers of ten there are.
        let (low, high) = match measure {
            Measure::Log => (low.clamp(1e-300, 1e300), high.clamp(1e-300, 1e300)),
            _ => (low, high),
        };
        let (low, high) = match measure {
            _ if low < high => (low, high),
            Measure::Log => (low / 2.0, low * 2.0),
            Measure::Time => (low - 43_200.0, low + 43_200.0),
            _ if low == 0.0 => (0.0, 1.0),
            _ => (low - low.abs() * 0.1, low + low.abs() * 0.1),
        };
        Self { measure, low, high, whole: false }
    }

    /// The same axis with marks at whole numbers only.
    pub fn whole(self, whole: bool) -> Self {
        Self { whole, ..self }
    }

    /// The distance between its marks.
    pub fn step(&self, marks: usize) -> f64 {
        let step = step(self.low, self.high, marks);
        if self.whole { step.max(1.0) } else { step }
    }

    /// Where a value is: 0 at the beginning, 1 at the end.
    pub fn place(&self, value: f64) -> f64 {
        let of = |value: f64| {
            if self.measure == Measure::Log { value.max(f64::MIN_POSITIVE).log10() } else { value }
        };
        // Halved, so that the largest numbers do not meet infinity.
        let span = of(self.high) / 2.0 - of(self.low) / 2.0;
        ((of(value) / 2.0 - of(self.low) / 2.0) / span).clamp(-1e6, 1e6)
    }

    /// The same axis with round ends, as far as marks are apart.
    pub fn rounded(mut self, marks: usize, keep_low: bool, keep_high: bool) -> Self {
        match self.measure {
            Measure::Linear => {
                let step = self.step(marks);
                if !keep_low {
                    self.low = (self.low / step).floor() * step;
                }
                if !keep_high {
                    self.high = (self.high / step).ceil() * step;
                }
            }
            Measure::Log => {
                if !keep_low {
                    self.low = 10_f64.powf(self.low.log10().floor()).max(f64::MIN_POSITIVE);
                }
                if !keep_high {
                    self.high = 10_f64.powf(self.high.log10().ceil()).min(f64::MAX);
                }
            }
            Measure::Time | Measure::Names(_) => {}
        }
        self
    }

    /// About so many marks.
    pub fn ticks(&self, marks: usize) -> Vec<Tick> {
        match &self.measure {
            Measure::Linear => linear(self.low, self.high, self.step(marks)),
            Measure::Log => logarithmic(self.low, self.high, marks),
            Measure::Time => time::ticks(self.low, self.high, marks),
            Measure::Names(names) => names
                .iter()
                .enumerate()
                .map(|(index, name)| Tick { at: index as f64, label: name.clone() })
                .collect(),
        }
    }
}

/// The distance between marks, of which there are then no more than asked for: 1, 2 or 5 times a power of ten.
pub fn step(low: f64, high: f64, marks: usize) -> f64 {
    let raw = (high / 2.0 - low / 2.0) / marks.max(1) as f64 * 2.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = match raw / power {
        ratio if ratio < 1.1 => power,
        ratio if ratio < 2.2 => 2.0 * power,
        ratio if ratio < 5.5 => 5.0 * power,
        _ => 10.0 * power,
    };
    if step.is_finite() && step > 0.0 { step } else { (high / 2.0 - low / 2.0).max(f64::MIN_POSITIVE) }
}

fn linear(low: f64, high: f64, step: f64) -> Vec<Tick> {
    let first = (low / step - 1e-9).ceil();
    let count = ((high / step + 1e-9).floor() - first).clamp(0.0, 200.0) as u32;
    let values: Vec<f64> = (0..=count)
        .map(|index| (first + f64::from(index)) * step)
        // Never `-0`, and no rests of rounding: 0.30000000000000004.
        .map(|value| if value.abs() < step / 1e6 { 0.0 } else { value })
        .collect();
    let form = Form::of(&values, step);
    values.into_iter().map(|at| Tick { at, label: form.write(at) }).collect()
}

fn logarithmic(low: f64, high: f64, marks: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
    let every = ((last - first) / i32::try_from(marks.max(1)).unwrap_or(i32::MAX)).max(1);
    if last - first < 2 {
        // Less than two powers of ten: 1, 2 and 5 of each.
        let mut ticks = Vec::new();
        for power in first - 1..=last {
            for factor in [1.0, 2.0, 5.0] {
                let at = factor * 10_f64.powi(power);
                if at >= low * (1.0 - 1e-9) && at <= high * (1.0 + 1e-9) {
                    ticks.push(Tick { at, label: number(at) });
                }
            }
        }
        return ticks;
    }
    (first..=last)
        .filter(|power| (power - first) % every == 0)
        .map(|power| 10_f64.powi(power))
        .map(|at| Tick { at, label: number(at) })
        .collect()
}

/// How the numbers of one axis are written: all alike.
struct Form {
    divisor: f64,
    suffix: &'static str,
    decimals: usize,
    scientific: bool,
}

impl Form {
    fn of(values: &[f64], step: f64) -> Self {
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let (divisor, suffix) = unit(largest);
        let step = step / divisor;
        let decimals = (0..12).find(|decimals| {
            let scaled = step * 10_f64.powi(*decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        });
        let decimals = usize::try_from(decimals.unwrap_or(12)).unwrap_or(0);
        Self { divisor, suffix, decimals, scientific: largest >= 1e16 || (largest < 1e-4 && largest > 0.0) }
    }

    fn write(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        if self.scientific {
            return scientific(value);
        }
        format!("{}{}", grouped(&format!("{:.*}", self.decimals, value / self.divisor)), self.suffix)
    }
}

/// One number by itself: at most five digits that count.
pub fn number(value: f64) -> String {
    number_among(value, value.abs())
}

/// One of several numbers, written in the unit of the largest.
pub fn number_among(value: f64, largest: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e16).contains(&size) {
        return scientific(value);
    }
    let (divisor, suffix) = unit(largest);
    let scaled = value / divisor;
    let whole = scaled.abs().log10().floor().clamp(-6.0, 6.0) as i32 + 1;
    let most = if suffix.is_empty() { 8 } else { 2 };
    let decimals = usize::try_from((5 - whole).clamp(0, 8)).unwrap_or(0).min(most);
    let text = format!("{scaled:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text.trim_start_matches('-') == "0" { number(value) } else { format!("{}{suffix}", grouped(text)) }
}

/// What large numbers are counted in.
fn unit(largest: f64) -> (f64, &'static str) {
    match largest {
        large if large >= 1e12 => (1e12, "T"),
        large if large >= 1e9 => (1e9, "B"),
        large if large >= 1e6 => (1e6, "M"),
        _ => (1.0, ""),
    }
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.1e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// With a comma between groups of three, from ten thousand on, and a real minus sign.
fn grouped(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (digits, String::new()),
    };
    if whole.len() < 5 {
        return format!("{sign}{whole}{fraction}");
    }
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{fraction}")
}
