//! Small pictures under the names that the grammar knows, so that a test needs no download.

use std::fs;
use std::path::Path;

/// Names of two training and two held-out images, with sizes; a family looks at a corner of 64 by 64.
const PICTURES: [(&str, u32, u32); 4] =
    [("astronaut.png", 70, 66), ("coffee.png", 90, 80), ("horse.png", 100, 72), ("text.png", 65, 77)];

/// Writes them.
pub fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, width, height) in PICTURES {
        fs::write(folder.join(name), png(width, height)).unwrap();
    }
}

/// A reddish RGB picture as PNG, uncompressed.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in 0..height {
        rows.push(0); // no filter
        for column in 0..width {
            rows.extend([200, (10 * row) as u8, (10 * column) as u8]);
        }
    }
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(b"IHDR", &header));
    bytes.extend(chunk(b"IDAT", &stored(&rows)));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut body = kind.to_vec();
    body.extend(data);
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&body);
    chunk.extend(crc32(&body).to_be_bytes());
    chunk
}

/// One stored block of a zlib stream.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    let mut stream = vec![0x78, 0x01, 1];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
