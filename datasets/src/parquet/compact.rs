//! Thrift's compact protocol (apache/thrift, `doc/specs/thrift-compact-protocol.md`), as far as schemas
//! and packed lengths need it. `None` where the bytes break off or are of another form.

/// Kinds of fields.
pub(super) const BYTE: u8 = 3;
pub(super) const I32: u8 = 5;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// The bytes that are left.
pub(super) struct Compact<'a>(pub &'a [u8]);

impl<'a> Compact<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number in bytes of seven bits each, the lowest first.
    pub fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number whose lowest bit is its sign.
    pub fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// The bytes of a text.
    pub fn binary(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// The number and kind of a struct's next field, after the field `last`; kind 0 at its end.
    pub fn field(&mut self, last: i16) -> Option<(i16, u8)> {
        let head = self.byte()?;
        let kind = head & 0x0F;
        let id = match (kind, head >> 4) {
            (0, _) => 0,
            (_, 0) => self.zigzag()? as i16,
            (_, more) => last.checked_add(i16::from(more))?,
        };
        Some((id, kind))
    }

    /// How many elements a list of structs has.
    pub fn structs(&mut self) -> Option<usize> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => usize::from(few),
        };
        // Each has a byte at least.
        (head & 0x0F == STRUCT && count <= self.0.len()).then_some(count)
    }

    /// Passes over a value; structs may lie in one another `depth` times.
    pub fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            // The kind of a truth says which it is.
            1 | 2 => Some(()),
            BYTE => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            BINARY => self.binary().map(drop),
            STRUCT => {
                let depth = depth.checked_sub(1)?;
                loop {
                    match self.field(0)? {
                        (_, 0) => return Some(()),
                        (_, kind) => self.skip(kind, depth)?,
                    }
                }
            }
            _ => None,
        }
    }
}
