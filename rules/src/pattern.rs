//! Regular expressions for short texts, matched whole: as much of RE2 as label matchers are written in.
//!
//! A general crate would weigh more than all that the agent does with it. Patterns become a program that is run with all its
//! possible places at once, so that no pattern and no text takes longer than one step a place and character.

use std::fmt;

/// The longest pattern, in bytes.
pub const PATTERN_MAX_BYTES: usize = 1000;
/// The longest program: what repetitions make of a pattern.
const STEPS_MAX: usize = 4000;
/// How deep groups may be nested.
const DEPTH_MAX: usize = 50;

/// A pattern that a text fits as a whole.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    program: Vec<Step>,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// Why a pattern can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(&'static str);

/// One step of a program. Places are counted from its beginning.
#[derive(Debug, Clone)]
enum Step {
    /// One character, if it is one of these.
    One(Class),
    /// Goes on at both places.
    Fork(usize, usize),
    /// Goes on at the text's beginning only.
    Begin,
    /// Goes on at the text's end only.
    End,
}

/// A set of characters.
#[derive(Debug, Clone, Default)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn one(c: char) -> Self {
        Class { ranges: vec![(c, c)], negated: false }
    }

    fn any() -> Self {
        Class { ranges: Vec::new(), negated: true }
    }

    fn has(&self, c: char) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != self.negated
    }

    /// `\d`, `\w`, `\s` and their opposites.
    fn perl(letter: char) -> Option<Self> {
        let ranges = match letter.to_ascii_lowercase() {
            'd' => vec![('0', '9')],
            'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            's' => vec![('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
            _ => return None,
        };
        Some(Class { ranges, negated: letter.is_ascii_uppercase() })
    }
}

impl Pattern {
    /// Understands a pattern.
    ///
    /// # Errors
    /// When it is none, or has more in it than is understood here.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_MAX_BYTES {
            return Err(PatternError("it is longer than 1000 bytes"));
        }
        let mut parser = Parser { rest: text.chars().collect::<Vec<_>>().into_iter().peekable(), depth: 0 };
        let program = parser.either()?;
        match parser.rest.next() {
            None => Ok(Pattern { text: text.to_owned(), program }),
            Some(_) => Err(PatternError("a parenthesis is closed that was not opened")),
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a text fits, from its first character to its last.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let mut places = Places::new(self.program.len());
        let mut next = Places::new(self.program.len());
        let mut chars = text.chars().peekable();
        self.follow(0, &mut places, true, chars.peek().is_none());
        while let Some(c) = chars.next() {
            let at_end = chars.peek().is_none();
            next.clear();
            for place in &places.list {
                if matches!(self.program.get(*place), Some(Step::One(class)) if class.has(c)) {
                    self.follow(place + 1, &mut next, false, at_end);
                }
            }
            if next.list.is_empty() {
                return false;
            }
            std::mem::swap(&mut places, &mut next);
        }
        places.list.contains(&self.program.len())
    }

    /// Adds a place, and all that are reached from there without a character.
    fn follow(&self, place: usize, places: &mut Places, at_begin: bool, at_end: bool) {
        places.open.push(place);
        while let Some(place) = places.open.pop() {
            if !places.add(place) {
                continue;
            }
            match self.program.get(place) {
                Some(Step::Fork(a, b)) => places.open.extend([*b, *a]),
                Some(Step::Begin) if at_begin => places.open.push(place + 1),
                Some(Step::End) if at_end => places.open.push(place + 1),
                _ => {}
            }
        }
    }
}

/// The places of a program that a text has come to, none twice.
struct Places {
    list: Vec<usize>,
    has: Vec<bool>,
    /// Those that are still to be followed; empty but for a moment.
    open: Vec<usize>,
}

impl Places {
    fn new(length: usize) -> Self {
        Places { list: Vec::new(), has: vec![false; length + 1], open: Vec::new() }
    }

    fn add(&mut self, place: usize) -> bool {
        match self.has.get_mut(place) {
            Some(has) if !*has => *has = true,
            _ => return false,
        }
        self.list.push(place);
        true
    }

    fn clear(&mut self) {
        self.list.clear();
        self.has.fill(false);
    }
}

struct Parser {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    depth: usize,
}

type Program = Vec<Step>;

/// Programs one behind the other. Their places are moved by what stands before.
fn append(program: &mut Program, more: &[Step]) -> Result<(), PatternError> {
    let by = program.len();
    if by + more.len() > STEPS_MAX {
        return Err(PatternError("its repetitions make it too long"));
    }
    program.extend(more.iter().map(|step| match step {
        Step::Fork(a, b) => Step::Fork(a + by, b + by),
        step => step.clone(),
    }));
    Ok(())
}

impl Parser {
    /// Alternatives, up to the end or a closing parenthesis.
    fn either(&mut self) -> Result<Program, PatternError> {
        let mut ways = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            ways.push(self.sequence()?);
        }
        let mut program = ways.pop().unwrap_or_default();
        while let Some(way) = ways.pop() {
            // Either this way and behind the others, or the others.
            let (first, second) = (way.len(), program.len());
            let mut both = vec![Step::Fork(1, first + 2)];
            append(&mut both, &way)?;
            both.push(Step::Fork(first + 2 + second, first + 2 + second));
            append(&mut both, &program)?;
            program = both;
        }
        Ok(program)
    }

    fn sequence(&mut self) -> Result<Program, PatternError> {
        let mut program = Program::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let atom = self.atom(c)?;
            let repeated = self.repeated(atom)?;
            append(&mut program, &repeated)?;
        }
        Ok(program)
    }

    fn atom(&mut self, c: char) -> Result<Program, PatternError> {
        let class = match c {
            '(' => return self.group(),
            '^' => return Ok(vec![Step::Begin]),
            '$' => return Ok(vec![Step::End]),
            '.' => Class::any(),
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => return Err(PatternError("there is nothing before * + or ? to repeat")),
            c => Class::one(c),
        };
        Ok(vec![Step::One(class)])
    }

    fn group(&mut self) -> Result<Program, PatternError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(PatternError("its parentheses are nested too deep"));
        }
        if self.rest.next_if_eq(&'?').is_some() && self.rest.next_if_eq(&':').is_none() {
            return Err(PatternError("of the groups that begin with (? only (?: is understood"));
        }
        let program = self.either()?;
        self.depth -= 1;
        match self.rest.next() {
            Some(')') => Ok(program),
            _ => Err(PatternError("a parenthesis is not closed")),
        }
    }

    /// What may follow an atom: `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`. Whether it is lazy changes nothing in what fits as a whole.
    fn repeated(&mut self, atom: Program) -> Result<Program, PatternError> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counts() {
                Some(counts) => counts,
                None => return Err(PatternError("write \\{ for a brace, or {2} or {2,5} to repeat")),
            },
            _ => return Ok(atom),
        };
        self.rest.next();
        self.rest.next_if_eq(&'?');
        if matches!(self.rest.peek(), Some('*' | '+' | '?' | '{')) {
            return Err(PatternError("a repetition is repeated: put it in parentheses"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(PatternError("a repetition's end is before its beginning"));
        }
        let mut program = Program::new();
        for _ in 0..least {
            append(&mut program, &atom)?;
        }
        let length = atom.len();
        match most {
            None => {
                let mut star = vec![Step::Fork(1, length + 2)];
                append(&mut star, &atom)?;
                star.push(Step::Fork(0, 0));
                append(&mut program, &star)?;
            }
            Some(most) => {
                let mut maybe = vec![Step::Fork(1, length + 1)];
                append(&mut maybe, &atom)?;
                for _ in least..most {
                    append(&mut program, &maybe)?;
                }
            }
        }
        Ok(program)
    }

    /// The numbers in braces, up to the closing one, which stays.
    fn counts(&mut self) -> Option<(usize, Option<usize>)> {
        self.rest.next();
        let least = self.number()?;
        let most = match self.rest.next_if_eq(&',') {
            None => Some(least),
            Some(_) if self.rest.peek() == Some(&'}') => None,
            Some(_) => Some(self.number()?),
        };
        (self.rest.peek() == Some(&'}')).then_some((least, most))
    }

    fn number(&mut self) -> Option<usize> {
        let mut digits = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(c);
        }
        digits.parse().ok().filter(|n| *n <= STEPS_MAX)
    }

    fn escape(&mut self) -> Result<Class, PatternError> {
        const UNKNOWN: PatternError = PatternError("what stands after a backslash is not understood");
        let c = self.rest.next().ok_or(PatternError("nothing stands after a backslash"))?;
        if let Some(class) = Class::perl(c) {
            return Ok(class);
        }
        match c {
            'n' => Ok(Class::one('\n')),
            't' => Ok(Class::one('\t')),
            'r' => Ok(Class::one('\r')),
            c if c.is_ascii_punctuation() => Ok(Class::one(c)),
            _ => Err(UNKNOWN),
        }
    }

    /// What stands in brackets, behind the opening one.
    fn class(&mut self) -> Result<Class, PatternError> {
        const OPEN: PatternError = PatternError("a bracket is not closed");
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let c = self.rest.next().ok_or(OPEN)?;
            let from = match c {
                ']' if !ranges.is_empty() => return Ok(Class { ranges, negated }),
                '[' if self.rest.peek() == Some(&':') => {
                    return Err(PatternError("classes such as [:alpha:] are not understood"));
                }
                '\\' => {
                    let class = self.escape()?;
                    match class.ranges.as_slice() {
                        [(from, to)] if from == to && !class.negated => *from,
                        _ if class.negated => {
                            return Err(PatternError("\\D, \\W and \\S can't stand in brackets"));
                        }
                        _ => {
                            ranges.extend(class.ranges);
                            continue;
                        }
                    }
                }
                c => c,
            };
            let mut to = from;
            if self.rest.next_if_eq(&'-').is_some() {
                match self.rest.peek() {
                    // A hyphen at the end is one.
                    Some(']') => ranges.push(('-', '-')),
                    _ => {
                        to = match self.rest.next().ok_or(OPEN)? {
                            '\\' => match self.escape()?.ranges.as_slice() {
                                [(from, to)] if from == to => *from,
                                _ => return Err(PatternError("a range in brackets has no end")),
                            },
                            c => c,
                        };
                    }
                }
            }
            if to < from {
                return Err(PatternError("a range in brackets runs backwards"));
            }
            ranges.push((from, to));
        }
    }
}

#[cfg(test)]
mod tests;
