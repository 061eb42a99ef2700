//! Days and moments on an axis.

use sport_tabular::infer;

use crate::scale::Tick;

const DAY: f64 = 86_400.0;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a day or a moment; zones are taken into account.
pub fn parse(text: &str) -> Option<f64> {
    // A year alone is a number, and `5.3.2024` a day.
    let text = infer::datetime(text.trim())?;
    let (day, time) = text.split_once('T').unwrap_or((&text, "00:00:00"));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let days = days(parts.next()??, parts.next()??, parts.next()??);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    let seconds = parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??;
    let shift = match zone.as_bytes() {
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let digits: Vec<f64> =
                rest.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| f64::from(byte - b'0')).collect();
            let pair = |at: usize| digits.get(at).unwrap_or(&0.0) * 10.0 + digits.get(at + 1).unwrap_or(&0.0);
            (pair(0) * 3600.0 + pair(2) * 60.0) * if *sign == b'-' { -1.0 } else { 1.0 }
        }
        _ => 0.0,
    };
    Some(days as f64 * DAY + seconds - shift)
}

/// Days since 1970 of a date of our calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month > 2 { year } else { year - 1 };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * shifted + shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400) + in_year
        - 719_468
}

/// The date of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let in_era = shifted.rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Distances between marks that people count in.
const SECONDS: [f64; 15] = [
    1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0,
    43_200.0,
];
const DAYS: [i64; 4] = [1, 2, 7, 14];
const IN_MONTHS: [i64; 12] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000];

/// About so many marks.
pub fn ticks(low: f64, high: f64, marks: usize) -> Vec<Tick> {
    let marks = marks.max(1) as f64;
    let least = (high - low) / marks;
    let (first_day, last_day) = ((low / DAY).floor() as i64, (high / DAY).ceil() as i64);
    let mut ticks = Vec::new();
    if let Some(step) = SECONDS.into_iter().find(|step| *step >= least) {
        let several_days = high - low > DAY;
        let first = (low / step).ceil();
        let count = ((high / step).floor() - first).clamp(0.0, 200.0) as u32;
        for index in 0..=count {
            let at = (first + f64::from(index)) * step;
            let day = (at / DAY).floor();
            let second = (at - day * DAY).round() as i64;
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let label = match (several_days, step < 60.0) {
                (true, _) => {
                    let (_, month, day) = date(day as i64);
                    format!("{day} {} {hour:02}:{minute:02}", month_name(month))
                }
                (false, true) => format!("{hour:02}:{minute:02}:{second:02}"),
                (false, false) => format!("{hour:02}:{minute:02}"),
            };
            ticks.push(Tick { at, label });
        }
    } else if let Some(step) = DAYS.into_iter().find(|step| *step as f64 * DAY >= least) {
        let several_years = date(first_day).0 != date(last_day).0;
        // From a Monday on, where weeks are counted.
        let first = first_day + (4 - first_day).rem_euclid(step);
        for day in (first..=last_day).step_by(usize::try_from(step).unwrap_or(1)) {
            let (year, month, of_month) = date(day);
            let year = if several_years { format!(" {year}") } else { String::new() };
            ticks.push(Tick {
                at: day as f64 * DAY,
                label: format!("{of_month} {}{year}", month_name(month)),
            });
        }
    } else {
        let step = IN_MONTHS.into_iter().find(|step| *step as f64 * DAY * 30.4 >= least).unwrap_or(12_000);
        let (year, month, _) = date(first_day);
        let first = (year * 12 + month - 1).div_euclid(step) * step;
        let (year, month, _) = date(last_day);
        for months in (first..=year * 12 + month).step_by(usize::try_from(step).unwrap_or(1)) {
            let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
            let label =
                if step % 12 == 0 { year.to_string() } else { format!("{} {year}", month_name(month)) };
            ticks.push(Tick { at: days(year, month, 1) as f64 * DAY, label });
        }
    }
    ticks.retain(|tick| tick.at >= low && tick.at <= high);
    ticks
}

fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or("?")
}
