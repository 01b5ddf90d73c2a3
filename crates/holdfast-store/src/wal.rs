//! What SQLite would not say of its log: that it ends too early.
//!
//! SQLite takes the first frame whose checksum is wrong for the end of the log, as it is after a power cut in the
//! middle of a write. A damaged byte looks the same, and everything committed after it would be lost without a word.
//! What tells them apart is what comes after: a commit is on the disk before the next one begins, so only the last
//! one can be torn.
//!
//! The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use crate::StoreError;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// What all our stores have.
const PAGE: usize = 4096;
/// The last bit says in which order the checksum reads words.
const MAGIC: u32 = 0x377f_0682;

/// Refuses a log in which something was committed after the place where SQLite would stop reading. Nothing there, or
/// an empty file, is a log without commits.
pub(crate) fn check(wal: &Path) -> Result<(), StoreError> {
    let file = match File::open(wal) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unreadable(wal, &e)),
    };
    match scan(&mut BufReader::with_capacity(1 << 20, file)) {
        Ok(None) => Ok(()),
        Ok(Some(frame)) => Err(StoreError::Corrupt(format!(
            "frame {frame} of its write-ahead log {} is damaged, and commits stand after it",
            wal.display()
        ))),
        Err(e) => Err(unreadable(wal, &e)),
    }
}

fn unreadable(wal: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Open { path: wal.to_owned(), reason: error.to_string() }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    u32::from_be_bytes(four.unwrap_or_default())
}

/// Fills `buffer`; false where the file ends before.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// The running checksum of a log.
#[derive(Clone, Copy, PartialEq)]
struct Sum(u32, u32);

impl Sum {
    fn over(self, bytes: &[u8], big_endian: bool) -> Self {
        let read = |four: &[u8]| {
            let four = four.try_into().unwrap_or_default();
            if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        bytes.chunks_exact(8).fold(self, |Sum(a, b), pair| {
            let a = a.wrapping_add(read(&pair[..4])).wrapping_add(b);
            Sum(a, b.wrapping_add(read(&pair[4..])).wrapping_add(a))
        })
    }

    fn stored(bytes: &[u8], at: usize) -> Self {
        Self(word(bytes, at), word(bytes, at + 4))
    }
}

/// The number of the first frame that is wrong, 0 for the header, if a whole commit and then more stand behind it.
fn scan(log: &mut impl Read) -> std::io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    if !fill(log, &mut header)? {
        return Ok(None);
    }
    let big_endian = word(&header, 0) & 1 == 1;
    let mut sum = Sum(0, 0).over(&header[..24], big_endian);
    let whole = word(&header, 0) & !1 == MAGIC && sum == Sum::stored(&header, 24);
    let mut broken = (!whole).then_some(0);
    let page = if whole { word(&header, 8) as usize } else { PAGE };
    let (mut frame, mut number, mut committed) = (vec![0; FRAME_HEADER + page], 0, false);
    let mut salt = whole.then(|| header[16..24].to_vec());
    while fill(log, &mut frame)? {
        number += 1;
        // Frames of an earlier use of the file have another salt.
        let current = *salt.get_or_insert_with(|| frame[8..16].to_vec()) == frame[8..16];
        if broken.is_none() {
            sum = sum.over(&frame[..8], big_endian).over(&frame[FRAME_HEADER..], big_endian);
            if !current || sum != Sum::stored(&frame, 16) {
                broken = Some(number);
            }
        }
        if broken.is_some() && current {
            if committed {
                return Ok(broken);
            }
            committed = word(&frame, 4) != 0;
        }
    }
    Ok(None)
}
