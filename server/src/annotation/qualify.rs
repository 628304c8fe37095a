//! Who may begin: those who rated enough of the training items right.

/// What the training says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualified {
    /// Training items are left.
    NotYet,
    Admitted,
    Refused,
}

/// What follows from the first words on the training items, of which there are `asked`: right, wrong, or
/// skipped (`None`), which is not right. Later words do not count: the right one has been told by then.
///
/// ```
/// use sayself_server::annotation::qualify::{Qualified, qualified};
/// assert_eq!(qualified(2, &[Some(true), None], 0.5), Qualified::Admitted);
/// ```
pub fn qualified(asked: usize, first_words: &[Option<bool>], share_needed: f64) -> Qualified {
    if first_words.len() < asked {
        return Qualified::NotYet;
    }
    let right = first_words
        .iter()
        .filter(|word| **word == Some(true))
        .count();
    // Shares such as 0.7 of 10 are not whole numbers in binary.
    if asked == 0 || right as f64 >= share_needed * asked as f64 - 1e-9 {
        Qualified::Admitted
    } else {
        Qualified::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_decides_once_all_are_rated() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(qualified(0, &[], 1.0), Qualified::Admitted);
        assert_eq!(qualified(4, &[yes, yes, yes], 0.5), Qualified::NotYet);
        assert_eq!(
            qualified(4, &[yes, yes, no, None], 0.5),
            Qualified::Admitted
        );
        assert_eq!(qualified(4, &[yes, no, no, None], 0.5), Qualified::Refused);
        assert_eq!(qualified(2, &[no, no], 0.0), Qualified::Admitted);
        let seven: Vec<Option<bool>> = (0..10).map(|item| Some(item < 7)).collect();
        assert_eq!(qualified(10, &seven, 0.7), Qualified::Admitted);
    }
}
