//! What is around the data: title, legend, axes with their marks and names. It is measured before it is drawn, so that
//! nothing is cut off and nothing covers anything.

use sport_lettering::{Lettering, Weight};
use sport_sdk::Failure;

use crate::scale::{Measure, Scale, Tick};
use crate::scene::{Anchor, Paint, Rect, Scene, Shape, Text};
use crate::style::{self, Sizes};

/// Entries of a legend that are shown; more are counted.
const LEGEND_ENTRIES: usize = 24;

/// What is written around the data.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Above all.
    pub title: Option<String>,
    /// Below the x axis.
    pub x_label: Option<String>,
    /// Beside the y axis.
    pub y_label: Option<String>,
}

/// A picture in the making.
pub struct Frame {
    /// What is drawn so far.
    pub scene: Scene,
    /// Sizes of everything.
    pub sizes: Sizes,
    /// For text.
    pub regular: Lettering,
    bold: Lettering,
    /// What is free for the data and its axes.
    pub free: Rect,
}

impl Frame {
    /// Begins a picture with its title.
    pub fn new(width: u32, height: u32, words: &Words) -> Result<Self, Failure> {
        let sizes = Sizes::of(width, height);
        let margin = sizes.margin;
        let free = Rect {
            left: margin,
            top: margin,
            width: width as f32 - 2.0 * margin,
            height: height as f32 - 2.0 * margin,
        };
        let mut frame = Self {
            scene: Scene {
                width,
                height,
                title: words.title.clone().unwrap_or_default(),
                shapes: Vec::new(),
            },
            sizes,
            regular: Lettering::regular()?,
            bold: Lettering::bold()?,
            free,
        };
        if let Some(title) = words.title.as_deref().filter(|title| !title.trim().is_empty()) {
            frame.title(title);
        }
        Ok(frame)
    }

    /// In one or two lines; what does not fit is cut.
    fn title(&mut self, title: &str) {
        let size = self.sizes.title;
        let mut lines = vec![String::new()];
        for word in title.split_whitespace() {
            let last = lines.len() - 1;
            let longer =
                if lines[last].is_empty() { word.to_owned() } else { format!("{} {word}", lines[last]) };
            if lines.len() == 2 || lines[last].is_empty() || self.bold.width(&longer, size) <= self.free.width
            {
                lines[last] = longer;
            } else {
                lines.push(word.to_owned());
            }
        }
        for line in lines {
            let text = self.bold.fit(&line, size, self.free.width);
            let y = self.free.top + self.bold.ascent(size) * 0.85;
            self.text(text, self.free.left, y, size, Anchor::Start, 0.0, style::INK, Weight::Bold);
            self.take_top(size * 1.3);
        }
        self.take_top(self.sizes.gap * 0.6);
    }

    /// Names of the series with their colours, in as many lines as it takes, but no more than a third of the picture.
    pub fn legend(&mut self, entries: &[(String, Paint)]) {
        if entries.is_empty() {
            return;
        }
        let size = self.sizes.label;
        let (mark, gap) = (size * 0.8, self.sizes.gap);
        let lines = ((self.free.height / 3.0 / (size * 1.6)) as usize).max(1);
        let (mut x, mut y, mut line) = (self.free.left, self.free.top, 1);
        for (index, (name, paint)) in entries.iter().enumerate() {
            let name = self.regular.fit(name, size, self.free.width * 0.42);
            let width = mark + gap * 0.7 + self.regular.width(&name, size);
            if x + width > self.free.right() && x > self.free.left {
                (x, y, line) = (self.free.left, y + size * 1.6, line + 1);
            }
            let more = format!("and {} more", entries.len() - index);
            // The last line keeps room for how many are not shown.
            let needed = width + gap * 2.2 + self.regular.width(&more, size);
            let last = index + 1 == entries.len();
            if index == LEGEND_ENTRIES || (line == lines && !last && x + needed > self.free.right()) {
                let more = self.regular.fit(&more, size, self.free.right() - x);
                self.text(
                    more,
                    x,
                    y + size * 0.88,
                    size,
                    Anchor::Start,
                    0.0,
                    style::FAINT_INK,
                    Weight::Regular,
                );
                break;
            }
            let square = Rect { left: x, top: y + size * 0.18, width: mark, height: mark };
            self.scene.shapes.push(Shape::Block(square, *paint));
            let left = x + mark + gap * 0.7;
            self.text(name, left, y + size * 0.88, size, Anchor::Start, 0.0, style::INK, Weight::Regular);
            x += width + gap * 2.2;
        }
        self.take_top(y - self.free.top + size * 1.6 + gap * 0.6);
    }

    /// Draws both axes and gives the rectangle in which the data belongs. `grid` says on which axis lines go through it.
    pub fn axes(&mut self, x: &Scale, y: &Scale, words: &Words, grid: (bool, bool)) -> Rect {
        let Sizes { label, tick: size, gap, .. } = self.sizes;
        let named = |name: &Option<String>| name.as_deref().is_some_and(|name| !name.trim().is_empty());
        let (x_named, y_named) = (named(&words.x_label), named(&words.y_label));

        let mut area = self.free;
        if x_named {
            area.height -= label * 1.25 + gap;
        }
        if y_named {
            area.left += label * 1.25 + gap;
            area.width -= label * 1.25 + gap;
        }
        // The marks of the y axis, for a height that is nearly known.
        let y_marks = ((area.height - size * 3.0) / (size * 4.2)).clamp(2.0, 12.0) as usize;
        let mut y_ticks = y.ticks(y_marks);
        let longest = area.width * if matches!(y.measure, Measure::Names(_)) { 0.4 } else { 0.25 };
        for tick in &mut y_ticks {
            tick.label = self.regular.fit(&tick.label, size, longest);
        }
        let widest = y_ticks.iter().map(|tick| self.regular.width(&tick.label, size)).fold(0.0, f32::max);
        area.left += widest + gap;
        area.width -= widest + gap;
        // Half of the last mark of the x axis may reach beyond it.
        area.width -= size;
        area.top += size * 0.5;
        area.height -= size * 0.5;

        let (mut x_ticks, turned) = self.x_ticks(x, area);
        let turned = if turned {
            self.make_room(x, &mut x_ticks, &mut area);
            true
        } else {
            self.keep_ends(x, &x_ticks, &mut area);
            let again = self.x_ticks(x, area);
            x_ticks = again.0;
            again.1
        };
        let below = if turned {
            let widest = x_ticks.iter().map(|tick| self.regular.width(&tick.label, size)).fold(0.0, f32::max);
            widest * std::f32::consts::FRAC_1_SQRT_2 + size + gap
        } else {
            size * 1.1 + gap
        };
        area.height = (area.height - below).max(1.0);

        self.y_axis(y, &y_ticks, area, grid.1);
        self.x_axis(x, &x_ticks, area, turned, grid.0);
        if let Some(name) = words.x_label.as_deref().filter(|_| x_named) {
            let name = self.regular.fit(name, label, area.width);
            let (x, y) = (area.left + area.width / 2.0, self.free.bottom() - label * 0.25);
            self.text(name, x, y, label, Anchor::Middle, 0.0, style::INK, Weight::Regular);
        }
        if let Some(name) = words.y_label.as_deref().filter(|_| y_named) {
            let name = self.regular.fit(name, label, area.height);
            let (x, y) = (self.free.left + label * 0.85, area.top + area.height / 2.0);
            self.text(name, x, y, label, Anchor::Middle, -90.0, style::INK, Weight::Regular);
        }
        area
    }

    /// Marks of the x axis that do not touch: fewer numbers, or names turned and, if that is not enough, left out.
    fn x_ticks(&self, x: &Scale, area: Rect) -> (Vec<Tick>, bool) {
        let size = self.sizes.tick;
        let mut ticks = Vec::new();
        for marks in (1..=10).rev() {
            ticks = x.ticks(marks);
            let widest = ticks.iter().map(|tick| self.regular.width(&tick.label, size)).fold(0.0, f32::max);
            let apart =
                ticks.windows(2).map(|pair| x.place(pair[1].at) - x.place(pair[0].at)).fold(1.0, f64::min);
            if widest + size * 0.8 <= apart as f32 * area.width {
                return (ticks, false);
            }
            if matches!(x.measure, Measure::Names(_)) {
                let longest = (area.height * 0.35 * std::f32::consts::SQRT_2).min(size * 16.0);
                for tick in &mut ticks {
                    tick.label = self.regular.fit(&tick.label, size, longest);
                }
                let room = (area.width / (size * 1.5)).max(1.0) as usize;
                let every = ticks.len().div_ceil(room).max(1);
                return (ticks.into_iter().step_by(every).collect(), true);
            }
        }
        (ticks, false)
    }

    /// Half of the first and of the last mark reach beyond the axis, and may reach beyond the picture.
    fn keep_ends(&self, x: &Scale, ticks: &[Tick], area: &mut Rect) {
        let half = |tick: &Tick| self.regular.width(&tick.label, self.sizes.tick) / 2.0;
        let spare = self.sizes.margin / 2.0;
        if let Some(tick) = ticks.first() {
            let beyond = self.free.left - spare - (x_of(x, *area, tick.at) - half(tick));
            area.left += beyond.max(0.0);
            area.width -= beyond.max(0.0);
        }
        if let Some(tick) = ticks.last() {
            area.width -= (x_of(x, *area, tick.at) + half(tick) - self.free.right() - spare).max(0.0);
        }
    }

    /// Names that are turned reach to the left of the place where they stand: what the axis cannot give way to is cut.
    fn make_room(&self, x: &Scale, ticks: &mut [Tick], area: &mut Rect) {
        let size = self.sizes.tick;
        let slant = std::f32::consts::FRAC_1_SQRT_2;
        let beyond = |tick: &Tick, area: Rect| {
            self.free.left + self.regular.width(&tick.label, size) * slant + size * 0.3
                - x_of(x, area, tick.at)
        };
        let most = ticks.iter().map(|tick| beyond(tick, *area)).fold(0.0, f32::max);
        let most = (most * 1.05).min(self.free.width * 0.16);
        area.left += most;
        area.width -= most;
        for tick in ticks {
            let beyond = beyond(tick, *area);
            if beyond > 0.0 {
                let width = self.regular.width(&tick.label, size) - beyond / slant;
                tick.label = self.regular.fit(&tick.label, size, width.max(0.0));
            }
        }
    }

    fn y_axis(&mut self, y: &Scale, ticks: &[Tick], area: Rect, grid: bool) {
        let Sizes { tick: size, gap, grid: width, .. } = self.sizes;
        let room = (area.height / (size * 1.25)).max(1.0) as usize;
        let every = ticks.len().div_ceil(room).max(1);
        for tick in ticks.iter().step_by(every) {
            let place = y_of(y, area, tick.at);
            if grid {
                let points = vec![(area.left, place), (area.right(), place)];
                self.scene.shapes.push(Shape::Line { points, width, paint: style::GRID });
            }
            let (x, below) = (area.left - gap, place + size * 0.36);
            self.text(
                tick.label.clone(),
                x,
                below,
                size,
                Anchor::End,
                0.0,
                style::FAINT_INK,
                Weight::Regular,
            );
        }
    }

    fn x_axis(&mut self, x: &Scale, ticks: &[Tick], area: Rect, turned: bool, grid: bool) {
        let Sizes { tick: size, gap, grid: width, .. } = self.sizes;
        for tick in ticks {
            let place = x_of(x, area, tick.at);
            if grid {
                let points = vec![(place, area.top), (place, area.bottom())];
                self.scene.shapes.push(Shape::Line { points, width, paint: style::GRID });
            }
            let label = tick.label.clone();
            let y = area.bottom() + gap + size * 0.8;
            if turned {
                let (x, y) = (place + size * 0.35, y - size * 0.1);
                self.text(label, x, y, size, Anchor::End, -45.0, style::FAINT_INK, Weight::Regular);
            } else {
                self.text(label, place, y, size, Anchor::Middle, 0.0, style::FAINT_INK, Weight::Regular);
            }
        }
    }

    /// The line from which values are measured: at 0 if it is in sight, else at the edge.
    pub fn baselines(&mut self, x: &Scale, y: &Scale, area: Rect, horizontal: bool) {
        let zero = |scale: &Scale| {
            if scale.measure == Measure::Linear && scale.low < 0.0 && scale.high > 0.0 {
                0.0
            } else {
                scale.low
            }
        };
        let points = if horizontal {
            let place = x_of(x, area, zero(x));
            vec![(place, area.top), (place, area.bottom())]
        } else {
            let place = y_of(y, area, zero(y));
            vec![(area.left, place), (area.right(), place)]
        };
        self.scene.shapes.push(Shape::Line { points, width: self.sizes.grid * 1.4, paint: style::AXIS });
    }

    /// Adds a text.
    #[expect(clippy::too_many_arguments, reason = "a text has as many properties")]
    pub fn text(
        &mut self,
        text: String,
        x: f32,
        y: f32,
        size: f32,
        anchor: Anchor,
        degrees: f32,
        paint: Paint,
        weight: Weight,
    ) {
        self.scene.shapes.push(Shape::Text(Text { text, x, y, size, weight, anchor, degrees, paint }));
    }

    fn take_top(&mut self, height: f32) {
        self.free.top += height;
        self.free.height = (self.free.height - height).max(1.0);
    }
}

/// Where a value is from left to right.
pub fn x_of(scale: &Scale, area: Rect, value: f64) -> f32 {
    area.left + (scale.place(value) * f64::from(area.width)) as f32
}

/// Where a value is from top to bottom.
pub fn y_of(scale: &Scale, area: Rect, value: f64) -> f32 {
    area.bottom() - (scale.place(value) * f64::from(area.height)) as f32
}
