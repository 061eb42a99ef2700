//! Rectangles that may be turned, as lines on a photograph are.

/// A rectangle by its middle, its direction and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slanted {
    /// x and y of the middle.
    pub center: [f32; 2],
    /// Where reading goes, of length 1; y points down.
    pub along: [f32; 2],
    /// Size in that direction.
    pub width: f32,
    /// Size across it.
    pub height: f32,
}

impl Slanted {
    /// The smallest rectangle around some points, lying as flat as it can: its direction is within 45 degrees of the x-axis.
    /// None if they are fewer than three, or in one line.
    pub fn around(points: &mut Vec<[i32; 2]>) -> Option<Self> {
        let hull = hull(points);
        let mut best: Option<Self> = None;
        // One side of the smallest rectangle lies on a side of the hull.
        for (index, start) in hull.iter().enumerate() {
            let end = hull[(index + 1) % hull.len()];
            let (x, y) = ((end[0] - start[0]) as f32, (end[1] - start[1]) as f32);
            let length = x.hypot(y);
            let found = Self::in_direction(&hull, [x / length, y / length]);
            if found.area() > 0.0 && best.is_none_or(|best| found.area() < best.area()) {
                best = Some(found);
            }
        }
        best
    }

    fn in_direction(points: &[[i32; 2]], side: [f32; 2]) -> Self {
        let along = match side {
            [x, y] if x.abs() >= y.abs() => [x * x.signum(), y * x.signum()],
            [x, y] => [y * y.signum(), -x * y.signum()],
        };
        let down = [-along[1], along[0]];
        let extent = |axis: [f32; 2]| {
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for point in points {
                let at = point[0] as f32 * axis[0] + point[1] as f32 * axis[1];
                (low, high) = (low.min(at), high.max(at));
            }
            ((low + high) / 2.0, high - low)
        };
        let ((across, width), (below, height)) = (extent(along), extent(down));
        let center = [across * along[0] + below * down[0], across * along[1] + below * down[1]];
        Self { center, along, width, height }
    }

    /// What it covers.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Across the direction of reading, to where the next line would be.
    pub fn down(&self) -> [f32; 2] {
        [-self.along[1], self.along[0]]
    }

    /// The same with its sides moved outwards.
    pub fn grown(self, by: f32) -> Self {
        Self { width: self.width + 2.0 * by, height: self.height + 2.0 * by, ..self }
    }

    /// The same in a picture of another size.
    pub fn scaled(self, factor: f32) -> Self {
        Self {
            center: self.center.map(|value| value * factor),
            along: self.along,
            width: self.width * factor,
            height: self.height * factor,
        }
    }

    /// The same read from top to bottom, as on the back of a book.
    pub fn upended(self) -> Self {
        Self { along: self.down(), width: self.height, height: self.width, ..self }
    }

    /// The upright box around it within a picture: `[left, top, right, bottom]`, right and bottom being the first that are
    /// no longer in it.
    pub fn upright(&self, [wide, high]: [u32; 2]) -> [u32; 4] {
        let [x, y] = self.center;
        let half_width = (self.width * self.along[0].abs() + self.height * self.along[1].abs()) / 2.0;
        let half_height = (self.width * self.along[1].abs() + self.height * self.along[0].abs()) / 2.0;
        // From f32 to u32 what is below 0 becomes 0.
        let (left, top) = ((x - half_width).floor() as u32, (y - half_height).floor() as u32);
        let (right, bottom) = ((x + half_width).ceil() as u32, (y + half_height).ceil() as u32);
        let (left, top) = (left.min(wide - 1), top.min(high - 1));
        [left, top, right.clamp(left + 1, wide), bottom.clamp(top + 1, high)]
    }
}

/// The points at the outer edge, in order (Andrew's monotone chain).
fn hull(points: &mut Vec<[i32; 2]>) -> Vec<[i32; 2]> {
    points.sort_unstable();
    points.dedup();
    let turns_left = |a: [i32; 2], b: [i32; 2], c: [i32; 2]| {
        let product = |p: [i32; 2], q: [i32; 2]| i64::from(p[0] - a[0]) * i64::from(q[1] - a[1]);
        product(b, c) - product(c, b) > 0
    };
    let half = |points: &mut dyn Iterator<Item = [i32; 2]>| {
        let mut chain: Vec<[i32; 2]> = Vec::new();
        for point in points {
            while chain.len() >= 2 && !turns_left(chain[chain.len() - 2], chain[chain.len() - 1], point) {
                chain.pop();
            }
            chain.push(point);
        }
        // The last is the first of the other half.
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}
