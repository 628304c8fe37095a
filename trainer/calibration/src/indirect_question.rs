//! A question as part of a sentence: "What is the capital of France?" → "what the capital of France
//! is".

/// Words that begin a question after an optional preposition.
const QUESTION_WORDS: [&str; 9] = [
    "what", "which", "who", "whom", "whose", "where", "when", "why", "how",
];
const PREPOSITIONS: [&str; 10] = [
    "in", "on", "at", "of", "to", "by", "from", "for", "with", "into",
];
const BE_AND_HAVE: [&str; 10] = [
    "is", "are", "was", "were", "has", "have", "had", "can", "will", "would",
];
/// Participles that do not end in -ed.
const PARTICIPLES: [&str; 7] = [
    "found", "spoken", "born", "made", "known", "written", "built",
];
/// Verbs with their third person, for questions with "does".
const VERBS: [(&str, &str); 9] = [
    ("stand for", "stands for"),
    ("belong to", "belongs to"),
    ("refer to", "refers to"),
    ("lie in", "lies in"),
    ("come from", "comes from"),
    ("use", "uses"),
    ("mean", "means"),
    ("have", "has"),
    ("serve", "serves"),
];

/// The indirect form, where the question has one of the plain forms that are known here; `None`
/// where it has not, since a wrong word order reads worse than none.
///
/// ```
/// use calibration::indirect_question::indirect_question;
/// let indirect = indirect_question("Which country is Lyon in?");
/// assert_eq!(indirect.as_deref(), Some("which country Lyon is in"));
/// ```
pub fn indirect_question(question: &str) -> Option<String> {
    let question = question.trim();
    let body = question.strip_suffix('?')?.trim_end();
    // Several sentences, or lines: not one plain question.
    if body.contains(['?', '\n']) || body.split(' ').rev().skip(1).any(ends_a_sentence) {
        return None;
    }
    let mut words: Vec<String> = body.split_whitespace().map(str::to_owned).collect();
    let first = words.first_mut()?;
    *first = first.to_lowercase();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begins_with_preposition = PREPOSITIONS.contains(&words[0]);
    let question_word = usize::from(begins_with_preposition);
    if !QUESTION_WORDS.contains(words.get(question_word)?) {
        return None;
    }
    let verb = words
        .iter()
        .position(|word| BE_AND_HAVE.contains(word) || matches!(*word, "does" | "do" | "did"));
    let Some(verb) = verb.filter(|verb| *verb > question_word) else {
        // "Who wrote Hamlet": the subject asks, nothing moves.
        return (!begins_with_preposition && words.len() > 1).then(|| words.join(" "));
    };
    let (asked, rest) = (&words[..verb], &words[verb + 1..]);
    let last = *rest.last()?;
    match words[verb] {
        "does" => with_third_person(asked, rest),
        "do" | "did" => None,
        verb if PREPOSITIONS.contains(&last) && rest.len() > 1 => {
            // "which country is Lyon in"
            let (subject, preposition) = rest.split_at(rest.len() - 1);
            Some(join(&[asked, subject, &[verb], preposition]))
        }
        verb if is_participle(last) && rest.len() > 1 => {
            // "in which country is Lyon located"
            let (subject, participle) = rest.split_at(rest.len() - 1);
            Some(join(&[asked, subject, &[verb], participle]))
        }
        verb if begins_with_preposition => match rest.iter().position(|word| *word == "the") {
            // "of which country is Paris the capital"
            Some(at) if at > 0 => Some(join(&[asked, &rest[..at], &[verb], &rest[at..]])),
            _ => Some(join(&[asked, rest, &[verb]])),
        },
        // "what is the capital of France"
        verb if asked.len() == 1 && matches!(rest[0], "the" | "a" | "an") => {
            Some(join(&[asked, rest, &[verb]]))
        }
        // "which city is the capital of France": the subject asks.
        _ if asked.len() > 1 => Some(words.join(" ")),
        // "what currency", "who is …"
        verb if matches!(asked[0], "who" | "where" | "when" | "what") => {
            Some(join(&[asked, rest, &[verb]]))
        }
        _ => None,
    }
}

/// A word with a full stop, unless it is an abbreviation ("U.S.", "J.").
fn ends_a_sentence(word: &str) -> bool {
    word.strip_suffix('.')
        .is_some_and(|word| word.len() > 1 && !word.contains('.'))
}

/// A word before which the verb stands: "in which country Lyon is located". Names begin with a
/// capital.
fn is_participle(word: &str) -> bool {
    PARTICIPLES.contains(&word)
        || word.len() > 3 && word.ends_with("ed") && word.starts_with(char::is_lowercase)
}

/// "what does NASA stand for" → "what NASA stands for".
fn with_third_person(asked: &[&str], rest: &[&str]) -> Option<String> {
    VERBS.iter().find_map(|(verb, third_person)| {
        let verb: Vec<&str> = verb.split(' ').collect();
        let subject = rest.strip_suffix(verb.as_slice())?;
        (!subject.is_empty()).then(|| join(&[asked, subject, &[third_person]]))
    })
}

fn join(parts: &[&[&str]]) -> String {
    parts.concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_questions_are_turned() {
        for (question, wanted) in [
            (
                "What is the capital of France?",
                "what the capital of France is",
            ),
            (
                "Which city is the capital of Australia?",
                "which city is the capital of Australia",
            ),
            ("Which country is Lyon in?", "which country Lyon is in"),
            ("In which country is Lyon?", "in which country Lyon is"),
            (
                "In which US state is Austin located?",
                "in which US state Austin is located",
            ),
            (
                "In which country was iron discovered?",
                "in which country iron was discovered",
            ),
            (
                "In which U.S. state is Reed?",
                "in which U.S. state Reed is",
            ),
            ("On which continent is Chad?", "on which continent Chad is"),
            (
                "Of which country is Paris the capital?",
                "of which country Paris is the capital",
            ),
            ("What does NASA stand for?", "what NASA stands for"),
            (
                "What currency does Sri Lanka use?",
                "what currency Sri Lanka uses",
            ),
            (
                "What currency is used in Peru?",
                "what currency is used in Peru",
            ),
            ("Who wrote Hamlet?", "who wrote Hamlet"),
        ] {
            assert_eq!(
                indirect_question(question).as_deref(),
                Some(wanted),
                "{question}"
            );
        }
    }

    #[test]
    fn others_are_left_alone() {
        for question in [
            "",
            "?",
            "Name a city.",
            "It rains. What is wet?",
            "Is Paris in France?",
            "What did he see?",
            "Why?",
        ] {
            assert_eq!(indirect_question(question), None, "{question}");
        }
    }
}
