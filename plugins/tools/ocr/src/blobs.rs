//! Connected pixels of a map.

/// A set of pixels that hang together: by rows, from which column to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Row, first column, first column that is no longer in it; a row may have several.
    pub runs: Vec<[i32; 3]>,
}

impl Blob {
    /// The corners of its pixels, those inside left out.
    pub fn corners(&self) -> Vec<[i32; 2]> {
        let mut corners = Vec::with_capacity(self.runs.len() * 4);
        for [row, start, end] in &self.runs {
            corners.extend([[*start, *row], [*end, *row], [*start, row + 1], [*end, row + 1]]);
        }
        corners
    }
}

/// The blobs of a map of `width` columns, in the order of their first pixels; pixels that touch at a corner hang together.
pub fn blobs(inside: &[bool], width: usize) -> Vec<Blob> {
    let mut runs: Vec<[i32; 3]> = Vec::new();
    // The parent of each run; a run that is its own parent is the first of its blob.
    let mut parents: Vec<usize> = Vec::new();
    let mut above = 0..0;
    for (row, pixels) in inside.chunks_exact(width.max(1)).enumerate() {
        let first = runs.len();
        let mut column = 0;
        while column < width {
            if !pixels[column] {
                column += 1;
                continue;
            }
            let start = column;
            while column < width && pixels[column] {
                column += 1;
            }
            // The sides of a map are far below what fits.
            let run = [row as i32, start as i32, column as i32];
            let own = runs.len();
            parents.push(own);
            // Runs of the row above that end before this one can touch none after it.
            while above.start < above.end && runs[above.start][2] < run[1] {
                above.start += 1;
            }
            for other in above.clone().take_while(|other| runs[*other][1] <= run[2]) {
                join(&mut parents, own, other);
            }
            runs.push(run);
        }
        above = first..runs.len();
    }
    let mut blobs: Vec<Blob> = Vec::new();
    let mut places: Vec<usize> = Vec::with_capacity(runs.len());
    for (index, run) in runs.into_iter().enumerate() {
        let root = root(&mut parents, index);
        // A root stands before all others of its blob.
        let place = if root == index { blobs.len() } else { places[root] };
        places.push(place);
        match blobs.get_mut(place) {
            Some(blob) => blob.runs.push(run),
            None => blobs.push(Blob { runs: vec![run] }),
        }
    }
    blobs
}

fn join(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(parents, one), root(parents, other));
    parents[one.max(other)] = one.min(other);
}

fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}
