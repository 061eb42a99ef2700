//! Every bound on a table, with its reason. A call has 512 MiB and 20 seconds of cpu time.

/// Largest file: with its text decoded beside it and the cells, it stays well within the memory of a call.
pub const FILE_BYTES: u64 = 64 << 20;

/// Most rows: what a spreadsheet program can show.
pub const ROWS: usize = 1_048_576;

/// Most columns: far more than anybody names, few enough for a list of them.
pub const COLUMNS: usize = 2_048;

/// Most cells. One is 16 bytes and its text some 20 more, so these are about 200 MB.
pub const CELLS: usize = 4_000_000;

/// What a workbook may unpack to, all its parts together. A sheet of four million cells is some 160 MB of XML; a
/// zip bomb is a thousand times its file.
pub const UNPACKED_BYTES: u64 = 256 << 20;

/// What its shared texts may unpack to: they are held in memory, all of them, each with 24 bytes of its own.
pub const SHARED_TEXT_BYTES: u64 = 48 << 20;

/// Other parts that are held in memory as a whole: styles, the list of sheets, relations.
pub const PART_BYTES: u64 = 16 << 20;

/// Parts of a workbook: some per sheet, picture and chart.
pub const PARTS: usize = 4_096;

/// Sheets that are listed.
pub const SHEETS: usize = 256;

/// Longest name of a column; the rest is cut.
pub const NAME_CHARS: usize = 128;

/// How much of a text its delimiter is looked for in.
pub const SNIFFED_BYTES: usize = 64 << 10;
/// See [`SNIFFED_BYTES`].
pub const SNIFFED_RECORDS: usize = 200;

/// How much of a text its encoding is guessed from.
pub const GUESSED_BYTES: usize = 1 << 20;

/// Names in a message that lists what there is.
pub const NAMES_SHOWN: usize = 20;
