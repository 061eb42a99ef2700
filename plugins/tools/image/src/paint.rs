//! Colours that a caller names.

use sport_sdk::Failure;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// Black.
pub const BLACK: Rgb = [0, 0, 0];
/// White.
pub const WHITE: Rgb = [255, 255, 255];

/// Colours of marks that have none of their own, in order: bright, and far from each other.
pub const MARKS: [Rgb; 8] = [
    [230, 25, 75],
    [0, 130, 200],
    [60, 180, 75],
    [245, 130, 48],
    [145, 30, 180],
    [0, 170, 170],
    [240, 50, 230],
    [128, 100, 0],
];

const NAMES: [(&str, Rgb); 14] = [
    ("black", BLACK),
    ("white", WHITE),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("red", [230, 0, 0]),
    ("orange", [255, 140, 0]),
    ("brown", [120, 70, 30]),
    ("yellow", [255, 220, 0]),
    ("green", [0, 160, 0]),
    ("cyan", [0, 200, 220]),
    ("blue", [0, 60, 230]),
    ("purple", [130, 40, 180]),
    ("magenta", [255, 0, 200]),
    ("pink", [255, 150, 180]),
];

/// A colour from its name, `#rrggbb` or `#rgb`.
pub fn parse(text: &str) -> Result<Rgb, Failure> {
    let name = text.trim().to_ascii_lowercase();
    if let Some((_, color)) = NAMES.iter().find(|(own, _)| *own == name) {
        return Ok(*color);
    }
    let hex = |digits: &str| u8::from_str_radix(digits, 16).ok();
    let digits = name.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let parts = match digits {
        Some(digits) if digits.len() == 6 => [hex(&digits[..2]), hex(&digits[2..4]), hex(&digits[4..])],
        Some(digits) if digits.len() == 3 => {
            [0, 1, 2].map(|index| hex(&digits[index..=index]).map(|value| value * 17))
        }
        _ => [None; 3],
    };
    if let [Some(red), Some(green), Some(blue)] = parts {
        return Ok([red, green, blue]);
    }
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "grey").collect();
    let short: String = text.chars().take(40).collect();
    let message = format!("`{short}` is no color; use #rrggbb or one of {}", names.join(", "));
    Err(Failure::invalid_input(message).code("bad-color"))
}

/// Black or white, whichever can be read on this colour.
pub fn on(color: Rgb) -> Rgb {
    let [red, green, blue] = color.map(u32::from);
    if red * 299 + green * 587 + blue * 114 > 140_000 { BLACK } else { WHITE }
}
