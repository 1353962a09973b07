//! What the gate tells, as one JSON object: the same in the file, at the socket and from `highwater gate --json`.

use super::{Licence, State};
use highwater_rules::dead_man::Term;
use highwater_rules::grace::{Since, Stage};
use highwater_rules::licence::{Because, LicenceState};
use serde::{Deserialize, Serialize};

/// What the gate tells. Moments are unix seconds here, and RFC 3339 in UTC in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The stage.
    #[serde(with = "stage")]
    pub state: Stage,
    /// What the stage comes from. A file of before there were licences knows of grace only.
    #[serde(with = "because", default = "grace")]
    pub because: Because,
    /// Whether the metered software may run.
    pub may_run: bool,
    /// Days of grace left at `written_at`, rounded up.
    pub days_left: i64,
    /// Seconds of grace left at `written_at`.
    pub seconds_left: i64,
    /// When the next report is due.
    #[serde(with = "moment_or_null")]
    pub next_report_due: Option<i64>,
    /// When grace ends: `seconds_left` after `written_at`.
    #[serde(with = "moment")]
    pub grace_end: i64,
    /// How much more of it is used up than the clock shows, in seconds.
    #[serde(default)]
    pub ahead_s: i64,
    /// When the contract ends.
    #[serde(with = "moment_or_null")]
    pub contract_end: Option<i64>,
    /// The licence, and its own dates.
    #[serde(default)]
    pub licence: LicenceNote,
    /// What grace is counted from.
    pub since: Start,
    /// The instance's id.
    pub instance: String,
    /// Whom central counts the instance for.
    pub identity: Option<String>,
    /// When this was written.
    #[serde(with = "moment")]
    pub written_at: i64,
    /// From then on it tells nothing.
    #[serde(with = "moment")]
    pub expires_at: i64,
    /// The agent's version.
    pub version: String,
    /// The stage that the hooks were run for last, to their end.
    #[serde(with = "stage_or_null", default)]
    pub hooks_told: Option<Stage>,
}

/// The licence. Its dates are neither the end of grace nor that of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceNote {
    /// What it is worth.
    #[serde(with = "licence_state")]
    pub state: LicenceState,
    /// Its id.
    pub id: Option<String>,
    /// The first second after it.
    #[serde(with = "moment_or_null")]
    pub expires_at: Option<i64>,
    /// From when on the agent asks for the next one.
    #[serde(with = "moment_or_null")]
    pub renew_from: Option<i64>,
}

impl Default for LicenceNote {
    fn default() -> Self {
        LicenceNote { state: LicenceState::Missing, id: None, expires_at: None, renew_from: None }
    }
}

impl From<&Licence> for LicenceNote {
    fn from(licence: &Licence) -> Self {
        LicenceNote {
            state: licence.state,
            id: licence.id.clone(),
            expires_at: licence.expires_at,
            renew_from: licence.renew_from,
        }
    }
}

const fn grace() -> Because {
    Because::Grace
}

/// What grace is counted from, and when that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// What it is.
    #[serde(with = "since")]
    pub what: Since,
    /// When it was.
    #[serde(with = "moment")]
    pub at: i64,
}

impl Document {
    /// What is told of a state at `now` (unix seconds).
    pub(super) fn new(state: &State, hooks_told: Option<Stage>, now: i64) -> Self {
        let term = Term::begun(now, state.changes_at);
        Document {
            state: state.stage,
            because: state.because,
            may_run: state.stage.may_run(),
            days_left: state.days_left,
            seconds_left: state.left_s,
            next_report_due: state.next_report_due,
            grace_end: state.grace_end,
            ahead_s: state.ahead_s,
            contract_end: state.contract_end,
            licence: LicenceNote::from(&state.licence),
            since: Start { what: state.since, at: state.since_at },
            instance: state.instance.clone(),
            identity: state.identity.clone(),
            written_at: term.written_at,
            expires_at: term.expires_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hooks_told,
        }
    }

    /// Whether it tells this state, and needs not be told again yet. The seconds left are of the moment that it was written.
    pub(super) fn still_tells(&self, state: &State, hooks_told: Option<Stage>, now: i64) -> bool {
        let news = Document::new(state, hooks_told, now);
        // Two clocks, read a moment apart, make a second's difference.
        let same_end = news.grace_end.abs_diff(self.grace_end) <= 1;
        let again = Document {
            grace_end: if same_end { self.grace_end } else { news.grace_end },
            ahead_s: self.ahead_s,
            seconds_left: self.seconds_left,
            written_at: self.written_at,
            expires_at: self.expires_at,
            ..news
        };
        // Where the stage is now known to end sooner, what was told holds for too long.
        *self == again
            && !self.term().is_worn(now)
            && self.expires_at <= Term::begun(now, state.changes_at).expires_at
    }

    /// When it was told, and until when it holds.
    #[must_use]
    pub const fn term(&self) -> Term {
        Term { written_at: self.written_at, expires_at: self.expires_at }
    }

    /// Reads what [`Document::text`] writes; keys that are not known are passed over.
    ///
    /// # Errors
    /// When it is not that: what does not fit.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.may_run != document.state.may_run() {
            let word = document.state.word();
            return Err(format!("state is {word}, but may_run is {}", document.may_run));
        }
        Ok(document)
    }

    /// As JSON, on one line.
    #[must_use]
    pub fn text(&self) -> String {
        // Nothing in it that JSON can't write; if there were, an empty file would be no word that anybody believes.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// A closed set's words in JSON.
macro_rules! words {
    ($module:ident, $type:ty) => {
        mod $module {
            use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

            pub(super) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(value.word())
            }

            pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<$type, D::Error> {
                let word = String::deserialize(from)?;
                <$type>::from_word(&word)
                    .ok_or_else(|| D::Error::custom(format!("{word:?} is no known word")))
            }
        }
    };
}
words!(stage, highwater_rules::grace::Stage);
words!(since, highwater_rules::grace::Since);
words!(because, highwater_rules::licence::Because);
words!(licence_state, highwater_rules::licence::LicenceState);

mod stage_or_null {
    use highwater_rules::grace::Stage;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Stage>, to: S) -> Result<S::Ok, S::Error> {
        value.map(Stage::word).serialize(to)
    }

    /// A word that is not known is as good as none: the hooks are run again.
    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Stage>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.and_then(|word| Stage::from_word(&word)))
    }
}

mod moment {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(unix_s: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&highwater_rules::day::timestamp(*unix_s))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<i64, D::Error> {
        let text = String::deserialize(from)?;
        let moment: jiff::Timestamp =
            text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no moment of RFC 3339")))?;
        Ok(moment.as_second())
    }
}

mod moment_or_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Moment(#[serde(with = "super::moment")] i64);

    pub(super) fn serialize<S: Serializer>(unix_s: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        unix_s.map(Moment).serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<i64>, D::Error> {
        Ok(Option::<Moment>::deserialize(from)?.map(|moment| moment.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn state() -> State {
        State {
            stage: Stage::Open,
            because: Because::Grace,
            days_left: 71,
            left_s: 71 * 86_400 - 5,
            grace_end: NOW + 71 * 86_400 - 5,
            ahead_s: 0,
            changes_at: Some(NOW + 41 * 86_400 - 4),
            next_report_due: None,
            contract_end: Some(NOW + 400 * 86_400),
            licence: Licence {
                state: LicenceState::Valid,
                id: Some("l-1".to_owned()),
                expires_at: Some(NOW + 10 * 86_400),
                renew_from: Some(NOW + 7 * 86_400),
            },
            since: Since::Receipt,
            since_at: NOW - 19 * 86_400 - 5,
            instance: "96cd165a-7e9d-4e74-b859-692395d8f383".to_owned(),
            identity: None,
        }
    }

    #[test]
    fn it_is_written_as_documented() {
        let document = Document::new(&state(), Some(Stage::Open), NOW);
        let expect =
            r#"{"state":"open","because":"grace","may_run":true,"days_left":71,"seconds_left":6134395,"next_report_due":null,"#
                .to_owned()
                + r#""grace_end":"2027-01-28T11:06:35Z","ahead_s":0,"contract_end":"2027-12-23T11:06:40Z","#
                + r#""licence":{"state":"valid","id":"l-1","expires_at":"2026-11-28T11:06:40Z","renew_from":"2026-11-25T11:06:40Z"},"#
                + r#""since":{"what":"receipt","at":"2026-10-30T11:06:35Z"},"#
                + r#""instance":"96cd165a-7e9d-4e74-b859-692395d8f383","identity":null,"#
                + r#""written_at":"2026-11-18T11:06:40Z","expires_at":"2026-11-18T12:06:40Z","#
                + &format!(r#""version":"{}","hooks_told":"open"}}"#, env!("CARGO_PKG_VERSION"))
                + "\n";
        assert_eq!(document.text(), expect);
        assert_eq!(Document::parse(&expect), Ok(document));
    }

    #[test]
    fn a_file_of_before_there_were_licences_is_read_still() {
        let text = Document::new(&state(), None, NOW).text().replace(r#""ahead_s":0,"#, "");
        let (before, rest) = text.split_once(r#""licence""#).unwrap();
        let old =
            format!("{before}{}", rest.split_once("},").unwrap().1).replace(r#""because":"grace","#, "");
        let document = Document::parse(&old).unwrap();
        assert_eq!((document.because, document.licence), (Because::Grace, LicenceNote::default()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let text = Document::new(&state(), None, NOW).text();
        for (from, to) in [
            ("\"open\"", "\"ajar\""),
            ("\"open\"", "\"closed\""),
            ("true", "false"),
            ("\"written_at\"", "\"written\""),
            ("2026-11-18T12:06:40Z", "tomorrow"),
            ("71", "\"71\""),
            ("}", ""),
        ] {
            assert!(text.contains(from));
            assert!(Document::parse(&text.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(Document::parse("").is_err());
        let more = text.replacen('{', "{\"of_a_later_version\":[1],", 1);
        assert!(Document::parse(&more).is_ok());
    }

    #[test]
    fn it_is_told_again_when_it_changed_or_wore_and_not_before() {
        let told = Document::new(&state(), None, NOW);
        let later = |left_s: i64| State { left_s, ..state() };
        assert!(told.still_tells(&later(1), None, NOW + 1799), "the seconds left alone are no news");
        let end = |by: i64| State { grace_end: state().grace_end + by, ahead_s: -by, ..state() };
        assert!(told.still_tells(&end(-1), None, NOW), "clocks are read a moment apart");
        assert!(!told.still_tells(&end(-2), None, NOW));
        assert!(!told.still_tells(&state(), None, NOW + 1800));
        assert!(!told.still_tells(&state(), None, NOW - 1));
        assert!(!told.still_tells(&state(), Some(Stage::Open), NOW));
        for news in [
            State { stage: Stage::Closed, ..state() },
            State { days_left: 70, ..state() },
            State { next_report_due: Some(NOW), ..state() },
            State { identity: Some("a".to_owned()), ..state() },
            State { because: Because::Licence, ..state() },
            State { licence: Licence { state: LicenceState::Expired, ..state().licence }, ..state() },
            State { since: Since::Activation, ..state() },
            State { changes_at: Some(NOW + 600), ..state() },
        ] {
            assert!(!told.still_tells(&news, None, NOW), "{news:?}");
        }
    }
}
