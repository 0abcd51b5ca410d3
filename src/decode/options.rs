//! Options of IPv4 and TCP headers (RFC 791 3.1, RFC 9293 3.1), which have the same form.

/// End of the option list.
pub(super) const END: u8 = 0;
/// No-operation.
pub(super) const NOP: u8 = 1;

/// The options in order, as kind and value, up to the end of the list or the first malformed one. No-operations and
/// the end are options without a value and without a length.
pub(super) fn walk(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || match *rest {
        [END, ..] => {
            rest = &[];
            Some((END, rest))
        }
        [NOP, ref tail @ ..] => {
            rest = tail;
            Some((NOP, &[][..]))
        }
        [kind, len, ref tail @ ..] => {
            let (value, next) = tail.split_at_checked(usize::from(len).checked_sub(2)?)?;
            rest = next;
            Some((kind, value))
        }
        _ => None,
    })
}

/// The options as [`walk`] gives them, and each byte of the padding, which is ends of the list too.
pub(super) fn walk_all(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let end = walk(bytes).scan(0, |at, (kind, value)| {
        *at += if kind == END || kind == NOP { 1 } else { 2 + value.len() };
        Some((kind, *at))
    });
    let padding = end.last().filter(|&(kind, _)| kind == END).and_then(|(_, at)| bytes.get(at..)).unwrap_or_default();
    walk(bytes).chain(padding.iter().take_while(|&&byte| byte == END).map(|_| (END, &[][..])))
}

/// The kinds of [`walk`].
pub(super) fn kinds(bytes: &[u8]) -> impl Iterator<Item = u8> {
    walk(bytes).map(|(kind, _)| kind)
}

/// The lengths of those of [`walk`] that have one, in bytes with kind and length.
pub(super) fn lengths(bytes: &[u8]) -> impl Iterator<Item = u8> {
    lengths_of(walk(bytes))
}

/// The lengths of those of `options` that have one, in bytes with kind and length.
pub(super) fn lengths_of<'a>(options: impl Iterator<Item = (u8, &'a [u8])>) -> impl Iterator<Item = u8> {
    // The length was read from one byte.
    options.filter(|&(kind, _)| kind != NOP && kind != END).map(|(_, value)| value.len() as u8 + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_padding_is_an_end() {
        let kinds = |bytes: &[u8]| walk_all(bytes).map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(&[1, 2, 4, 5, 180, 0, 0, 0]), [1, 2, 0, 0, 0]);
        assert_eq!(kinds(&[0, 0, 1, 0]), [0, 0]);
        assert_eq!(kinds(&[1, 3, 9, 0, 0]), [1]);
    }

    #[test]
    fn a_lying_length_ends_the_list() {
        let bytes = [2, 4, 5, 180, 1, 254, 3, 9, 0, 7];
        assert_eq!(kinds(&bytes).collect::<Vec<_>>(), [2, 1, 254, 0]);
        assert_eq!(lengths(&bytes).collect::<Vec<_>>(), [4, 3]);
        for lying in [&[3, 1, 7][..], &[3, 0, 7], &[3, 9, 7], &[3]] {
            assert_eq!(walk(lying).count(), 0);
        }
    }
}
